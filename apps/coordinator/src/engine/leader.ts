/**
 * The leader of one term: drives the coordinations of that term's transactions and of the decided ones it found.
 * Made when this replica gains leadership, thrown away when it loses it (D2: a deposed leader sends nothing).
 *
 * Owns: live coordinations, transaction ids of this term, resend timers, who waits for what, the horizon. Does not own:
 * the rules (libs/transaction), the ledger, admission.
 */
import { type Done, type Executed, LOWEST_TRANSACTION_ID, type Reason, type Vote } from '@concordat/protocol';
import {
  type Change,
  type Coordination,
  type CoordinationEvent,
  compareRecords,
  type Effect,
  type Entry,
  isOlder,
  type Ledger,
  recordOf,
  resumeCoordination,
  step,
  type TransactionRecord,
  withBranch,
} from '@concordat/transaction';
import { type CommandFrame, commandOf, outcomeFor } from './commands.js';
import { Forgetting } from './forgetting.js';
import { raiseHazard } from './in-doubt-hazards.js';
import { IssuedIds } from './issued-ids.js';
import { type Counted, Load } from './load.js';
import type { PhaseTimes } from './phase-times.js';
import type { Clock, EngineLogger, EngineMetrics, Messenger, Random } from './ports.js';
import { SnapshotsInUse } from './snapshots-in-use.js';
import { TimerWheel } from './timer-wheel.js';
import type { TransactionTracing } from './tracing.js';
import { type Waiter, wakeWaiters } from './waiters.js';

const TIMER_RESOLUTION_MS = 25;

/** After these a transaction reads otherwise, also in the state that it was in. */
const REPLIES: ReadonlySet<CoordinationEvent['type']> = new Set(['vote', 'done', 'executed']);

interface Live extends Counted {
  dueAt: number;
  /** When its participants were asked to prepare, Unix ms; unknown where an earlier leader asked. */
  preparingAt?: number;
  waiters: Waiter[];
}

const newLive = (t: Coordination, dueAt: number, waiters: Waiter[] = []): Live => ({
  t,
  dueAt,
  waiters,
  owed: new Map(),
});

export interface LeaderPorts {
  /** @param mayWait see DecisionLog.propose */
  readonly propose: (entry: Entry, mayWait?: boolean) => void;
  readonly messenger: Messenger;
  readonly phases: PhaseTimes;
  readonly metrics: EngineMetrics;
  readonly tracing: TransactionTracing;
  readonly logger: EngineLogger;
  readonly clock: Clock;
  readonly random: Random;
  /** Called after every change of a transaction but the last, which the ledger tells. */
  readonly onChanged: (t: Coordination) => void;
  /** A transaction that this leader does not hold: its last known state, from memory or Postgres. */
  readonly find: (id: string) => Promise<TransactionRecord | undefined>;
  /** Read only: what is applied, which snapshots are leased, whether earlier incarnations are reconciled. */
  readonly ledger: Pick<Ledger, 'appliedCsn' | 'hazards' | 'leases' | 'reconciliation'>;
  /** A prepared branch asks about a transaction that nobody here may presume anything of. */
  readonly onOrphan: (vote: Vote) => void;
  /** Bound on transactions that are not finished. */
  readonly inFlightMax: number;
}

export class Leader {
  /** False until the first entry of this term is applied (D2). */
  ready = false;
  /** What is under way, counted. */
  readonly load: Load;
  readonly #live = new Map<string, Live>();
  /** Those of earlier incarnations, which a restored cluster finishes for them. */
  readonly #older = new Set<string>();
  readonly #timers: TimerWheel<Live>;
  /** Those of undecided transactions. */
  readonly #snapshots = new SnapshotsInUse();
  readonly #forgetting: Forgetting;
  readonly #ids: IssuedIds;
  #horizon: string | undefined;
  #deposed = false;

