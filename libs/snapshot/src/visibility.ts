/**
 * Rule S1: which version of a row a snapshot shows, where the row has an intent. Pure but for two questions, to the
 * coordinator and to the table again.
 */
import { ConcordatError, type StatusAnswer } from '@concordat/protocol';
import type { Row } from './table.js';

/** One version of a row, or an intent. */
export interface Version {
  /** Null for a tombstone. */
  readonly row: Row | null;
  readonly transactionId: string;
  /** Whether a filter matches this very version; true where there is no filter. */
  readonly matches: boolean;
}

/** What one statement found of one row: the intent, and the newest version at or below the snapshot. */
export interface Found {
  readonly intent?: Version | undefined;
  readonly version?: Version | undefined;
}

/**
 * Asks a replica of the coordinator what became of transactions. The answer comes from a replica that had applied
 * `minCsn` before it looked, names every transaction that was asked for, and `unknown` is never taken from a cache (D6).
 */
export interface StatusSource {
  at(transactionIds: readonly string[], minCsn: number): Promise<ReadonlyMap<string, StatusAnswer>>;
}

export interface Questions {
  readonly statuses: StatusSource;
  /** A CSN. */
  readonly snapshot: number;
  /** Reads rows again, by encoded key. */
  readonly readAgain: (keys: readonly string[]) => Promise<ReadonlyMap<string, Found>>;
}

/** A row whose intent is unknown again and again has a new writer each time; no sane load does that for long. */
const ROUNDS_MAX = 16;

/**
 * Chooses the visible version of each row. An intent is visible if its transaction committed at or below the snapshot.
 *
 * - Not finalised is not undecided. T commits with csn 5 and its rows still are intents; a reader at 5 that passed them
 *   over would see the other bank's half of T, which is finalised already, and not this one.
 * - Committed is not visible. T commits with csn 7 while a reader at 5 asks: to take it would show, of two reads at the
 *   same snapshot, one without T and one with it.
 * - Unknown is neither (D6). T committed with csn 4, was finalised here and forgotten by the coordinator after we had
 *   read its intent and before we asked: to call that an abort loses T from a snapshot that holds it. So we read again:
 *   had T been forgotten, it was finalised before, and its intent is gone. If the very same intent remains, T was not
 *   committed when we asked, and whenever it commits it does so above the snapshot.
 * - Another intent in its place is another question. T2 may have taken the row after T was finalised, and T2 may have
 *   committed at or below the snapshot as well.
 *
 * Nobody is waited for: every question is about what is so by now.
 */
export async function chooseVisible(
  found: ReadonlyMap<string, Found>,
  { statuses, snapshot, readAgain }: Questions,
): Promise<ReadonlyMap<string, Version>> {
  const visible = new Map<string, Version>();
  const show = (key: string, version: Version | undefined) => void (version?.row && visible.set(key, version));
  let open = found;
  let unknown = new Map<string, string>();
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const answers = await ask(open, unknown, statuses, snapshot);
    const stillUnknown = new Map<string, string>();
    for (const [key, { intent, version }] of open) {
      const writer = intent?.transactionId;
      const answer = writer === undefined ? undefined : answers.get(writer);
      if (writer !== undefined && answer?.status === 'unknown') stillUnknown.set(key, writer);
      else if (answer?.status === 'committed' && answer.csn <= snapshot) show(key, intent);
      else show(key, version);
    }
    if (stillUnknown.size === 0) return visible;
    unknown = stillUnknown;
    open = await readAgain([...unknown.keys()]);
  }
  throw new ConcordatError(
    'snapshot-unavailable',
    'The rows that were read changed hands faster than could be followed.',
  );
}

/** One question for all intents, but for those that were unknown and are still there: for them there is no answer. */
async function ask(
  open: ReadonlyMap<string, Found>,
  unknown: ReadonlyMap<string, string>,
  statuses: StatusSource,
  snapshot: number,
): Promise<ReadonlyMap<string, StatusAnswer>> {
  const writers = new Set<string>();
  for (const [key, { intent }] of open) {
    if (intent && intent.transactionId !== unknown.get(key)) writers.add(intent.transactionId);
  }
  if (writers.size === 0) return new Map();
  const answers = await statuses.at([...writers], snapshot);
  for (const writer of writers) {
    if (!answers.has(writer)) throw new TypeError(`nothing was answered about ${writer}`);
  }
  return answers;
}
