/**
 * A restore in small: an old cluster that makes transfers, a backup taken at some moment, its end at a later one, and a
 * new cluster that begins with the backup beside the same participants and what still lies in their topics.
 */
import {
  type BranchesReply,
  compareTransactionIds,
  formatTransactionId,
  parseTransactionId,
  type TransactionIdParts,
} from '@concordat/protocol';
import type { Entry } from '../src/entries.js';
import { Ledger } from '../src/ledger.js';
import { type Question, Reconciliation, reconciled, withBranch } from '../src/reconciliation.js';
import type { BranchRecord, TransactionHeader, TransactionRecord } from '../src/record.js';

const OLD = 1000;
const NEW = 2000;
export type Dice = (sides: number) => number;
type BranchState = 'prepared' | 'committed' | 'aborted';
type Message = { readonly type: 'prepare' | 'commit' | 'rollback'; readonly horizon: string };

/** A participant: its rows, what is prepared, and its topic, in which the messages of one transaction keep their order. */
export class ModelParticipant {
  readonly branches = new Map<string, BranchState>();
  readonly topic = new Map<string, Message[]>();
  /** What ever became visible here, collected rows included. */
  readonly history = new Map<string, 'committed' | 'aborted'>();
  horizon = '1-1-1';
  incarnation = 0;

  /** @param page branches of one answer: few, so that most reports take several */
  constructor(
    readonly name: string,
    private readonly page: number,
  ) {}

  send(id: string, message: Message): void {
    const queue = this.topic.get(id);
    if (queue) queue.push(message);
    else this.topic.set(id, [message]);
  }

  /** Handles the next message of a transaction. */
  handle(id: string): void {
    const queue = this.topic.get(id);
    const message = queue?.shift();
    if (queue?.length === 0) this.topic.delete(id);
    if (!message) return;
    if (below(this.horizon, message.horizon) && !below(id, message.horizon)) this.horizon = message.horizon;
    const state = this.branches.get(id);
    const stale = partsOf(id).incarnation < this.incarnation;
    if (message.type === 'prepare') {
      if (!state && !stale && !below(id, this.horizon)) this.branches.set(id, 'prepared');
    } else if (message.type === 'commit') {
      if (state === 'prepared') this.#end(id, 'committed');
    } else if (state === 'prepared' || (!state && !below(id, this.horizon))) this.#end(id, 'aborted');
  }

  collect(): void {
    for (const [id, state] of this.branches)
      if (state !== 'prepared' && below(id, this.horizon)) this.branches.delete(id);
  }

  /** The wire command `report`. */
  answer({ scope, transactionId }: Question): BranchesReply {
    this.incarnation = NEW;
    const all = [...this.branches].map(([id, state]) => ({ transactionId: id, state, csn: null }));
    const wanted = all
      .filter((one) =>
        scope === 'one' ? one.transactionId === transactionId : below(transactionId, one.transactionId),
      )
      .sort((a, b) => compare(a.transactionId, b.transactionId));
    return {
      ...{ v: 1, type: 'branches', participant: this.name, incarnation: NEW, scope, transactionId },
      branches: wanted.slice(0, this.page),
      complete: wanted.length <= this.page,
      horizon: this.horizon === '1-1-1' ? null : this.horizon,
    };
  }

  #end(id: string, state: 'committed' | 'aborted'): void {
    this.branches.set(id, state);
    this.history.set(id, state);
  }
}

/** Ids are compared over and over. */
const parsed = new Map<string, TransactionIdParts>();
function partsOf(id: string): TransactionIdParts {
  const known = parsed.get(id);
  if (known) return known;
  const parts = parseTransactionId(id);
  if (!parts) throw new Error(`${id} is no id`);
  parsed.set(id, parts);
  return parts;
}
const compare = (a: string, b: string): number => compareTransactionIds(partsOf(a), partsOf(b));
const below = (a: string, b: string): boolean => compare(a, b) < 0;