  constructor(
    readonly term: number,
    private readonly ports: LeaderPorts,
  ) {
    this.load = new Load(ports.inFlightMax);
    this.#ids = new IssuedIds(term);
    this.#forgetting = new Forgetting(ports);
    this.#timers = new TimerWheel(
      TIMER_RESOLUTION_MS,
      () => ports.clock.now(),
      (live) => this.#onDue(live),
    );
  }

  get inFlight(): number {
    return this.#live.size;
  }

  get undecided(): number {
    let count = 0;
    for (const { t } of this.#live.values()) if (t.outcome === null || t.state === 'committing') count += 1;
    return count;
  }

  /** Commands that the participant has not answered yet. */
  lagOf(participant: string): number {
    return this.load.lagOf(participant);
  }

  /** No snapshot below it is in use (S7): leased ones, those of undecided transactions, and whichever is given out next. */
  get watermark(): number {
    const { appliedCsn, leases } = this.ports.ledger;
    const [oldestLease] = leases.size > 0 ? leases.values() : [];
    return Math.min(appliedCsn, this.#snapshots.oldest ?? appliedCsn, oldestLease?.csn ?? appliedCsn);
  }

  /**
   * Takes up what the ledger holds undone, oldest first; called when the first entry of the term is applied.
   * @param incarnation the one that the ledger holds, which may not be the one that this leader proposed (D1)
   */
  resume(decided: Iterable<TransactionRecord>, incarnation: number): void {
    this.ready = true;
    this.#ids.incarnation = incarnation;
    for (const record of [...decided].sort(compareRecords)) if (record.outcome !== null) this.#take(record);
  }

  /** Takes up what reconciliation has decided, or has found further branches of. */
  adopt(record: TransactionRecord): void {
    if (record.outcome !== null && record.status !== 'completed') this.#take(record);
  }

  #take(record: TransactionRecord): void {
    const before = this.#live.get(record.id);
    if (before) before.t.state = 'completed'; // its timer finds it ended
    if (before) this.load.ended(before);
    const live = newLive(resumeCoordination(record), 0, before?.waiters);
    this.#live.set(record.id, live);
    this.load.begun(live);
    if (isOlder(record.id, this.#ids.incarnation)) this.#older.add(record.id);
    this.#advance(live, { type: 'due' });
  }

  nextId(): string {
    return this.#ids.next();
  }

  /** Whether this leader has given out the id; false for ids of other terms too. */
  hasIssued(id: string): boolean {
    return this.#ids.has(id);
  }

  get(id: string): Coordination | undefined {
    return this.#live.get(id)?.t;
  }

  /**
   * Adopts a new transaction; its BEGIN entry is proposed and not waited for (D4).
   * @param commits it goes on to its end by itself: its BEGIN may be in the log just before its COMMIT, since nothing depends
   *   on one having arrived (D5) and its caller knows of nothing before the outcome
   */
  begin(t: Coordination, entry: Entry, commits = false): void {
    const live = newLive(t, t.header.deadlineAt);
    this.#live.set(t.header.id, live);
    this.load.begun(live);
    if (t.header.snapshot !== null) this.#snapshots.add(t.header.id, t.header.snapshot);
    this.#timers.schedule(live.dueAt, live);
    this.ports.phases.begun(t.header.id);
    this.ports.propose(entry, commits);
    this.ports.metrics.transactionBegun();
  }

  /** All that are not forgotten, as this leader drives them. */
  *coordinations(): Generator<Coordination> {
    for (const { t } of this.#live.values()) yield t;
  }

  /** @throws ConcordatError when the state of the transaction does not allow what the caller asks for */
  deliver(id: string, event: CoordinationEvent): void {
    const live = this.#live.get(id);
    if (live) this.#advance(live, event);
  }

  /** Resolves when the transaction is as far as asked. Never rejects: whoever waits sets the bound. */
  wait(id: string, until: Waiter['until'], applied: boolean): Promise<TransactionRecord> | undefined {
    const live = this.#live.get(id);
    if (!live) return undefined;
    return new Promise((resolve) => {
      live.waiters = wakeWaiters(live.t, [...live.waiters, { until, applied, resolve }]);
    });
  }

  onVote(vote: Vote): void {
    const live = this.#live.get(vote.transactionId);
    if (live && this.#older.has(vote.transactionId) && this.#nameBranch(recordOf(live.t), vote)) return;
    if (live) this.#advance(live, { type: 'vote', vote });
    else if (vote.vote === 'prepared') void this.#answerUnknown(vote);
  }

  onExecuted(reply: Executed): void {
    const live = this.#live.get(reply.transactionId);
    if (live) this.#advance(live, { type: 'executed', reply });
    else this.ports.metrics.strayReply('executed');
  }

  onDone(done: Done): void {
    const live = this.#live.get(done.transactionId);
    if (!live) return this.ports.metrics.strayReply('done');
    const { participant, outcome, detail } = done;
    this.#advance(live, { type: 'done', participant, outcome, detail });
  }

  /** A participant spoke for the first time since it started: what waits for it is sent again now. */
  onParticipantReturned(participant: string): void {
    for (const live of this.#live.values()) {
      const { phase, session } = live.t.works.get(participant) ?? {};
      if (phase === 'preparing' || phase === 'prepared' || session) this.#advance(live, { type: 'due' });
    }
  }

  /** The ledger has applied an entry. */
  onChange(change: Change): void {
    let removed = false;
    for (const record of change.transactions) {
      const live = this.#live.get(record.id);
      if (!live) continue;
      if (record.decidedIndex === change.index) {
        const now = this.ports.clock.now();
        this.load.decided(now - (record.decidedAt ?? now), now);
        this.#measure(live, record.decidedAt ?? now, now);
        this.ports.metrics.transactionDecided(
          record.outcome as never,
          record.reason?.code,
          now - live.t.header.createdAt,
        );
        this.#advance(live, { type: 'applied', record });
      }
      if (record.status !== 'completed') continue;
      removed = true;
      this.#remove(live, record);
    }
    if (removed) this.#horizon = undefined;
    if (change.forgot) this.#forgetting.applied();
  }

  /** Settles everything undecided as aborted: the end of a graceful stop (D10). */
  abortUndecided(reason: Reason): void {
    for (const live of [...this.#live.values()]) {
      if (live.t.outcome === null) this.#advance(live, { type: 'abort', reason, claims: [] });
    }
  }

  /**
   * Leadership is lost: nothing is sent or proposed any more.
   * @returns who waits for which transaction: the first entry of the next term settles what they are told
   */
  depose(): { readonly id: string; readonly resolve: (record: TransactionRecord) => void }[] {
    this.#deposed = true;
    this.#timers.stop();
    this.#forgetting.stop();
    this.ports.tracing.deposed();
    return [...this.#live].flatMap(([id, { waiters }]) => waiters.map(({ resolve }) => ({ id, resolve })));
  }

  #advance(live: Live, event: CoordinationEvent): void {
    if (this.#deposed) return;
    const { clock, random } = this.ports;
    const before = live.t.state;
    const now = clock.now();
    const effects = step(live.t, event, { now, random: random(), answersLateMs: this.load.lateMs(live) });
    this.load.changed(live, now);
    if (before === 'active' && live.t.state === 'preparing') live.preparingAt = now;
    this.ports.phases.stepped(live.t.header.id, event, effects);
    this.ports.tracing.stepped(live.t, event, effects);
    for (const effect of effects) this.#carryOut(live, effect, event);
    if (live.t.outcome !== null) this.#snapshots.delete(live.t.header.id);
    if (live.t.state !== before || REPLIES.has(event.type)) this.ports.onChanged(live.t);
    if (live.waiters.length > 0) live.waiters = wakeWaiters(live.t, live.waiters);
  }

  /** @param settledAt when the outcome was chosen, Unix ms */
  #measure({ preparingAt }: Live, settledAt: number, now: number): void {
    if (preparingAt !== undefined) this.ports.metrics.phaseEnded('prepare', settledAt - preparingAt);
    this.ports.metrics.phaseEnded('decide', now - settledAt);
  }

  #carryOut(live: Live, effect: Effect, cause: CoordinationEvent): void {
    const { id } = live.t.header;
    switch (effect.type) {
      case 'propose':
        return this.ports.propose(effect.entry);
      case 'send':
        if (cause.type === 'due') this.ports.metrics.commandResent(effect.command);
        return this.ports.messenger.send(
          commandOf(live.t, effect, this.#frame(), this.ports.clock.now()),
          effect.command === 'commit' && !live.waiters.some(({ until }) => until === 'completed'),
        );
      case 'wake':
        live.dueAt = effect.at;
        return this.#timers.schedule(effect.at, live);
      case 'forget':
        return this.#forgetting.add({ id, hazards: effect.hazards }, live.waiters.length > 0);
      case 'hazard': {
        const { outcome, csn } = live.t;
        const { participant, detail } = effect;
        return raiseHazard(this.ports, { transactionId: id, participant, outcome: outcome ?? 'aborted', csn, detail });
      }
    }
  }

  /** While earlier incarnations are reconciled no snapshot is given out, and none is collected below. */
  #frame(): CommandFrame {
    const horizon = this.#currentHorizon();
    const { appliedCsn, reconciliation } = this.ports.ledger;
    return reconciliation === 'pending' ? { horizon } : { horizon, appliedCsn, watermark: this.watermark };
  }

  /** H of D7: the oldest id that is not forgotten. Ids begin in the order of the map. */
  #currentHorizon(): string {
    // A participant must not forget what it may still be asked about.
    if (this.#older.size > 0 || this.ports.ledger.reconciliation === 'pending') return LOWEST_TRANSACTION_ID;
    this.#horizon ??= this.#live.keys().next().value ?? this.#ids.upcoming;
    return this.#horizon;
  }

  #remove(live: Live, record: TransactionRecord): void {
    live.t.state = 'completed';
    live.t.completedAt = record.completedAt;
    this.#live.delete(record.id);
    this.#older.delete(record.id);
    this.load.ended(live);
    this.ports.phases.completed(record.id);
    this.ports.tracing.completed(record.id);
    this.ports.metrics.transactionCompleted((record.completedAt ?? 0) - (record.decidedAt ?? 0));
    for (const waiter of live.waiters.splice(0)) waiter.resolve(record);
  }

  #onDue(live: Live): void {
    if (live.dueAt > this.ports.clock.now() || live.t.state === 'completed') return;
    this.#advance(live, { type: 'due' });
  }

  /**
   * A branch that is durably prepared asks about a transaction that this leader does not hold (D6). If the record of it
   * still exists, the branch is told the outcome. If not, and the id is of an earlier term, or of this one and
   * forgotten, no COMMIT can name it any more and presumed abort is the truth. Ids of earlier incarnations are presumed
   * aborted only where a reconciliation with all participants was completed; until then they get no answer.
   */
  async #answerUnknown(vote: Vote): Promise<void> {
    const { transactionId, participant } = vote;
    const older = isOlder(transactionId, this.#ids.incarnation);
    if (!(older || this.#ids.mayHaveBeen(transactionId)) || !this.ready) return this.ports.metrics.strayReply('vote');
    try {
      const record = await this.ports.find(transactionId);
      if (this.#deposed || this.#live.has(transactionId)) return;
      if (older && !record?.outcome && this.ports.ledger.reconciliation !== 'done') return this.#leaveInDoubt(vote);
      if (record && this.#nameBranch(record, vote)) return;
      this.ports.messenger.send(outcomeFor(vote, record, this.#frame()));
    } catch (error) {
      // Postgres cannot be asked at the moment: the branch stays prepared and repeats its vote.
      this.ports.logger.warn({ transactionId, participant, err: error }, 'a prepared branch cannot be answered yet');
    }
  }

  /** Nothing may be presumed: its participants have not all been heard, or this cluster has never known of it. */
  #leaveInDoubt(vote: Vote): void {
    this.ports.metrics.strayReply('vote');
    if (this.ports.ledger.reconciliation === null) this.ports.onOrphan(vote);
  }

  /** A branch of a transaction that reconciliation has committed before this participant was heard: it commits too. */
  #nameBranch(record: TransactionRecord, { vote, participant }: Vote): boolean {
    const extended = vote === 'prepared' ? withBranch(record, participant) : undefined;
    if (extended) this.ports.propose({ type: 'reconcile', at: this.ports.clock.now(), transactions: [extended] });
    return extended !== undefined;
  }
}
