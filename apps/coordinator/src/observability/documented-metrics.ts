import type { FastifyInstance } from 'fastify';
import { guardRoutes } from '../http/access.js';
import { HTTP_LIMITS } from '../http/limits.js';
import { limitRequests } from '../http/request-limits.js';
import type { Authenticator } from '../security/authenticator.js';
import { exposeAccess } from './access-metrics.js';
import { CoordinatorMetrics } from './engine-metrics.js';
import { measureRequests } from './http-metrics.js';
import type { Logger } from './logger.js';
import { type MetricDescription, MetricsRegistry } from './metrics-registry.js';
import { exposeState } from './state-metrics.js';

/**
 * Every metric of a coordinator, as its parts register them, for docs/metrics.md. Nothing is read from the parts, since
 * nobody scrapes: one object that is whatever it is asked for stands for all of them.
 */
export function coordinatorMetrics(): readonly MetricDescription[] {
  const registry = new MetricsRegistry({ processMetrics: false });
  new CoordinatorMetrics(registry);
  exposeState(registry, anything as Parameters<typeof exposeState>[1]);
  exposeAccess(registry, { authenticator: anything as Authenticator, close: () => undefined });
  const app = anything as FastifyInstance;
  measureRequests(app, registry);
  guardRoutes(app, anything as Authenticator, registry, anything as Logger);
  limitRequests(app, HTTP_LIMITS, registry);
  return registry.descriptions;
}

const anything: unknown = new Proxy(() => undefined, { get: () => anything, apply: () => anything });
