import { ABORT_REASONS, type StatusAnswer } from '@concordat/protocol';
import type { EngineMetrics, Phase } from '../engine/ports.js';
import type { MetricsRegistry } from './metrics-registry.js';
import type { CounterFamily, CounterSeries, HistogramFamily, HistogramSeries } from './series.js';

const MS_PER_S = 1000;
/** Callers that are counted by name; all others together are `other`. */
const CALLERS_NAMED_MAX = 20;

/** What the engine counts, under the names that dashboards and alerts use. */
export class CoordinatorMetrics implements EngineMetrics {
  private readonly begun: CounterSeries;
  private readonly decided: Readonly<Record<'committed' | 'aborted', CounterSeries>>;
  private readonly aborted: CounterFamily;
  private readonly phases: Readonly<Record<Phase | 'decision' | 'finalise', HistogramSeries>>;
  private readonly logFlush: HistogramSeries;
  private readonly resent: CounterFamily;
  private readonly hazards: CounterFamily;
  private readonly strays: CounterFamily;
  private readonly statuses: Readonly<Record<StatusAnswer['status'], CounterSeries>>;
  private readonly deadLetters: CounterSeries;
  private readonly persistedRows: CounterSeries;
  private readonly persistDuration: HistogramSeries;
  private readonly admissionWait: HistogramSeries;
  private readonly refusals: CounterFamily;
  private readonly callers = new Set<string>();

  constructor(registry: MetricsRegistry) {
    const one = (family: CounterFamily): CounterSeries => family.with();
    this.begun = one(registry.counter('concordat_transactions_begun_total', 'Transactions begun.'));
    const decided = registry.counter('concordat_transactions_decided_total', 'Transactions decided, by outcome.', [
      'outcome',
    ]);
    this.decided = { committed: decided.with({ outcome: 'committed' }), aborted: decided.with({ outcome: 'aborted' }) };
    this.aborted = registry.counter(
      'concordat_transactions_aborted_total',
      'Transactions aborted, by reason; codes that participants chose count as `participant`.',
      ['reason'],
    );
    const phases: HistogramFamily = registry.durations(
      'concordat_transaction_phase_duration_seconds',
      [
        'prepare: from asking the participants until the outcome is settled, mostly by the last vote;',
        'decide: from there until the decision is durable on a quorum and applied;',
        'finalise: from there until every branch is done; decision: from begin until the decision is applied.',
      ].join(' '),
      ['phase'],
    );
    this.phases = {
      prepare: phases.with({ phase: 'prepare' }),
      decide: phases.with({ phase: 'decide' }),
      finalise: phases.with({ phase: 'finalise' }),
      decision: phases.with({ phase: 'decision' }),
    };
    this.logFlush = registry
      .durations(
        'concordat_log_fsync_duration_seconds',
        'Duration of one write of the decision log, until it is durable.',
      )
      .with();
    this.resent = registry.counter('concordat_commands_resent_total', 'Commands sent again, by type.', ['command']);
    this.hazards = registry.counter(
      'concordat_hazards_total',
      'Branches whose participant contradicts the decision, by participant. Alert on any.',
      ['participant'],
    );
    this.strays = registry.counter('concordat_stray_replies_total', 'Replies about transactions not held, by type.', [
      'type',
    ]);
    const statuses = registry.counter(
      'concordat_statuses_total',
      'Transactions asked for at /v1/statuses, by answer.',
      ['status'],
    );
    const series = (status: StatusAnswer['status']): CounterSeries => statuses.with({ status });
    this.statuses = {
      committed: series('committed'),
      aborted: series('aborted'),
      undecided: series('undecided'),
      unknown: series('unknown'),
    };
    this.deadLetters = one(
      registry.counter('concordat_dead_letters_total', 'Replies that could not be read. Alert on any.'),
    );
    this.persistedRows = one(registry.counter('concordat_persisted_transactions_total', 'Rows written to Postgres.'));
    this.persistDuration = registry
      .durations('concordat_persist_duration_seconds', 'Duration of one batch into Postgres.')
      .with();
    this.admissionWait = registry
      .durations('concordat_admission_wait_seconds', 'How long what was admitted had waited for its turn.')
      .with();
    this.refusals = registry.counter(
      'concordat_admission_refused_total',
      'Calls refused, by what was short: caller (429), participant or places (503); and by caller.',
      ['by', 'caller'],
    );
  }

  transactionBegun(): void {
    this.begun.add();
  }

  transactionDecided(outcome: 'committed' | 'aborted', reasonCode: string | undefined, sinceBeginMs: number): void {
    this.decided[outcome].add();
    this.phases.decision.observe(sinceBeginMs / MS_PER_S);
    if (outcome === 'aborted') this.aborted.with({ reason: boundedReason(reasonCode) }).add();
  }

  phaseEnded(phase: Phase, tookMs: number): void {
    this.phases[phase].observe(tookMs / MS_PER_S);
  }

  /** @param tookMs until it was durable */
  logFlushed(tookMs: number): void {
    this.logFlush.observe(tookMs / MS_PER_S);
  }

  transactionCompleted(sinceDecisionMs: number): void {
    this.phases.finalise.observe(sinceDecisionMs / MS_PER_S);
  }

  commandResent(command: string): void {
    this.resent.with({ command }).add();
  }

  hazardRaised(participant: string): void {
    this.hazards.with({ participant }).add();
  }

  strayReply(type: string): void {
    this.strays.with({ type }).add();
  }

  statusesAnswered(answers: readonly StatusAnswer[]): void {
    for (const { status } of answers) this.statuses[status].add();
  }

  deadLetter(): void {
    this.deadLetters.add();
  }

  persisted(transactions: number, tookMs: number): void {
    this.persistedRows.add(transactions);
    this.persistDuration.observe(tookMs / MS_PER_S);
  }

  letIn(waitedMs: number): void {
    this.admissionWait.observe(waitedMs / MS_PER_S);
  }

  turnedAway(by: string, caller: string): void {
    if (this.callers.size < CALLERS_NAMED_MAX) this.callers.add(caller);
    this.refusals.with({ by, caller: this.callers.has(caller) ? caller : 'other' }).add();
  }
}

/** Participants choose codes freely; as labels they would be without bound. */
const boundedReason = (code: string | undefined): string =>
  code !== undefined && Object.hasOwn(ABORT_REASONS, code) ? code : 'participant';
