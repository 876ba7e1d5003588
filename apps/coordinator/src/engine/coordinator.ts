/**
 * The coordinator as its callers see it: admission, idempotency, begin, enlist, commit, rollback, reads. Everything
 * that decides is in libs/transaction; everything that drives it is in `leader.ts`.
 */
import {
  type BranchesReply,
  ConcordatError,
  type Done,
  type Executed,
  type Heartbeat,
  type Vote,
} from '@concordat/protocol';
import {
  type BranchRecord,
  branchRecords,
  type Change,
  type Coordination,
  type CoordinationEvent,
  type IdempotencyClaim,
  type ParticipantRecord,
  recordOf,
  type TransactionRecord,
} from '@concordat/transaction';
import { Admission, BEGIN_ONLY, oneShot } from './admission.js';
import type {
  BeginRequest,
  BranchRequest,
  CallContext,
  CoordinatorApi,
  ParticipantView,
  Readiness,
  ReadOptions,
  WaitFor,
} from './api.js';
import { mustFitOneCommand } from './command-size.js';
import { abortedError, byCaller, notActive, rolledBack, stopped, unavailable, unknownOutcome } from './errors.js';
import { IdempotencyKeys } from './idempotency.js';
import { InDoubt } from './in-doubt.js';
import { checkIsolation, mustBeGlobal } from './isolation.js';
import type { Leader } from './leader.js';
import { LeaderContact } from './leader-contact.js';
import { Locks } from './locks.js';
import { missingRecord } from './missing-record.js';
import { newCall, newCoordination } from './new-coordination.js';
import type { Observation } from './observers.js';
import { ITSELF, mustReach } from './ownership.js';
import { ParticipantRegistry } from './participant-registry.js';
import { mustCover } from './persisted-reads.js';
import type { PhaseTrace } from './phase-times.js';
import { readinessOf } from './readiness.js';
import type { Replica, ReplicaObserver, ReplicaPorts } from './replica.js';
import { decidedWithinMs, settledAt, WAIT_MAX_MS } from './settling.js';
import { Snapshots } from './snapshots.js';
import type { ListQuery } from './store.js';
import { Watchers } from './watchers.js';
import { pause, within } from './within.js';

const BRANCHES_MAX = 100;

export interface CoordinatorOptions {
  /** The shortest, in ms: the measure of how long a leader may be silent. */
  readonly electionTimeoutMs: number;
}

export class Coordinator implements CoordinatorApi, ReplicaObserver {
  readonly admission: Admission;
  readonly snapshots: Snapshots;
  readonly locks: Locks;
  readonly operators: InDoubt;
  readonly #keys: IdempotencyKeys;
  readonly #registry: ParticipantRegistry;
  readonly #watchers = new Watchers();
  readonly #contact: LeaderContact;

