import { backoffMs } from './backoff.js';
import { type Clock, type Random, sleep } from './clock.js';
import { Deadline } from './deadline.js';
import { DeadlineExceededError } from './errors.js';
import type { Transaction } from './generated/api.js';
import type { Rest } from './rest.js';
import { readEvents } from './server-sent-events.js';

/** The coordinator sends a heartbeat every 15 s; two may be missed. In ms. */
const SILENCE_MS_MAX = 40_000;
/** How long a stream may take to begin before a long poll is tried instead, in ms. */
const STREAM_TIMEOUT_MS = 5_000;
/** Longer than the coordinator's long poll. */
const POLL_TIMEOUT_MS = 35_000;

export interface WatchOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The states of a transaction, each new one once, until it is completed: by server-sent events, and by long polls where no
 * stream comes. A stream that breaks is opened again, at any replica; states that came and went meanwhile are not shown.
 * @throws ConcordatError transaction-not-found, transaction-gone, and whatever refuses a read for good; the signal's reason
 */
export async function* watchTransaction(rest: Rest, id: string, options: WatchOptions): AsyncGenerator<Transaction> {
  const { clock, random, signal } = options;
  const seen = new Seen();
  let fruitless = 0;
  for (;;) {
    const before = seen.count;
    for await (const transaction of oneStream(rest, id, seen, options)) {
      yield transaction;
      if (transaction.status === 'completed') return;
    }
    fruitless = seen.count > before ? 0 : fruitless + 1;
    await sleep(clock, backoffMs(Math.min(fruitless, 10), random), signal);
  }
}

/** What one stream tells before it breaks or ends; one long poll where there is no stream. */
async function* oneStream(
  rest: Rest,
  id: string,
  seen: Seen,
  { clock, signal }: WatchOptions,
): AsyncGenerator<Transaction> {
  const stream = await rest
    .events(id, seen.eventId, new Deadline(clock, STREAM_TIMEOUT_MS, signal))
    .catch(unlessRefused);
  if (!stream) {
    const wait = seen.isDecided ? 'completed' : 'decided';
    const transaction = await rest.get(id, { wait }, new Deadline(clock, POLL_TIMEOUT_MS, signal)).catch(unlessRefused);
    if (transaction && seen.isNew(transaction)) yield transaction;
    return;
  }
  try {
    for await (const { name, data, id: eventId } of readEvents(stream, SILENCE_MS_MAX, clock)) {
      seen.eventId = eventId;
      const transaction = name === 'transaction' ? (JSON.parse(data) as Transaction) : undefined;
      if (transaction && seen.isNew(transaction)) yield transaction;
    }
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    if (error instanceof SyntaxError) throw error;
    // Broken or silent: the next stream begins with the state as it is.
  }
}

/** What was shown already. */
class Seen {
  count = 0;
  eventId = '';
  isDecided = false;
  #last = '';

  isNew(transaction: Transaction): boolean {
    const text = JSON.stringify(transaction);
    if (text === this.#last) return false;
    this.#last = text;
    this.count += 1;
    this.isDecided = !isUndecided(transaction);
    return true;
  }
}

export const isUndecided = ({ status }: Transaction): boolean => status === 'active' || status === 'preparing';

/** A replica with too many streams may still answer a poll; where nobody answers, a watcher tries again. */
function unlessRefused(error: unknown): undefined {
  if (!(error instanceof DeadlineExceededError)) throw error;
}
