import { context, isSpanContextValid, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { ClientSpan, Tracing } from '../tracing.js';

const KINDS = { internal: SpanKind.INTERNAL, client: SpanKind.CLIENT } as const;

/**
 * Spans through OpenTelemetry, for the option `tracing` of `ConcordatClient`: one for each transaction and one for each request,
 * below whatever span is active. They go where the application's own go; without an SDK there are none.
 */
export function openTelemetry(): Tracing {
  const tracer = trace.getTracer('@concordat/client');
  return {
    async span({ name, kind, attributes }, work) {
      const span = tracer.startSpan(name, { kind: KINDS[kind], attributes });
      try {
        return await context.with(trace.setSpan(context.active(), span), () => work(clientSpan(span)));
      } catch (error) {
        const { code, name = 'unknown', message = '' } = (error ?? {}) as { code?: unknown } & Partial<Error>;
        fail(span, typeof code === 'string' ? code : name, message);
        throw error;
      } finally {
        span.end();
      }
    },
  };
}

const clientSpan = (span: Span): ClientSpan => ({
  headers: headersOf(span),
  set: (attributes) => void span.setAttributes(attributes),
  fail: (code, message) => fail(span, code, message),
});

/** W3C's whatever the application has chosen for itself: the coordinator reads no other. */
function headersOf(span: Span): Record<string, string> {
  const spanContext = span.spanContext();
  if (!isSpanContextValid(spanContext)) return {};
  const { traceId, spanId, traceFlags, traceState } = spanContext;
  const traceparent = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
  const tracestate = traceState?.serialize() ?? '';
  return tracestate === '' ? { traceparent } : { traceparent, tracestate };
}

function fail(span: Span, code: string, message: string): void {
  span.setAttribute('error.type', code).setStatus({ code: SpanStatusCode.ERROR, message });
}
