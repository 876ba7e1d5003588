import type { ReadingState } from '@concordat/transport';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Why a message is put aside. */
export const DEAD_LETTER_CAUSES = [
  'signature',
  'unreadable',
  'misdirected',
  'implausible',
  'operation-failed',
] as const;
/** Reasons of refusals that are counted by name, as operations choose them freely; all further ones are `other`. */
const REASONS_NAMED_MAX = 50;

const SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

interface MetricDescription {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** Beside `participant`. */
  readonly labels: readonly string[];
  readonly help: string;
}

/**
 * Metrics of a participant, in a registry of their own; `participant` is a label of all. What a rule may ask for by `rate` or
 * `increase` is there from the start with 0: a series that begins with 1 has never increased.
 */
export class ParticipantMetrics {
  readonly registry = new Registry();
  /** Every metric, as docs/metrics.md shows it. */
  readonly descriptions: MetricDescription[] = [];

  readonly commands = this.#counter('commands_total', 'Commands received.', ['type']);
  readonly duplicates = this.#counter('duplicate_commands_total', 'Prepares that were known already.', ['state']);
  readonly votes = this.#counter('votes_total', 'Votes by kind; repetitions are counted apart.', ['vote', 'reason']);
  readonly executes = this.#counter('executes_total', 'Operations executed at once, by reason of refusal.', ['reason']);
  readonly voteRepeats = this.#counter('vote_repeats_total', 'Votes sent again for want of a decision.', []);
  readonly retries = this.#counter('prepare_retries_total', 'Prepares begun anew, by cause.', ['cause']);
  readonly finaliseFailures = this.#counter(
    'finalise_failures_total',
    'Commits and rollbacks that failed and wait for the coordinator to send them again.',
    ['type'],
  );
  readonly hazards = this.#counter('hazards_total', 'Decisions that contradict the state of this participant.', []);
  readonly lostBranches = this.#counter(
    'lost_branches_total',
    'Branches whose row was gone while their intents were not; made anew. Alert on any.',
    [],
  );
  readonly deadLetters = this.#counter('dead_letters_total', 'Messages put aside, by cause.', ['cause']);
  readonly sendFailures = this.#counter('send_failures_total', 'Replies that could not be sent.', ['type']);
  readonly rowsCollected = this.#counter('branch_rows_collected_total', 'Branch rows deleted below the horizon.', []);

  readonly versionsCollected = this.#counter('versions_collected_total', 'Versions deleted below the watermark.', []);
  readonly statusQuestions = this.#counter('status_questions_total', 'Outcomes asked of coordinators.', []);
  readonly metConflicts = this.#counter('conflicts_total', 'Intents of others met by prepares, by their status.', [
    'status',
  ]);
  readonly finaliseBatch = this.#counter(
    'finalise_batches_total',
    'Database transactions that finalised versions.',
    [],
  );

  readonly prepareSeconds = this.#histogram('prepare_seconds', 'From the arrival of a prepare to its outcome.', [
    'outcome',
  ]);
  readonly finaliseSeconds = this.#histogram('finalise_seconds', 'Durations of commits and rollbacks.', ['type']);

  readonly #reasons = new Set<string>();

  constructor(participant: string) {
    this.registry.setDefaultLabels({ participant });
    for (const cause of DEAD_LETTER_CAUSES) this.deadLetters.inc({ cause }, 0);
    for (const type of ['commit', 'rollback']) this.finaliseFailures.inc({ type }, 0);
    for (const vote of ['prepared', 'read-only']) this.votes.inc({ vote, reason: '' }, 0);
    this.sendFailures.inc({ type: 'vote' }, 0);
  }

  /** @returns the code, or `other` where too many codes are known already */
  reasonLabel(code: string): string {
    if (this.#reasons.size < REASONS_NAMED_MAX) this.#reasons.add(code);
    return this.#reasons.has(code) ? code : 'other';
  }

  /** Publishes numbers that are read at the moment of the scrape. */
  observe(gauges: {
    prepared(): number;
    foreignPrepared(): number;
    oldestPreparedMs(): number | null;
    executing(): number;
    sessions(): number;
    appliedCsn(): number;
    kafkaAvailable(): boolean;
    /** Of the topic of commands; undefined until it is read. */
    reading(): ReadingState | undefined;
  }): void {
    this.#gauge('prepared_branches', 'Branches that are prepared and undecided.', () => gauges.prepared());
    this.#gauge('foreign_prepared', 'Prepared under our prefix, and of no transaction.', () =>
      gauges.foreignPrepared(),
    );
    this.#gauge(
      'oldest_prepared_seconds',
      'Age of the oldest branch that is prepared and undecided.',
      () => (gauges.oldestPreparedMs() ?? 0) / 1000,
    );
    this.#gauge('applied_csn', 'Highest number heard that a coordinator has applied.', () => gauges.appliedCsn());
    this.#gauge('sessions', 'Sessions of operations that were executed at once.', () => gauges.sessions());
    this.#gauge('executing_branches', 'Prepares that run or wait for their turn.', () => gauges.executing());
    this.#gauge('kafka_available', 'Whether Kafka answers.', () => (gauges.kafkaAvailable() ? 1 : 0));
    this.#gauge(
      'kafka_outstanding_messages',
      'Commands that were read and are being handled, or wait for their turn.',
      () => gauges.reading()?.outstanding ?? 0,
    );
    this.#gauge(
      'kafka_lag_messages',
      'Commands between what this instance has read of a partition and its end, as Kafka last named it.',
      () => gauges.reading()?.lag ?? new Map(),
      'partition',
    );
  }

  #counter<Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> {
    return new Counter({ ...this.#describe('counter', name, help, labelNames), labelNames });
  }

  #histogram<Label extends string>(name: string, help: string, labelNames: Label[]): Histogram<Label> {
    return new Histogram({ ...this.#describe('histogram', name, help, labelNames), labelNames, buckets: SECONDS });
  }

  /** @param read at each scrape: a number, or a number by the value of the label */
  #gauge(name: string, help: string, read: () => number | ReadonlyMap<number, number>, label?: string): void {
    const labelNames = label === undefined ? [] : [label];
    new Gauge({
      ...this.#describe('gauge', name, help, labelNames),
      labelNames,
      collect() {
        const now = read();
        if (typeof now === 'number') return this.set(now);
        this.reset();
        for (const [of, value] of now) this.set({ [label as string]: of }, value);
      },
    });
  }

  #describe(type: MetricDescription['type'], shortName: string, help: string, labels: readonly string[]) {
    const name = `concordat_participant_${shortName}`;
    this.descriptions.push({ name, type, labels, help });
    return { name, help, registers: [this.registry] };
  }
}
