/** Spans of what the client does. It knows no library for them: `@concordat/client/opentelemetry` brings one that speaks to it. */

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** A piece of work that is to be shown. */
export interface SpanStart {
  readonly name: string;
  /** `client`: a request that another service answers. */
  readonly kind: 'internal' | 'client';
  readonly attributes: SpanAttributes;
}

/** The span of the work that runs. */
export interface ClientSpan {
  /** Sent with a request, so that whoever answers it continues the trace (W3C Trace Context). */
  readonly headers: Readonly<Record<string, string>>;
  set(attributes: SpanAttributes): void;
  fail(code: string, message: string): void;
}

export interface Tracing {
  /** Does the work in a span, which ends with it; what the work throws is its failure. */
  span<T>(start: SpanStart, work: (span: ClientSpan) => Promise<T>): Promise<T>;
}

const NO_SPAN: ClientSpan = { headers: {}, set: () => undefined, fail: () => undefined };

/** Where nobody wants any. */
export const UNTRACED: Tracing = { span: (_, work) => work(NO_SPAN) };