/** A ledger with the records of its Postgres. */
export class ModelCoordinator {
  readonly ledger: Ledger;
  readonly stored = new Map<string, TransactionRecord>();
  index: number;

  constructor(
    state: ConstructorParameters<typeof Ledger>[0],
    readonly term: number,
  ) {
    this.ledger = new Ledger(state, 10);
    this.index = state.appliedIndex;
  }

  apply(entry: Entry): TransactionRecord[] {
    this.index += 1;
    const { transactions } = this.ledger.apply(this.index, this.term, entry);
    for (const record of transactions) this.stored.set(record.id, record);
    return [...transactions];
  }

  find(id: string): TransactionRecord | undefined {
    return this.ledger.live.get(id) ?? this.stored.get(id);
  }
}

interface Transfer {
  readonly header: TransactionHeader;
  readonly members: ModelParticipant[];
  decided: boolean;
  forgotten: boolean;
}

const EMPTY = { publishedIndex: 0, transactions: [], participants: [], members: [], keys: [] };

/** The old cluster. `backup` is what a snapshot of its Postgres at that moment holds. */
export class OldCluster {
  readonly coordinator = new ModelCoordinator({ ...EMPTY, appliedIndex: 0, appliedTerm: 0, incarnation: 0 }, 1);
  readonly transfers: Transfer[] = [];

  constructor(
    private readonly participants: readonly ModelParticipant[],
    private readonly dice: Dice,
  ) {
    this.coordinator.apply({ type: 'term', incarnation: OLD, begun: 0, at: 1 });
  }

  backup(): { live: TransactionRecord[]; stored: Map<string, TransactionRecord> } {
    const { ledger, stored } = this.coordinator;
    return { live: [...ledger.live.values()], stored: new Map(stored) };
  }

