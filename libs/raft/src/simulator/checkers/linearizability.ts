/**
 * Decides whether a history of reads and writes of registers is linearizable.
 *
 * Every write writes a value of its own, which makes the question easy (Gibbons and Korach, "Testing shared memories"):
 * each value has a cluster, its write and the reads that returned it. Where all operations of a cluster overlap at some
 * moment, that moment is free to choose; where they do not, the register must have held the value from the first end to
 * the last beginning. The history is linearizable exactly if no two such stretches overlap and no free cluster lies
 * wholly inside another's stretch.
 */
import { INITIAL_VALUE } from '../register.js';
import { SafetyViolation } from './checker.js';

/** Times are positions in one total order of beginnings and ends: no two are equal. */
export interface Operation {
  readonly kind: 'read' | 'write';
  readonly key: number;
  readonly value: number;
  readonly beginsAt: number;
  /** Infinity where the outcome of a write was never learnt. Reads without an answer are left out. */
  readonly endsAt: number;
}

interface Cluster {
  readonly value: number;
  readonly write: Operation;
  /** Earliest end and latest beginning of its operations. */
  firstEnd: number;
  lastBegin: number;
  reads: number;
}

export function checkLinearizability(history: readonly Operation[]): void {
  for (const key of new Set(history.map((operation) => operation.key))) {
    checkRegister(history.filter((operation) => operation.key === key));
  }
}

function checkRegister(operations: readonly Operation[]): void {
  const clusters = [...buildClusters(operations).values()].filter(
    // A write that may not have happened, and that nobody saw, need not have happened.
    ({ write, reads }) => reads > 0 || write.endsAt !== Infinity,
  );
  const held = clusters.filter(({ firstEnd, lastBegin }) => firstEnd < lastBegin);
  held.sort((a, b) => a.firstEnd - b.firstEnd);
  for (let at = 1; at < held.length; at++) {
    const [before, after] = [held[at - 1] as Cluster, held[at] as Cluster];
    if (after.firstEnd < before.lastBegin) fail(`the values ${before.value} and ${after.value} interleave`);
  }
  for (const { value, firstEnd, lastBegin } of clusters) {
    if (firstEnd < lastBegin) continue;
    const around = held.find((other) => other.firstEnd < lastBegin && firstEnd < other.lastBegin);
    if (around) fail(`the value ${value} comes and goes while the register holds ${around.value}`);
  }
}

function buildClusters(operations: readonly Operation[]): Map<number, Cluster> {
  const initial: Operation = { kind: 'write', key: 0, value: INITIAL_VALUE, beginsAt: -2, endsAt: -1 };
  const clusters = new Map<number, Cluster>();
  for (const write of [initial, ...operations.filter(({ kind }) => kind === 'write')]) {
    const { value, endsAt, beginsAt } = write;
    if (clusters.has(value))
      throw new Error(`the value ${value} is written twice: this checker cannot tell them apart`);
    clusters.set(value, { value, write, firstEnd: endsAt, lastBegin: beginsAt, reads: 0 });
  }
  for (const { kind, value, beginsAt, endsAt } of operations) {
    if (kind !== 'read') continue;
    const cluster = clusters.get(value) ?? fail(`a read returns ${value}, which nobody wrote`);
    if (endsAt < cluster.write.beginsAt) fail(`a read returns ${value} before it is written`);
    cluster.firstEnd = Math.min(cluster.firstEnd, endsAt);
    cluster.lastBegin = Math.max(cluster.lastBegin, beginsAt);
    cluster.reads++;
  }
  return clusters;
}

function fail(text: string): never {
  throw new SafetyViolation('linearizability', text);
}
