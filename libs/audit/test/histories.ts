/** Histories as the protocol writes them to Kafka, made from choices, for property tests. */
import { EVENTS_TOPIC, encodeMessage, REPLIES_TOPIC, type Vote } from '@concordat/protocol';
import fc from 'fast-check';
import {
  type AuditWindow,
  bucketOf,
  decodeFacts,
  encodeFacts,
  FactGatherer,
  type Facts,
  type Judgement,
  judge,
  mergeFacts,
} from '../src/index.js';

const CSN_BASE = 1_000_000;
export const START_MS = 1_700_000_000_000;
const HOUR_MS = 3_600_000;
/** What a transaction may take from its first vote to its decision, and the patience of the audit. */
export const SETTLE_MS = 900_000;

export interface TestRecord {
  readonly topic: string;
  readonly key: string;
  readonly timestampMs: number;
  readonly value: Buffer;
  readonly headers: Record<string, string>;
}

type Vote3 = Vote['vote'];

/** One transaction by what happens to it; delays in ms. */
export interface Story {
  readonly beganMs: number;
  readonly ending: 'committed' | 'aborted' | 'presumed';
  readonly votes: readonly { readonly vote: Vote3; readonly afterMs: number; readonly doneAfterMs: number }[];
  readonly decidedAfterMs: number;
  readonly publishedAfterMs: number;
  /** A PREPARE that came again after everything was forgotten is refused. */
  readonly lateRefusal: boolean;
}

export const story: fc.Arbitrary<Story> = fc.record({
  beganMs: fc.integer({ min: 0, max: 48 * HOUR_MS }).map((ms) => START_MS + ms),
  ending: fc.constantFrom('committed', 'committed', 'aborted', 'presumed'),
  votes: fc.array(
    fc.record({
      vote: fc.constantFrom<Vote3>('prepared', 'prepared', 'read-only', 'refused'),
      afterMs: fc.integer({ min: 0, max: 100_000 }),
      doneAfterMs: fc.oneof(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 12 * HOUR_MS })),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  decidedAfterMs: fc.integer({ min: 100_000, max: 600_000 }),
  publishedAfterMs: fc.integer({ min: 0, max: 60_000 }),
  lateRefusal: fc.boolean(),
});

export const idOf = (index: number): string => `lk3j4-1-${(index + 1).toString(36)}`;
export const csnOf = (index: number): number => CSN_BASE + index;

const participantOf = (index: number): string => `p-${String.fromCharCode(97 + index)}`;

/** The records of one transaction, as an honest system writes them. */
export function recordsOf(index: number, one: Story): TestRecord[] {
  const id = idOf(index);
  const decidedMs = one.beganMs + one.decidedAfterMs;
  const committed = one.ending === 'committed';
  const records = one.votes.flatMap(({ vote, afterMs, doneAfterMs }, at) => {
    const name = participantOf(at);
    const cast = committed && vote === 'refused' ? 'prepared' : vote; // nobody commits without every yes (D3)
    const own = [voteRecord(id, name, cast, one.beganMs + afterMs)];
    // Without an event, a branch that nobody tells for longer than the audit is patient is an orphan as long as that lasts.
    const doneMs = decidedMs + (one.ending === 'presumed' ? Math.min(doneAfterMs, 200_000) : doneAfterMs);
    // A prepared branch repeats its vote until it hears the decision (D6).
    if (cast === 'prepared') own.push(voteRecord(id, name, cast, doneMs - 1));
    if (cast === 'prepared') own.push(doneRecord(id, name, committed ? 'committed' : 'rolled-back', doneMs));
    if (one.lateRefusal) own.push(voteRecord(id, name, 'refused', doneMs + 60_000));
    return own;
  });
  if (one.ending === 'presumed') return records;
  const names = one.votes.map((_, at) => participantOf(at));
  return [...records, eventRecord(id, committed ? csnOf(index) : null, names, decidedMs + one.publishedAfterMs)];
}

const reply = (message: object, timestampMs: number): TestRecord => ({
  topic: REPLIES_TOPIC,
  key: (message as { transactionId: string }).transactionId,
  timestampMs,
  value: Buffer.from(encodeMessage({ v: 1, ...message } as never)),
  headers: {},
});

export const voteRecord = (transactionId: string, participant: string, vote: Vote3, atMs: number): TestRecord => {
  const results = vote === 'refused' ? null : [];
  return reply({ type: 'vote', participant, transactionId, vote, results, reason: null }, atMs);
};

export const doneRecord = (
  transactionId: string,
  participant: string,
  outcome: 'committed' | 'rolled-back' | 'hazard',
  atMs: number,
): TestRecord => reply({ type: 'done', participant, transactionId, outcome, detail: null }, atMs);

/** @param csn null for an abort */
export const eventRecord = (
  transactionId: string,
  csn: number | null,
  participants: readonly string[],
  atMs: number,
  reason: object | null = null,
): TestRecord => {
  const at = new Date(atMs).toISOString();
  const type = csn === null ? 'transaction.aborted' : 'transaction.committed';
  const event = { v: 1, type, transactionId, index: 1, csn, at, label: null, participants, reason } as never;
  return {
    topic: EVENTS_TOPIC,
    key: transactionId,
    timestampMs: atMs,
    value: Buffer.from(encodeMessage(event)),
    headers: {},
  };
};

/** Everything was read, and nothing was cut. */
export const WHOLE: AuditWindow = {
  repliesFromMs: Number.NEGATIVE_INFINITY,
  repliesToMs: START_MS + 1000 * HOUR_MS,
  eventsFromMs: Number.NEGATIVE_INFINITY,
  eventsToMs: START_MS + 1000 * HOUR_MS,
  settleMs: SETTLE_MS,
};

/** The records that are left, in a window that says so. */
export function cut(records: readonly TestRecord[], window: AuditWindow): TestRecord[] {
  return records.filter(({ topic, timestampMs }) => {
    const [from, to] =
      topic === EVENTS_TOPIC ? [window.eventsFromMs, window.eventsToMs] : [window.repliesFromMs, window.repliesToMs];
    return timestampMs >= from && timestampMs <= to;
  });
}

/** Map in pieces, shuffle through lines of text, merge, judge: as the workers do it, without files. */
export function auditOf(
  records: readonly TestRecord[],
  window: AuditWindow,
  { pieces = 3, buckets = 4, seed = 7 } = {},
): Map<string, Judgement & { readonly facts: Facts }> {
  const shelves = Array.from({ length: buckets }, () => [] as string[]);
  const size = Math.max(1, Math.ceil(records.length / pieces));
  for (let from = 0; from < records.length; from += size) {
    const gatherer = new FactGatherer();
    for (const record of records.slice(from, from + size)) gatherer.add(record);
    for (const [id, facts] of gatherer.transactions) shelves[bucketOf(id, seed, buckets)]?.push(encodeFacts(id, facts));
  }
  const judged = new Map<string, Judgement & { facts: Facts }>();
  for (const lines of shelves) {
    const merged = new Map<string, Facts>();
    for (const { id, facts } of lines.map(decodeFacts)) {
      const known = merged.get(id);
      if (known) mergeFacts(known, facts);
      else merged.set(id, facts);
    }
    for (const [id, facts] of merged) judged.set(id, { ...judge(facts, window), facts });
  }
  return judged;
}