  constructor(
    private readonly replica: Replica,
    private readonly ports: ReplicaPorts,
    options: CoordinatorOptions,
  ) {
    this.#keys = new IdempotencyKeys(replica.ledger, ports.store);
    this.admission = new Admission(replica, ports, this.#keys);
    this.snapshots = new Snapshots(replica, ports.metrics, () => this.#confirm());
    this.locks = new Locks(replica, () => this.#confirm());
    this.#contact = new LeaderContact(ports.log, ports.clock, options.electionTimeoutMs);
    this.#registry = new ParticipantRegistry({ ...ports, lagOf: (name) => replica.leader?.lagOf(name) ?? 0 });
    this.operators = new InDoubt(replica, ports, this.#registry, () => this.#confirm());
    for (const participant of replica.ledger.participants.values()) this.#registry.register(participant);
  }

  async begin(request: BeginRequest, context: CallContext): Promise<TransactionRecord> {
    const { caller, claim } = context;
    if (claim) {
      const known = await this.#keys.resolve(claim);
      if (known) return this.#replay(known, request);
    }
    const leader = this.#leader();
    const { branches = [], commit = false } = request;
    if (commit && branches.length === 0) {
      throw new ConcordatError('transaction-empty', 'A one-shot transaction needs at least one branch.');
    }
    const participants = branches.map((branch) => this.#registry.check(branch));
    const call = { caller, ...(commit ? oneShot(participants) : BEGIN_ONLY) };
    const begun = await this.admission.admit(leader, call, () => this.#begin(request, context, participants));
    if (typeof begun === 'string') return this.#replay(begun, request);
    if (!commit) return recordOf(begun.t);
    return this.#outcome(begun.leader, begun.t.header.id, request.wait, claim !== undefined);
  }

  /** @returns the id where another call with this key has begun the transaction meanwhile */
  #begin(
    request: BeginRequest,
    context: CallContext,
    participants: readonly ParticipantRecord[],
  ): { leader: Leader; t: Coordination } | string {
    const { claim } = context;
    const leader = this.#leader(); // a call that has waited may find another one
    // The snapshot is everything applied: a commit proves afterwards that it was the true leader's (design §3).
    const snapshot = this.replica.isReconciling ? null : this.replica.ledger.appliedCsn;
    const t = newCoordination(leader.nextId(), request, context, participants, snapshot, this.ports.clock.now());
    const { header, claims } = t;
    const first = claim && this.#keys.claim(claim, header.id, header.createdAt);
    if (first) return first;
    this.ports.tracing.join(header.id, context.trace);
    leader.begin(t, { type: 'begin', header, branches: branchRecords(t), claims }, request.commit);
    if (request.commit) leader.deliver(header.id, { type: 'commit', claims: [] });
    return { leader, t };
  }

  async enlist(id: string, request: BranchRequest, context = ITSELF): Promise<BranchRecord> {
    const leader = this.#leader();
    const t = this.#open(leader, id, context);
    if (!t) throw notActive(await this.get(id, {}, context));
    this.#checkBranch(t, request);
    const called = newCall(t, request);
    mustFitOneCommand(request.participant, [...(t.works.get(request.participant)?.operations ?? []), called.call]);
    leader.deliver(id, { type: 'enlist', ...called });
    return branchRecords(t).at(-1) as BranchRecord;
  }

  async execute(id: string, request: BranchRequest, context = ITSELF): Promise<BranchRecord> {
    const leader = this.#leader();
    const t = this.#open(leader, id, context);
    if (!t) throw notActive(await this.get(id, {}, context));
    mustBeGlobal('An operation that runs at once', this.#checkBranch(t, request));
    const { participant } = request;
    mustFitOneCommand(participant, [newCall(t, request).call]);
    const asked = { caller: t.header.caller, participants: [participant], kind: 'execute' } as const;
    const branchId = await this.admission.admit(leader, asked, () => {
      const { call } = newCall(t, request);
      this.ports.tracing.join(id, context.trace);
      leader.deliver(id, { type: 'execute', participant, call });
      return call.branchId;
    });
    const answered = leader.wait(id, { participant, branchId }, false);
    if (!answered) throw notActive(await this.get(id, {}, context));
    const record = await within(answered, decidedWithinMs(t, this.ports.clock.now()));
    if (!record) throw unknownOutcome(id);
    if (record.outcome === 'aborted') throw abortedError(record);
    return record.branches.find((branch) => branch.id === branchId) as BranchRecord;
  }

  async commit(id: string, { wait }: { wait?: WaitFor }, context: CallContext): Promise<TransactionRecord> {
    const { claim } = context;
    if (claim) await this.#keys.check(claim, id);
    const leader = this.#leader();
    const t = this.#open(leader, id, context);
    if (!t) return this.#committed(await this.get(id, {}, context));
    if (t.state === 'active') this.admission.admitWork();
    this.ports.tracing.join(id, context.trace);
    this.#deliver(leader, t, claim, (claims) => ({ type: 'commit', claims }));
    return this.#outcome(leader, id, wait, claim !== undefined);
  }

  async rollback(id: string, { wait }: { wait?: WaitFor }, context: CallContext): Promise<TransactionRecord> {
    const { claim } = context;
    if (claim) await this.#keys.check(claim, id);
    const leader = this.#leader();
    const t = this.#open(leader, id, context);
    if (!t) return rolledBack(await this.get(id, {}, context));
    this.ports.tracing.join(id, context.trace);
    this.#deliver(leader, t, claim, (claims) => ({ type: 'abort', reason: byCaller, claims }));
    return rolledBack(await this.#settled(leader, id, wait, claim !== undefined));
  }

  async get(id: string, options: ReadOptions, context: CallContext = ITSELF): Promise<TransactionRecord> {
    if (options.consistency !== 'stale') await this.#confirm();
    const { leader } = this.replica;
    const t = leader && this.#open(leader, id, context);
    if (t && options.wait) {
      const settled = leader?.wait(id, options.wait, false);
      const record = settled && (await within(settled, WAIT_MAX_MS));
      if (record) return record;
    }
    if (t) return recordOf(t);
    const record = await this.replica.find(id);
    if (record) mustReach(record, context);
    // D2, D8: a leader that has applied its term's first entry knows what an unknown id means, and what became of one that the
    // ledger shows undecided: callers of the term before may have been told of its end, which was never logged (D4).
    if (!record?.outcome && (!record || options.consistency !== 'stale')) this.#leader();
    return record ?? missingRecord(id, this.replica, this.ports.store.prunedThrough);
  }

  async list(query: ListQuery): Promise<TransactionRecord[]> {
    // They wait until Postgres holds everything that was decided when the call came.
    if (query.consistency !== 'stale') {
      await this.#confirm();
      await mustCover(this.replica.persister, this.ports.store);
    }
    return this.ports.store.list(query);
  }

  async watch(id: string, listener: (record: TransactionRecord) => void, context = ITSELF): Promise<() => void> {
    const end = this.#watchers.add(id, listener);
    try {
      listener(await this.get(id, {}, context));
      return end;
    } catch (error) {
      end();
      throw error;
    }
  }

  async phases(id: string, context: CallContext): Promise<PhaseTrace | undefined> {
    await this.get(id, { consistency: 'stale' }, context); // whoever may not read it is told nothing of it
    return this.replica.phases.of(id);
  }

  participants(): ParticipantView[] {
    return this.#registry.views();
  }

  participant(name: string): ParticipantView {
    return this.#registry.view(name);
  }

  readiness(): Readiness {
    const { replica, ports } = this;
    return readinessOf({ replica, ports, inContact: this.#contact.isRecent, stopping: this.admission.stopping });
  }

  get isLeading(): boolean {
    return this.replica.leader !== undefined;
  }

  onVote(vote: Vote): void {
    this.replica.leader?.onVote(vote);
  }

  onExecuted(reply: Executed): void {
    this.replica.leader?.onExecuted(reply);
  }

  onDone(done: Done): void {
    this.replica.leader?.onDone(done);
    this.operators.onDone(done);
  }

  onBranches(reply: BranchesReply): void {
    this.replica.reconciler?.onBranches(reply);
  }

  /** @throws Error when the announcement cannot be used, for the dead letters */
  onHeartbeat(heartbeat: Heartbeat): void {
    const { announcement, returned } = this.#registry.heard(heartbeat);
    if (announcement && this.replica.leader?.ready) {
      this.ports.messenger.ensureParticipantTopics(heartbeat.participant).catch((error: unknown) => {
        this.ports.logger.warn({ err: error, participant: heartbeat.participant }, 'topics could not be made yet');
      });
      this.replica.registerParticipant(announcement);
    }
    if (returned) this.replica.leader?.onParticipantReturned(heartbeat.participant);
  }

  onDeposed(): void {
    this.#keys.releaseAll();
    this.operators.onDeposed();
    this.admission.dismissAll(unavailable('not-ready', 'This coordinator leads no more.'));
  }

  onRestored(): void {
    for (const participant of this.replica.ledger.participants.values()) this.#registry.register(participant);
    this.locks.onRestored();
  }

  onChange(change: Change): void {
    for (const participant of change.participants) this.#registry.register(participant);
    for (const key of change.keys) this.#keys.release(key);
    if (change.locks) this.locks.onChange(change.locks);
    this.operators.onChange(change);
    for (const record of change.transactions) if (!this.replica.leader?.get(record.id)) this.#watchers.notify(record);
    this.admission.onProgress();
  }

  onCoordinationChanged(t: Coordination): void {
    if (this.#watchers.has(t.header.id)) this.#watchers.notify(recordOf(t));
    this.admission.onProgress();
  }

  /**
   * D10: admits nothing new, lets what is in flight be decided within the grace period, aborts the rest (retryable).
   * @param graceMs how long to wait for decisions, in ms
   */
  async stop(graceMs: number): Promise<void> {
    this.admission.stop();
    this.#contact.stop();
    this.#registry.stop();
    const until = this.ports.clock.now() + graceMs;
    const { leader } = this.replica;
    while (leader && leader.undecided > 0 && this.ports.clock.now() < until) await pause(20);
    leader?.abortUndecided(stopped);
    await this.ports.log.handOver();
    await this.ports.log.close(); // makes durable, and applies, what has been proposed
    this.replica.onFollowing();
    await this.replica.persister.stop(Math.max(1000, until - this.ports.clock.now()));
  }

  /** ReadIndex: everything decided before this moment is applied here, and whoever leads still does. */
  async #confirm(): Promise<void> {
    if (!(await this.#contact.ask())) throw unavailable('not-ready', 'No leader answers at the moment.');
  }

  /** What this replica hears of participants, for the others. */
  observation(): Observation {
    return this.#registry.observation();
  }

  /** Keeps in touch with the leader, for readiness, and listens for silent participants, until this replica stops. */
  keepContact(): Promise<void> {
    this.#registry.start();
    return this.#contact.keep();
  }

  #leader(): Leader {
    const { leader } = this.replica;
    if (!leader?.ready) throw unavailable('not-ready', 'This coordinator does not lead (yet).');
    return leader;
  }

  /** A transaction that this leader drives, if the caller may reach it. */
  #open(leader: Leader, id: string, context: CallContext): Coordination | undefined {
    const t = leader.get(id);
    if (t) mustReach(t.header, context);
    return t;
  }

  #checkBranch(t: Coordination, request: BranchRequest): ParticipantRecord {
    const participant = this.#registry.check(request);
    checkIsolation(t.header, participant);
    if (t.branches.length < BRANCHES_MAX) return participant;
    throw new ConcordatError('too-many-branches', `A transaction takes at most ${BRANCHES_MAX} branches.`, {
      transactionId: t.header.id,
    });
  }

  /** A key that was seen before: the same transaction, as far as the first call would have waited. */
  async #replay(id: string, request: BeginRequest): Promise<TransactionRecord> {
    const { leader } = this.replica;
    if (!request.commit) return this.get(id, {});
    if (leader?.get(id)) return this.#outcome(leader, id, request.wait, true);
    return this.#committed(await this.get(id, {}));
  }

  /** Delivers what a call asks for, with its key; the key of a call that is refused binds nothing. */
  #deliver(
    leader: Leader,
    t: Coordination,
    claim: IdempotencyClaim | undefined,
    eventWith: (claims: readonly IdempotencyClaim[]) => CoordinationEvent,
  ): void {
    const claims = this.#keys.claimFor(t, claim, this.ports.clock.now());
    try {
      leader.deliver(t.header.id, eventWith(claims));
    } catch (error) {
      for (const refused of claims) this.#keys.release(refused);
      throw error;
    }
  }

  /** The outcome of a commit: the record, or `transaction-aborted`. */
  async #outcome(leader: Leader, id: string, wait: WaitFor | undefined, applied: boolean): Promise<TransactionRecord> {
    return this.#committed(await this.#settled(leader, id, wait, applied));
  }

  #committed(record: TransactionRecord): TransactionRecord {
    if (record.outcome === 'committed') return record;
    throw record.outcome === 'aborted' ? abortedError(record) : unknownOutcome(record.id);
  }

  async #settled(leader: Leader, id: string, wait: WaitFor | undefined, applied: boolean): Promise<TransactionRecord> {
    const record = await settledAt(leader, id, { wait, applied, now: this.ports.clock.now() });
    return record ?? this.get(id, {});
  }
}
