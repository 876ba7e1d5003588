/** Larger bodies are answered 413 unread. */
export const BODY_BYTES_MAX = 256 * 1024;
/** Ids are far shorter; this leaves room to call a long one unknown rather than malformed. */
export const PATH_PARAMETER_LENGTH_MAX = 2_000;
/** A comment line goes to each event stream this often, so that proxies and clients see that it lives. */
export const EVENT_HEARTBEAT_MS = 15_000;
/** Event streams open at once; further ones are refused as overload. */
export const EVENT_STREAMS_MAX = 1_000;
/** Of these for one caller, so that one cannot take them all. */
export const EVENT_STREAMS_PER_CALLER_MAX = 500;

/** What one connection, and all of them together, may take of the server. */
export interface HttpLimits {
  /** Request line and headers; more is answered 431. */
  readonly headerBytesMax: number;
  /** More header lines are answered 431. */
  readonly headersMax: number;
  /** Characters of path and query; more is answered 414. */
  readonly urlLengthMax: number;
  /** How long the headers of a request may take to arrive, in ms; then 408, and the connection ends. */
  readonly headersTimeoutMs: number;
  /** How long the whole of a request may take to arrive, in ms. What the answer takes does not count. */
  readonly requestTimeoutMs: number;
  /** How often connections are checked for both, in ms. */
  readonly checkIntervalMs: number;
  /** How long a connection may stay open without a request, in ms. */
  readonly keepAliveMs: number;
  /** Connections at once; further ones are closed unread. */
  readonly connectionsMax: number;
}

export const HTTP_LIMITS: HttpLimits = {
  headerBytesMax: 16 * 1024,
  headersMax: 100,
  urlLengthMax: 4_096,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  checkIntervalMs: 1_000,
  keepAliveMs: 72_000,
  connectionsMax: 10_000,
};
