/**
 * A participant's database in memory: rows in versions, branch rows and read marks, by the rules S4 to S8. Each method is
 * one statement: what happens between two of them is up to the world. Committed means durable here.
 *
 * A local participant uses it too, with numbers of its own instead of CSNs: an intent then is a row that is locked.
 */
import { ConcordatError, isBelow, LOWEST_TRANSACTION_ID, parseTransactionId } from '@concordat/protocol';
import type { Found, Version } from '@concordat/snapshot';

export interface StoredVersion {
  readonly transactionId: string;
  /** Null of an intent. */
  csn: number | null;
  readonly value: unknown;
}

export interface BranchRow {
  state: 'prepared' | 'committed' | 'aborted';
  csn: number | null;
  readonly snapshot: number;
  readonly vote: unknown;
}

export interface PrepareRequest {
  readonly transactionId: string;
  readonly snapshot: number;
  readonly writes: ReadonlyMap<string, unknown>;
  /** Keys that were read; empty unless serializable. */
  readonly marks: readonly string[];
  readonly vote: unknown;
}

export type PlaceAnswer =
  | { readonly kind: 'placed' }
  /** Another database transaction holds a lock: wait. */
  | { readonly kind: 'locked' }
  | { readonly kind: 'not-admitted' }
  | { readonly kind: 'conflict'; readonly ids: readonly string[] };

export class VersionedStore {
  readonly branches = new Map<string, BranchRow>();
  readonly #rows = new Map<string, StoredVersion[]>();
  /** Key → transactions that have read it. */
  readonly #marks = new Map<string, Set<string>>();
  /** Database transactions that are not committed: a crash takes them away. */
  readonly #open = new Map<string, PrepareRequest>();
  #incarnation = 0;
  #horizon = LOWEST_TRANSACTION_ID;
  #gcCsn = 0;

  constructor(initial: ReadonlyMap<string, unknown>) {
    for (const [key, value] of initial) this.#rows.set(key, [{ transactionId: '', csn: 0, value }]);
  }

  crash(): void {
    this.#open.clear();
  }

