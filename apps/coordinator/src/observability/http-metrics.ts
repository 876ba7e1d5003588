import type { FastifyInstance } from 'fastify';
import type { MetricsRegistry } from './metrics-registry.js';
import type { HistogramSeries } from './series.js';

const MS_PER_S = 1000;

/**
 * Rate, errors and duration per route, method and status: `concordat_http_request_duration_seconds`. Routes are
 * patterns, so there are only so many; a path that is not served counts as `unmatched`.
 */
export function measureRequests(app: FastifyInstance, metrics: MetricsRegistry): void {
  const family = metrics.durations(
    'concordat_http_request_duration_seconds',
    'Duration of HTTP requests by route, method and status.',
    ['route', 'method', 'status'],
  );
  const held = new Map<string, HistogramSeries>();
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.is404 ? 'unmatched' : (request.routeOptions.url ?? 'unmatched');
    const method = request.is404 ? 'any' : request.method;
    const key = `${method} ${route} ${reply.statusCode}`;
    let series = held.get(key);
    if (!series) {
      series = family.with({ route, method, status: reply.statusCode });
      held.set(key, series);
    }
    series.observe(reply.elapsedTime / MS_PER_S);
    done();
  });
}
