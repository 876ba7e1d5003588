/** Larger bodies are answered 413 unread. */
export const BODY_BYTES_MAX = 256 * 1024;
/** Ids are far shorter; this leaves room to call a long one unknown rather than malformed. */
export const PATH_PARAMETER_LENGTH_MAX = 2_000;
/** A comment line goes to each event stream this often, so that proxies and clients see that it lives. */
export const EVENT_HEARTBEAT_MS = 15_000;
/** Event streams open at once; further ones are refused as overload. */
export const EVENT_STREAMS_MAX = 1_000;
