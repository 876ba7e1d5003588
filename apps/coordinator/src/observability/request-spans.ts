import { traceHeadersOf } from '@concordat/protocol';
import { type Span, SpanKind, SpanStatusCode, type Tracer } from '@opentelemetry/api';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { contextOf } from './trace-context.js';

/** Asked again and again by machines, statuses for many transactions at once; nobody looks for the trace of one. */
const UNTRACED = ['/health', '/metrics', '/console', '/docs', '/v1/statuses'];
const SERVER_ERROR = 500;

/**
 * One span for each request of the API, which continues its caller's trace; by OpenTelemetry's semantic conventions for HTTP.
 * To be installed before all that may refuse a request. Other code finds the trace by `traceOf(request)`.
 */
export function traceRequests(fastify: FastifyInstance, tracer: Tracer): void {
  const spans = new WeakMap<FastifyRequest, Span>();
  fastify.decorateRequest('traceHeaders', undefined);
  fastify.addHook('onRequest', (request, _reply, done) => {
    const route = request.is404 ? undefined : request.routeOptions.url;
    if (route !== undefined && !UNTRACED.some((path) => route.startsWith(path))) {
      const span = startSpan(tracer, request, route);
      spans.set(request, span);
      request.traceHeaders = traceHeadersOf(span.spanContext());
    }
    done();
  });
  const end = (request: FastifyRequest, status: number | undefined): void => {
    const span = spans.get(request);
    if (!span) return;
    spans.delete(request);
    if (status === undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: 'the caller has gone' });
    else {
      span.setAttribute('http.response.status_code', status);
      if (status >= SERVER_ERROR)
        span.setAttribute('error.type', String(status)).setStatus({ code: SpanStatusCode.ERROR });
    }
    span.end();
  };
  fastify.addHook('onResponse', (request, reply, done) => {
    end(request, reply.raw.statusCode); // also where the answer was written past Fastify
    done();
  });
  fastify.addHook('onRequestAbort', (request, done) => {
    end(request, undefined);
    done();
  });
}

function startSpan(tracer: Tracer, request: FastifyRequest, route: string): Span {
  const { method, url, params } = request;
  const { id } = (params ?? {}) as { id?: string };
  const attributes = {
    'http.request.method': method,
    'http.route': route,
    'url.path': url.split('?', 1)[0] ?? '/',
    'url.scheme': request.protocol,
    ...(id !== undefined && route.startsWith('/v1/transactions') && { 'concordat.transaction.id': id }),
  };
  const parent = contextOf(request.headers as { traceparent?: string; tracestate?: string });
  return tracer.startSpan(`${method} ${route}`, { kind: SpanKind.SERVER, attributes }, parent);
}
