/** What can be wrong with a history. Kinds are named as in Adya's thesis and in the paper on Elle. */

/** Anomalies of cycles of dependencies; see classify.ts. */
export const CYCLE_KINDS = ['G0', 'G1c', 'G-single', 'G-nonadjacent', 'G2'] as const;
export type CycleKind = (typeof CYCLE_KINDS)[number];
/** A cycle may need the order within a process, or the order in real time, to close. */
type CycleOrder = '' | '-process' | '-realtime';

export const OTHER_KINDS = [
  'internal',
  'garbage-read',
  'duplicate-elements',
  'incompatible-order',
  'G1a',
  'G1b',
  'dirty-update',
  'lost-update',
] as const;
export type OtherKind = (typeof OTHER_KINDS)[number];

export type AnomalyKind = `${CycleKind}${CycleOrder}` | OtherKind;

export interface Anomaly {
  readonly kind: AnomalyKind;
  /** Ids of the transactions that take part; see `Transaction.id`. */
  readonly transactions: readonly number[];
  /** What happened, in sentences: which transaction, which key, why. The first line says it in short. */
  readonly explanation: readonly string[];
}

/** What each kind is, for people. */
export const MEANINGS: Readonly<Record<CycleKind | OtherKind, string>> = {
  G0: 'write cycle: two transactions overwrote each other',
  G1a: 'aborted read: a read shows what an aborted transaction wrote',
  G1b: 'intermediate read: a read shows a transaction half way through its writes',
  G1c: 'circular information flow: transactions saw each other',
  'G-single': 'read skew: a read shows one part of a transaction and misses another',
  'G-nonadjacent': 'long fork: readers disagree on the order of writers',
  G2: 'write skew: transactions missed each other’s writes',
  internal: 'a transaction does not see its own reads and writes',
  'garbage-read': 'a read shows what nobody wrote',
  'duplicate-elements': 'a read shows one append twice',
  'incompatible-order': 'two reads of one key contradict each other about the order of appends',
  'dirty-update': 'a committed write builds on an aborted one',
  'lost-update': 'two transactions read the same version and both wrote the next',
};
