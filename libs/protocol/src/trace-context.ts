/**
 * The trace that a request or a message belongs to, as its headers `traceparent` and `tracestate` tell (W3C Recommendation
 * *Trace Context*). Headers are never trusted: what is malformed counts as not there, and nothing here throws.
 */

/** Headers as they are sent on. */
export interface TraceHeaders {
  readonly traceparent: string;
  readonly tracestate?: string;
}

/** One span of a trace, in the shape of OpenTelemetry's `SpanContext`. */
export interface SpanReference {
  /** 32 hexadecimal digits, not all zero. */
  readonly traceId: string;
  /** 16 hexadecimal digits, not all zero. */
  readonly spanId: string;
  /** Bit 0: the trace is kept. */
  readonly traceFlags: number;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const TRACEPARENT_LENGTH = 55;
/** Of later versions more may follow; longer ones are no longer read. */
const TRACEPARENT_LENGTH_MAX = 200;
const TRACESTATE = /^[\x20-\x7e\t]+$/;
/** What every system must pass on, by the recommendation. */
const TRACESTATE_LENGTH_MAX = 512;
const VERSION_FORBIDDEN = 'ff';
const ZEROS = /^0+$/;

/** @returns undefined for whatever is no valid `traceparent` */
export function parseTraceparent(header: unknown): SpanReference | undefined {
  if (typeof header !== 'string' || header.length > TRACEPARENT_LENGTH_MAX) return undefined;
  const [, version, traceId = '', spanId = '', flags = ''] = TRACEPARENT.exec(header) ?? [];
  if (version === undefined || version === VERSION_FORBIDDEN) return undefined;
  if (version === '00' && header.length !== TRACEPARENT_LENGTH) return undefined;
  if (ZEROS.test(traceId) || ZEROS.test(spanId)) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) };
}

/**
 * The part of some headers that belongs to a trace, to be sent on as it is.
 * @returns undefined where there is no valid `traceparent`; a `tracestate` that cannot be used is left out
 */
export function readTraceHeaders(headers: Readonly<Record<string, unknown>>): TraceHeaders | undefined {
  const { traceparent, tracestate } = headers;
  if (traceparent === undefined || parseTraceparent(traceparent) === undefined) return undefined;
  return withState(traceparent as string, tracestate);
}

/** @param span as OpenTelemetry describes the span that whoever receives the headers is to continue */
export function traceHeadersOf(span: SpanReference & { readonly traceState?: { serialize(): string } }): TraceHeaders {
  const flags = (span.traceFlags & 0xff).toString(16).padStart(2, '0');
  return withState(`00-${span.traceId}-${span.spanId}-${flags}`, span.traceState?.serialize());
}

function withState(traceparent: string, tracestate: unknown): TraceHeaders {
  const isUsable =
    typeof tracestate === 'string' && tracestate.length <= TRACESTATE_LENGTH_MAX && TRACESTATE.test(tracestate);
  return isUsable ? { traceparent, tracestate } : { traceparent };
}
