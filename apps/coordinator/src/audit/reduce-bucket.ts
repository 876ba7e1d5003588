/** Reduce of one bucket: merges what all pieces say of its transactions, judges each, compares with the records. */
import {
  type AuditWindow,
  type Cause,
  compare,
  decodeFacts,
  type Facts,
  isViolation,
  type Judgement,
  judge,
  type KnownRecord,
  mergeFacts,
  VERDICTS,
  type Verdict,
  type Violation,
  wordsOf,
} from '@concordat/audit';
import { compareTransactionIds, parseTransactionId } from '@concordat/protocol';
import type { AuditTotals, ViolationView } from '../engine/audit-api.js';
import type { AuditFiles, MappedPiece, ReducedBucket, ReducePlan } from './audit-files.js';

/** Violations kept in a report, those with the lowest ids; all are counted. */
const VIOLATIONS_KEPT_MAX = 10_000;
/** Records asked for at once. */
const LOOK_UP_MAX = 1_000;

/** The coordinator's own records, for many ids at once. */
export type LookUp = (ids: readonly string[]) => Promise<ReadonlyMap<string, KnownRecord>>;

/** @param lookUp undefined: Kafka alone */
export async function reduceBucket(
  bucket: number,
  reduce: ReducePlan,
  parts: { readonly files: AuditFiles; readonly mapped: readonly MappedPiece[]; readonly lookUp: LookUp | undefined },
): Promise<void> {
  const { files, mapped, lookUp } = parts;
  const window = windowOf(reduce);
  const transactions = await merged(bucket, files, mapped);
  const ids = [...transactions.keys()];
  const totals = noTotals();
  const violations: ViolationView[] = [];
  for (let from = 0; from < ids.length; from += LOOK_UP_MAX) {
    const some = ids.slice(from, from + LOOK_UP_MAX);
    const records = lookUp ? await lookUp(some) : new Map<string, KnownRecord>();
    for (const id of some) {
      const facts = transactions.get(id) as Facts;
      const record = records.get(id) ?? (lookUp && records.has(id) ? null : 'unknown');
      const kafka = judge(facts, window);
      const judged = compare(kafka, facts, record, window);
      count(totals, judged, record);
      if (isViolation(judged.verdict)) {
        violations.push(viewOf(id, facts, { ...judged, verdict: judged.verdict }, kafka, record));
      }
    }
  }
  const reduced: ReducedBucket = { ...totals, violationsKept: lowest(violations) };
  await files.reduced(bucket).write(reduced);
}

async function merged(bucket: number, files: AuditFiles, mapped: readonly MappedPiece[]): Promise<Map<string, Facts>> {
  const transactions = new Map<string, Facts>();
  for (const [piece, one] of mapped.entries()) {
    const text = await files.readBucket(piece, one, bucket);
    for (const line of text.split('\n')) {
      if (line === '') continue;
      const { id, facts } = decodeFacts(line);
      const known = transactions.get(id);
      if (known) mergeFacts(known, facts);
      else transactions.set(id, facts);
    }
  }
  return transactions;
}

type Totals = { -readonly [K in Exclude<keyof AuditTotals, 'records'>]: AuditTotals[K] } & {
  verdicts: Record<Verdict, number>;
  incomplete: Partial<Record<Cause, number>>;
};

export const noTotals = (): Totals => ({
  transactions: 0,
  verdicts: Object.fromEntries(VERDICTS.map((verdict) => [verdict, 0])) as Record<Verdict, number>,
  incomplete: {},
  compared: 0,
  violations: 0,
});

function count(totals: Totals, { verdict, causes }: Judgement, record: KnownRecord): void {
  totals.transactions += 1;
  totals.verdicts[verdict] += 1;
  if (record !== 'unknown') totals.compared += 1;
  if (isViolation(verdict)) totals.violations += 1;
  if (verdict === 'incomplete') {
    for (const cause of causes) totals.incomplete[cause] = (totals.incomplete[cause] ?? 0) + 1;
  }
}

/** Sums what buckets have counted, and keeps the violations with the lowest ids. */
export function sumBuckets(buckets: Iterable<ReducedBucket>): ReducedBucket {
  const sum = noTotals();
  let kept: ViolationView[] = [];
  for (const one of buckets) {
    sum.transactions += one.transactions;
    sum.compared += one.compared;
    sum.violations += one.violations;
    for (const verdict of VERDICTS) sum.verdicts[verdict] += one.verdicts[verdict];
    for (const [cause, number] of Object.entries(one.incomplete) as [Cause, number][]) {
      sum.incomplete[cause] = (sum.incomplete[cause] ?? 0) + number;
    }
    kept = lowest([...kept, ...one.violationsKept]);
  }
  return { ...sum, violationsKept: kept };
}

function lowest(violations: readonly ViolationView[]): ViolationView[] {
  const parsed = violations.map((one) => ({ one, id: parseTransactionId(one.transactionId) }));
  parsed.sort((a, b) => (a.id && b.id ? compareTransactionIds(a.id, b.id) : 0));
  return parsed.slice(0, VIOLATIONS_KEPT_MAX).map(({ one }) => one);
}

function viewOf(
  transactionId: string,
  facts: Facts,
  { verdict, causes }: Judgement & { readonly verdict: Violation },
  kafka: Judgement,
  record: KnownRecord,
): ViolationView {
  const said = [...facts.said].map(([name, bits]) => ({ name, said: wordsOf(bits) }));
  said.sort((a, b) => (a.name < b.name ? -1 : 1));
  const events = [...facts.events].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, event]) => event);
  return { transactionId, verdict, kafkaVerdict: kafka.verdict, causes, participants: said, events, record };
}

/** With its infinities. */
export function windowOf({ window }: ReducePlan): AuditWindow {
  return {
    repliesFromMs: window.repliesFromMs ?? Number.NEGATIVE_INFINITY,
    eventsFromMs: window.eventsFromMs ?? Number.NEGATIVE_INFINITY,
    repliesToMs: window.repliesToMs as number,
    eventsToMs: window.eventsToMs as number,
    settleMs: window.settleMs as number,
  };
}
