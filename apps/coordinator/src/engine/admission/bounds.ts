/** Every bound of admission by its name; docs/admission.md lists them. What callers may set is IN_FLIGHT_MAX, the hard bound. */

/** A caller takes at most this share of IN_FLIGHT_MAX, so that others find room: 429 beyond. */
export const CALLER_SHARE_MAX = 0.9;

/** The places for work under way, which follow the time that the decision log takes to make a decision durable. */
export const PLACES_MIN = 128;
export const PLACES_AT_FIRST = 512;
export const LOG_ROUND_TARGET_MS = 100;

/** What one participant may owe, which follows the time that it takes to answer a PREPARE. */
export const OWED_MIN = 64;
export const OWED_AT_FIRST = 256;
export const ANSWER_TARGET_MS = 250;

/** What has been under way for longer waits for somebody: it costs memory, not work, and no longer takes a place. */
export const WORKING_MS_MAX = 2_000;
/** A begin without a commit takes a place for this long, so that a rush of them is let in at the pace of the others. */
export const BEGIN_HOLDS_MS = 100;

/** Calls that wait for a place, altogether. */
export const WAITING_MAX = 2_000;
/** Refused at once is what would wait longer than this, by what was measured. */
export const WAIT_EXPECTED_MS_MAX = 500;
/** Refused is what has waited for this long, whatever was expected. */
export const WAIT_MS_MAX = 1_000;

/** The longest `Retry-After`; what would be due later is due then. */
export const RETRY_AFTER_MS_MAX = 30_000;
/** This share of what drains is promised to those who were refused; the rest is for those who come for the first time. */
export const PROMISED_SHARE = 0.5;
/** Callers whose promises are kept in mind; beyond it the oldest are forgotten. */
export const PROMISES_MAX = 1_000;

/** A resend waits for this many times what an answer takes, see `ResponseTime`; never less than the fixed delay. */
export const RESEND_DELAY_MS_MAX = 8_000;