  begin(): void {
    const sequence = this.transfers.length + 1;
    const id = formatTransactionId({ incarnation: OLD, term: 1, sequence });
    const header = {
      ...({ id, isolation: 'local', serializable: false, label: null, caller: 'c' } as const),
      snapshot: null,
      createdAt: 1,
      deadlineAt: 2,
    };
    const first = this.dice(this.participants.length);
    const second = (first + 1 + this.dice(this.participants.length - 1)) % this.participants.length;
    const members = [this.participants[first], this.participants[second]] as ModelParticipant[];
    this.transfers.push({ header, members, decided: false, forgotten: false });
    // Branches that are enlisted after the BEGIN stand in no entry before the decision.
    const branches = members.slice(0, this.dice(3)).map(branchOf);
    this.coordinator.apply({ type: 'begin', header, branches, claims: [] });
    for (const member of members) member.send(id, { type: 'prepare', horizon: this.#horizon() });
  }

  /** One transfer goes a step further. */
  advance(transfer: Transfer): void {
    const { header, members } = transfer;
    const { id } = header;
    if (!transfer.decided) {
      const ready = members.every((member) => member.branches.get(id) === 'prepared');
      if (!ready && this.dice(8) > 0) return;
      const branches = members.map(branchOf).map((branch): BranchRecord => ({ ...branch, status: 'prepared' }));
      transfer.decided = true;
      if (ready) this.coordinator.apply({ type: 'commit', header, branches, claims: [], at: 3 });
      else
        this.coordinator.apply({
          type: 'abort',
          header,
          branches,
          claims: [],
          reason: { code: 'x', message: '', retryable: true },
          at: 3,
        });
      return;
    }
    const record = this.coordinator.ledger.live.get(id);
    if (!record) return;
    const type = record.outcome === 'committed' ? 'commit' : 'rollback';
    const left = members.filter((member) => member.branches.get(id) !== (type === 'commit' ? 'committed' : 'aborted'));
    for (const member of left)
      if (!member.topic.has(id) && this.dice(3) > 0) member.send(id, { type, horizon: this.#horizon() });
    if (left.length > 0) return;
    transfer.forgotten = true;
    this.coordinator.apply({ type: 'forget', at: 4, transactions: [{ id, hazards: [] }] });
  }

  #horizon(): string {
    return this.transfers.find(({ forgotten }) => !forgotten)?.header.id ?? '1-1-1';
  }
}

const branchOf = ({ name }: ModelParticipant, at: number): BranchRecord => {
  return { id: String(at + 1), participant: name, operation: 'move', status: 'enlisted', result: null, reason: null };
};

/** The cluster that was restored from the backup: its leader's side of the reconciliation, one move at a time. */
export class RestoredCluster {
  readonly coordinator: ModelCoordinator;
  #state: Reconciliation;
  #answers: BranchesReply[] = [];

  constructor(
    { live, stored }: ReturnType<OldCluster['backup']>,
    private readonly participants: readonly ModelParticipant[],
    private readonly dice: Dice,
  ) {
    this.coordinator = new ModelCoordinator(
      { ...EMPTY, appliedIndex: 0, appliedTerm: 0, incarnation: NEW, reconciliation: 'pending', transactions: live },
      2,
    );
    for (const [id, record] of stored) this.coordinator.stored.set(id, record);
    this.coordinator.apply({ type: 'term', incarnation: NEW + 5, begun: NEW, at: 10 });
    this.#state = this.#begin();
  }

  get reconciled(): boolean {
    return this.coordinator.ledger.reconciliation === 'done';
  }

  /** A new leader asks everything anew. */
  changeLeader(): void {
    if (!this.reconciled) this.#state = this.#begin();
  }

  ask(silent: ModelParticipant | undefined): void {
    for (const question of this.#state.questions(20)) {
      const asked = this.participants.find(({ name }) => name === question.participant);
      if (!asked || asked === silent) continue;
      if (question.scope === 'one' && asked.topic.has(question.transactionId)) continue; // behind earlier commands
      const answer = asked.answer(question);
      for (let copies = this.dice(3); copies > 0; copies -= 1) this.#answers.push(answer); // lost, once, twice
    }
  }

  /** Some answer comes in, not in the order in which it was given. */
  hear(): void {
    const [answer] = this.#answers.splice(this.dice(Math.max(1, this.#answers.length)), 1);
    if (answer) this.#state.take(answer);
  }

  settle(): void {
    const { coordinator } = this;
    for (const { id, verdict } of this.#state.due(5)) {
      const known = coordinator.find(id);
      if (!known || (known.outcome === null && known.status !== 'completed')) {
        const found = { known, reports: this.#state.reports(id), csn: null };
        coordinator.apply({ type: 'reconcile', at: 11, transactions: [reconciled(id, verdict, found, 11)] });
      }
      this.#state.settle(id);
    }
    if (this.#state.finished && !this.reconciled) coordinator.apply({ type: 'reconciled', at: 12 });
  }

  /** A prepared branch repeats its vote, and is answered as the leader answers (D6). */
  hearVote(participant: ModelParticipant, id: string): void {
    const record = this.coordinator.find(id);
    const extended = record && withBranch(record, participant.name);
    if (extended) {
      this.coordinator.apply({ type: 'reconcile', at: 13, transactions: [extended] });
      return;
    }
    if (!record?.outcome && !this.reconciled) return;
    const named = record?.branches.some(
      (branch) => branch.participant === participant.name && branch.status !== 'refused',
    );
    const type = record?.outcome === 'committed' && named ? 'commit' : 'rollback';
    if (!participant.topic.has(id)) participant.send(id, { type, horizon: '1-1-1' });
  }

  #begin(): Reconciliation {
    const state = new Reconciliation(NEW);
    for (const { name } of this.participants) state.addParticipant(name);
    for (const { id, outcome } of this.coordinator.ledger.live.values()) if (outcome === null) state.addUndecided(id);
    return state;
  }
}
