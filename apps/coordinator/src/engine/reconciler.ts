/**
 * Asks the participants what became of the transactions of earlier incarnations, while a restored cluster does not know
 * (libs/transaction/src/reconciliation.ts has the rules), and puts what is certain into the log. Made by the leader of a
 * term and thrown away with it: the next leader asks anew, and what is in the log already stays.
 */
import {
  type BranchesReply,
  type Command,
  HEARTBEAT_INTERVAL_MS,
  LOWEST_TRANSACTION_ID,
  WIRE_VERSION,
} from '@concordat/protocol';
import {
  type BranchReport,
  type Entry,
  isOlder,
  type Ledger,
  type ReconcileEntry,
  Reconciliation,
  reconciled,
  type TransactionRecord,
  type Verdict,
} from '@concordat/transaction';
import { raiseHazard } from './in-doubt-hazards.js';
import type { Clock, EngineLogger, EngineMetrics, Messenger } from './ports.js';

const TURN_INTERVAL_MS = 500;
/** Questions of one turn; each is put again in every turn until it is answered. */
const QUESTIONS_MAX = 500;
/** Transactions that one entry settles at most. */
const SETTLED_PER_ENTRY_MAX = 200;
/** A participant that registered after the backup was taken is heard of within this time, if it runs. */
const ARRIVALS_MS = 5 * HEARTBEAT_INTERVAL_MS;
const REMINDER_INTERVAL_MS = 10_000;

export interface ReconcilerPorts {
  readonly ledger: Ledger;
  readonly messenger: Messenger;
  readonly metrics: EngineMetrics;
  readonly logger: EngineLogger;
  readonly clock: Clock;
  readonly propose: (entry: Entry) => void;
  readonly find: (id: string) => Promise<TransactionRecord | undefined>;
}

export class Reconciler {
  readonly #state: Reconciliation;
  readonly #timer: NodeJS.Timeout;
  /** When replies could be heard for the first time. */
  #hearingSince: number | undefined;
  #remindedAt = 0;
  #settling = false;
  #stopped = false;

  constructor(private readonly ports: ReconcilerPorts) {
    const { ledger } = ports;
    this.#state = new Reconciliation(ledger.incarnation);
    for (const { id, outcome } of ledger.live.values()) {
      if (outcome === null && isOlder(id, ledger.incarnation)) this.#state.addUndecided(id);
    }
    this.#timer = setInterval(() => this.#turn(), TURN_INTERVAL_MS);
    this.#timer.unref();
    ports.logger.info({ incarnation: ledger.incarnation }, 'restored: asking the participants for their branches');
    this.#turn();
  }

  /** Participants that have not told everything. */
  get awaited(): readonly string[] {
    return this.#state.awaited;
  }

  /** Transactions in doubt, at most `max`, with what their participants have said. */
  doubts(max: number): { readonly id: string; readonly reports: ReadonlyMap<string, BranchReport> }[] {
    return this.#state.open(max).map((id) => ({ id, reports: this.#state.reports(id) }));
  }

  reports(id: string): ReadonlyMap<string, BranchReport> {
    return this.#state.reports(id);
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }

  onBranches(reply: BranchesReply): void {
    if (this.#stopped) return;
    this.#state.take(reply);
    if (!reply.complete) this.#ask(reply.participant);
    void this.#settle();
  }

  #turn(): void {
    const { ledger, messenger, clock } = this.ports;
    if (!messenger.available) return;
    this.#hearingSince ??= clock.now();
    for (const name of ledger.participants.keys()) this.#state.addParticipant(name);
    this.#ask();
    this.#remind();
    void this.#settle();
  }

  /** Puts what is to be asked now, to one participant or to all. */
  #ask(only?: string): void {
    const { messenger, ledger } = this.ports;
    for (const question of this.#state.questions(QUESTIONS_MAX)) {
      if (only !== undefined && question.participant !== only) continue;
      const command: Command = {
        v: WIRE_VERSION,
        type: 'report',
        horizon: LOWEST_TRANSACTION_ID,
        incarnation: ledger.incarnation,
        ...question,
      };
      messenger.send(command);
    }
  }

  /** Proposes what is certain; one round at a time, since looking up what is known waits for Postgres. */
  async #settle(): Promise<void> {
    if (this.#settling || this.#stopped) return;
    this.#settling = true;
    try {
      for (;;) {
        const due = this.#state.due(SETTLED_PER_ENTRY_MAX);
        if (due.length === 0) break;
        const transactions: ReconcileEntry['transactions'][number][] = [];
        const at = this.ports.clock.now();
        for (const { id, verdict } of due) {
          const known = await this.ports.find(id);
          if (this.#stopped) return;
          if (isDecided(known)) this.#compare(known);
          else transactions.push(this.#entryOf(id, verdict, known, at));
        }
        if (transactions.length > 0) this.ports.propose({ type: 'reconcile', at, transactions });
        for (const one of transactions) this.#raise(one); // behind the entry that it contradicts
        for (const { id } of due) this.#state.settle(id);
      }
      this.#finish();
    } catch (error) {
      this.ports.logger.warn({ err: error }, 'reconciliation waits for Postgres');
    } finally {
      this.#settling = false;
    }
  }

  #entryOf(
    id: string,
    verdict: Verdict,
    known: TransactionRecord | undefined,
    at: number,
  ): ReconcileEntry['transactions'][number] {
    const reports = this.#state.reports(id);
    this.ports.logger.info({ transactionId: id, verdict, reports: Object.fromEntries(reports) }, 'reconciled');
    return reconciled(id, verdict, { known, reports, csn: this.#state.csnOf(id) }, at);
  }

  /** Committed by one participant's word, and rolled back by another's. */
  #raise({ header, csn, branches }: ReconcileEntry['transactions'][number]): void {
    for (const participant of new Set(
      branches.filter((one) => one.status === 'hazard').map((one) => one.participant),
    )) {
      const detail = 'reports that it has rolled back what another participant has committed';
      raiseHazard(this.ports, { transactionId: header.id, participant, outcome: 'committed', csn, detail });
    }
  }

  /** What was decided before the backup was taken stays; a participant that contradicts it is never hidden. */
  #compare({ id, outcome, csn }: TransactionRecord): void {
    for (const [participant, report] of this.#state.reports(id)) {
      const contradicts = outcome === 'committed' ? report === 'aborted' : report === 'committed';
      if (!contradicts || outcome === null) continue;
      const detail = `reports ${report} after the restore, the decision was ${outcome}`;
      raiseHazard(this.ports, { transactionId: id, participant, outcome, csn, detail });
    }
  }

  #finish(): void {
    const { clock, logger, propose } = this.ports;
    const since = this.#hearingSince;
    if (since === undefined || clock.now() - since < ARRIVALS_MS || !this.#state.finished) return;
    this.stop();
    logger.info({}, 'reconciliation with the participants is complete');
    propose({ type: 'reconciled', at: clock.now() });
  }

  #remind(): void {
    const now = this.ports.clock.now();
    const { awaited } = this.#state;
    if (awaited.length === 0 || now - this.#remindedAt < REMINDER_INTERVAL_MS) return;
    if (this.#remindedAt > 0) {
      this.ports.logger.warn({ awaited }, 'reconciliation waits for participants; what they may hold stays in doubt');
    }
    this.#remindedAt = now;
  }
}

const isDecided = (record: TransactionRecord | undefined): record is TransactionRecord =>
  record !== undefined && (record.outcome !== null || record.status === 'completed');