  /** D7, D1: what a command says of the coordinator. */
  hear(transactionId: string, horizon: string): void {
    if (isBelow(this.#horizon, horizon)) this.#horizon = horizon;
    this.#incarnation = Math.max(this.#incarnation, parseTransactionId(transactionId)?.incarnation ?? 0);
  }

  isBelowHorizon(transactionId: string): boolean {
    return isBelow(transactionId, this.#horizon);
  }

  /** The newest committed values. */
  newest(key: string): unknown {
    return this.#newestOf(key, Number.POSITIVE_INFINITY)?.value;
  }

  get intents(): readonly string[] {
    return [...this.#rows].flatMap(([key, versions]) => (versions.some(({ csn }) => csn === null) ? [key] : []));
  }

  get prepared(): readonly string[] {
    return [...this.branches].flatMap(([id, { state }]) => (state === 'prepared' ? [id] : []));
  }

  /** S1, S7: intent and newest version at or below the snapshot, in one statement with `gc_csn`. */
  find(keys: readonly string[], snapshot: number): Map<string, Found> {
    if (this.#gcCsn > snapshot) throw new ConcordatError('snapshot-too-old', `${snapshot} is below ${this.#gcCsn}`);
    return new Map(
      keys.map((key) => {
        const intent = this.#rows.get(key)?.find(({ csn }) => csn === null);
        return [key, { intent: versionOf(intent), version: versionOf(this.#newestOf(key, snapshot)) }];
      }),
    );
  }

  /** S4, parts 1 and 2: the branch row, the intents, the marks (S6). */
  place(request: PrepareRequest): PlaceAnswer {
    const { transactionId, writes, marks } = request;
    const incarnation = parseTransactionId(transactionId)?.incarnation ?? 0;
    const isStale = incarnation < this.#incarnation || this.isBelowHorizon(transactionId);
    if (isStale || this.branches.has(transactionId)) return { kind: 'not-admitted' };
    for (const other of this.#open.values()) if (meet(request, other)) return { kind: 'locked' };
    const ids = new Set<string>();
    for (const key of [...writes.keys(), ...marks]) {
      const intent = this.#rows.get(key)?.find(({ csn }) => csn === null);
      if (intent) ids.add(intent.transactionId);
    }
    for (const key of writes.keys()) for (const reader of this.#marks.get(key) ?? []) ids.add(reader);
    ids.delete(transactionId);
    if (ids.size > 0) return { kind: 'conflict', ids: [...ids] };
    this.#open.set(transactionId, request);
    return { kind: 'placed' };
  }

  /** S4, parts 3 and 4. */
  check({ writes, marks, snapshot }: PrepareRequest): 'fresh' | 'overwritten' | 'too-old' {
    if (this.#gcCsn > snapshot) return 'too-old';
    for (const key of [...writes.keys(), ...marks]) {
      if (this.#rows.get(key)?.some(({ csn }) => csn !== null && csn > snapshot)) return 'overwritten';
    }
    return 'fresh';
  }

  /** S4, part 5: the yes vote is durable. */
  commit({ transactionId, writes, marks, snapshot, vote }: PrepareRequest): void {
    if (!this.#open.delete(transactionId)) throw new Error(`${transactionId} has no open database transaction`);
    for (const [key, value] of writes) {
      const versions = this.#rows.get(key) ?? [];
      this.#rows.set(key, [...versions, { transactionId, csn: null, value }]);
    }
    for (const key of marks) this.#marks.set(key, (this.#marks.get(key) ?? new Set()).add(transactionId));
    this.branches.set(transactionId, { state: 'prepared', csn: null, snapshot, vote });
  }

  rollBack(transactionId: string): void {
    this.#open.delete(transactionId);
  }

  /**
   * S5, idempotent. A rollback that comes before its prepare leaves an abort row, unless it is below the horizon (S8).
   * @returns the state before
   */
  finalise(transactionId: string, csn: number | null): 'prepared' | 'committed' | 'aborted' | 'absent' {
    const row = this.branches.get(transactionId);
    if (!row) {
      if (csn !== null || this.isBelowHorizon(transactionId)) return 'absent';
      this.branches.set(transactionId, { state: 'aborted', csn: null, snapshot: 0, vote: null });
      return 'absent';
    }
    if (row.state !== 'prepared') return row.state;
    for (const [key, versions] of this.#rows) {
      const intent = versions.find((one) => one.transactionId === transactionId && one.csn === null);
      if (!intent) continue;
      if (csn === null)
        this.#rows.set(
          key,
          versions.filter((one) => one !== intent),
        );
      else intent.csn = csn;
    }
    for (const readers of this.#marks.values()) readers.delete(transactionId);
    this.branches.set(transactionId, { ...row, state: csn === null ? 'aborted' : 'committed', csn });
    return 'prepared';
  }

  /** S7: what no snapshot from the watermark on shows. */
  collectVersions(watermark: number): void {
    let bound = watermark;
    for (const { state, snapshot } of this.branches.values())
      if (state === 'prepared') bound = Math.min(bound, snapshot);
    if (bound <= this.#gcCsn) return;
    this.#gcCsn = bound;
    for (const [key, versions] of this.#rows) {
      const kept = this.#newestOf(key, bound)?.csn ?? 0;
      this.#rows.set(
        key,
        versions.filter(({ csn }) => csn === null || csn >= kept),
      );
    }
  }

  /** S8: rows below the horizon, while no database transaction runs. */
  collectRows(): void {
    if (this.#open.size > 0) return;
    for (const [id, { state }] of this.branches) {
      if (state !== 'prepared' && this.isBelowHorizon(id)) this.branches.delete(id);
    }
  }

  #newestOf(key: string, snapshot: number): StoredVersion | undefined {
    let newest: StoredVersion | undefined;
    for (const version of this.#rows.get(key) ?? []) {
      if (version.csn !== null && version.csn <= snapshot && version.csn >= (newest?.csn ?? 0)) newest = version;
    }
    return newest;
  }
}

const versionOf = (stored: StoredVersion | undefined): Version | undefined =>
  stored && { row: { value: stored.value }, transactionId: stored.transactionId, matches: true };

/** Whether two database transactions touch the same row, one of them writing. */
function meet(one: PrepareRequest, other: PrepareRequest): boolean {
  const touches = (writer: PrepareRequest, { writes, marks }: PrepareRequest) =>
    [...writer.writes.keys()].some((key) => writes.has(key) || marks.includes(key));
  return touches(one, other) || touches(other, one);
}
