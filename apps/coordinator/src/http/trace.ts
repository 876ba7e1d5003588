import { parseTraceparent, readTraceHeaders, type TraceHeaders } from '@concordat/protocol';
import type { FastifyRequest } from 'fastify';

declare module 'fastify' {
  interface FastifyRequest {
    /** The span of this request, where spans are recorded (observability/request-spans.ts). */
    traceHeaders?: TraceHeaders;
  }
}

/** The trace that a request belongs to, as whatever it leads to continues it: our own span, or else the caller's. */
export const traceOf = (request: FastifyRequest): TraceHeaders | undefined =>
  request.traceHeaders ?? (request.headers.traceparent === undefined ? undefined : readTraceHeaders(request.headers));

/** The id of that trace, for logs and for problems. */
export const traceIdOf = (request: FastifyRequest): string | undefined =>
  parseTraceparent(request.traceHeaders?.traceparent ?? request.headers.traceparent)?.traceId;
