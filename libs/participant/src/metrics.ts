import { Counter, Gauge, Histogram, Registry } from 'prom-client';

const SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Metrics of a participant, in a registry of their own; `participant` is a label of all. */
export class ParticipantMetrics {
  readonly registry = new Registry();

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

  constructor(participant: string) {
    this.registry.setDefaultLabels({ participant });
  }

  /** Publishes numbers that are read at the moment of the scrape. */
  observe(gauges: {
    prepared(): number;
    foreignPrepared(): number;
    oldestPreparedMs(): number | null;
    executing(): number;
    sessions(): number;
    appliedCsn(): number;
  }): void {
    this.#gauge('prepared_branches', 'Branches that are prepared and undecided.', () => gauges.prepared());
    this.#gauge('foreign_prepared', 'Prepared under our prefix, and of no transaction.', () =>
      gauges.foreignPrepared(),
    );
    this.#gauge('oldest_prepared_seconds', 'Age of the oldest of them.', () => (gauges.oldestPreparedMs() ?? 0) / 1000);
    this.#gauge('applied_csn', 'Highest number heard that a coordinator has applied.', () => gauges.appliedCsn());
    this.#gauge('sessions', 'Sessions of operations that were executed at once.', () => gauges.sessions());
    this.#gauge('executing_branches', 'Prepares that run or wait for their turn.', () => gauges.executing());
  }

  #counter<Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> {
    return new Counter({ name: `concordat_participant_${name}`, help, labelNames, registers: [this.registry] });
  }

  #histogram<Label extends string>(name: string, help: string, labelNames: Label[]): Histogram<Label> {
    const registers = [this.registry];
    return new Histogram({ name: `concordat_participant_${name}`, help, labelNames, buckets: SECONDS, registers });
  }

  #gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name: `concordat_participant_${name}`,
      help,
      registers: [this.registry],
      collect() {
        this.set(read());
      },
    });
  }
}
