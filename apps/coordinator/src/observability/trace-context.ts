import { parseTraceparent, type TraceHeaders } from '@concordat/protocol';
import { type Context, createTraceState, ROOT_CONTEXT, trace } from '@opentelemetry/api';

/** The context in which a span continues the trace of some headers; it begins a trace of its own where there is none. */
export function contextOf({ traceparent, tracestate }: Partial<TraceHeaders>): Context {
  const span = parseTraceparent(traceparent);
  if (!span) return ROOT_CONTEXT;
  const traceState = tracestate === undefined ? undefined : createTraceState(tracestate);
  return trace.setSpanContext(ROOT_CONTEXT, { ...span, isRemote: true, ...(traceState && { traceState }) });
}
