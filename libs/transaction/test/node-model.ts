import { parseTransactionId } from '@concordat/protocol';
import { type Change, Ledger } from '../src/ledger.js';
import type { IdempotencyClaim, TransactionRecord } from '../src/record.js';
import type { LeaderModel } from './leader-model.js';
import type { LoggedEntry } from './replicated-log.js';
import { StoreModel } from './store-model.js';

/** Few, so that keys make room for each other. */
export const KEYS_MAX = 6;

const EMPTY = {
  appliedIndex: 0,
  appliedTerm: 0,
  incarnation: 0,
  publishedIndex: 0,
  transactions: [],
  participants: [],
  members: [],
  keys: [],
};

/** A replica: a ledger, a store that lags behind it, a clock that is wrong, and a leader while it believes to be one. */
export class NodeModel {
  ledger = new Ledger(EMPTY, KEYS_MAX);
  readonly store = new StoreModel();
  leader: LeaderModel | undefined;

  constructor(
    readonly index: number,
    readonly clockSkewMs: number,
    private readonly watch: (change: Change) => void = () => undefined,
  ) {}

  /** @param throughTerm a zombie hears nothing of later terms */
  catchUp(committed: readonly LoggedEntry[], throughTerm: number, max = Number.POSITIVE_INFINITY): void {
    for (let applied = 0; applied < max; applied += 1) {
      const logged = committed[this.ledger.appliedIndex];
      if (!logged || logged.term > throughTerm) return;
      this.#apply(logged);
    }
  }

  /** The process dies and comes back: what Postgres holds, then the log from there. */
  restart(): void {
    this.leader = undefined;
    this.store.crash();
    this.ledger = new Ledger(structuredClone(this.store.load(KEYS_MAX)), KEYS_MAX);
  }

  find(id: string): TransactionRecord | undefined {
    return this.ledger.live.get(id) ?? this.store.find(id);
  }

  /** The transaction that a key stands for, as far as this replica knows. */
  transactionOf({ caller, key }: IdempotencyClaim): string | undefined {
    const underWay = this.leader?.underWay.get(key);
    return underWay ?? (this.ledger.findKey(caller, key) ?? this.store.findKey(caller, key))?.transactionId;
  }

  /** D8: what a caller reads of an id, undefined where nothing may be said. Nothing is pruned in this world. */
  read(id: string): 'committed' | 'aborted' | 'undecided' | undefined {
    const { leader } = this;
    if (!leader?.ready) return undefined;
    const record = this.find(id);
    if (record) return record.outcome ?? 'undecided';
    const parts = parseTransactionId(id);
    if (parts && parts.term < leader.term) return 'aborted';
    if (leader.hasIssued(id)) throw new Error(`${id} was issued in term ${leader.term} and is not known`);
    return undefined;
  }

  #apply({ index, term, entry }: LoggedEntry): void {
    const change = this.ledger.apply(index, term, entry);
    this.store.add(change, this.ledger);
    this.watch(change);
    this.leader?.onChange(change);
    if (entry.type === 'term' && this.leader?.term === term) {
      this.leader.resume(this.ledger.live.values(), this.ledger.incarnation);
    }
  }
}
