import { ConcordatError, STATUSES_MAX, type StatusAnswer } from '@concordat/protocol';
import type { StatusSource } from '@concordat/snapshot';
import type { ParticipantMetrics } from '../metrics.js';
import { Gatherer } from './gatherer.js';
import type { Replicas } from './replicas.js';

/**
 * What this participant knows of the outcomes of transactions, and of how far the coordinators are (S1, S2, D6).
 *
 * Invariants:
 * - `committed` and `aborted` are final and kept; `undecided` is kept as "a commit would get a number above
 *   `undecidedUpTo`", so it answers for snapshots up to there and no further; `unknown` is never kept;
 * - the applied number only grows, and everything up to it was applied at a coordinator.
 */
export class StatusClient implements StatusSource {
  #appliedCsn = 0;
  /** Least recently used first. */
  readonly #known = new Map<string, Known>();
  readonly #questions: Gatherer<Question, StatusAnswer>;
  readonly #freshness: Gatherer<void, number>;

  constructor(
    private readonly replicas: Replicas,
    private readonly metrics: Pick<ParticipantMetrics, 'statusQuestions'>,
    private readonly knownMax: number,
  ) {
    this.#questions = new Gatherer((questions) => this.#ask(questions), STATUSES_MAX);
    this.#freshness = new Gatherer((waiting) => this.#askFreshness(waiting.length), Number.MAX_SAFE_INTEGER);
  }

  /** The highest applied number heard of. */
  get appliedCsn(): number {
    return this.#appliedCsn;
  }

  /** Learns an applied number that came with a command or an answer. */
  observe(csn: number | undefined): void {
    if (csn !== undefined && csn > this.#appliedCsn) this.#appliedCsn = csn;
  }

  /** Learns an outcome that came with a decision: readers see it from now on, carried out or not. */
  learn(transactionId: string, outcome: Final): void {
    this.#keep(transactionId, outcome);
  }

  /** Statuses by replicas that have applied `minCsn` at least. Throws `snapshot-unavailable`. */
  async at(transactionIds: readonly string[], minCsn: number): Promise<ReadonlyMap<string, StatusAnswer>> {
    return this.#answers(transactionIds, minCsn, (id) => this.#remembered(id, minCsn));
  }

  /** Statuses as they are now, not as they were at a snapshot. Throws `snapshot-unavailable`. */
  async now(transactionIds: readonly string[]): Promise<ReadonlyMap<string, StatusAnswer>> {
    return this.#answers(transactionIds, this.#appliedCsn, (id) => {
      const known = this.#known.get(id);
      return known?.status === 'undecided' ? undefined : known;
    });
  }

  /** An applied number that covers everything that was decided before this call. Throws `snapshot-unavailable`. */
  latestCsn(): Promise<number> {
    return this.#freshness.add();
  }

  /**
   * S2: resolves once an applied number of at least the snapshot was heard. Throws `snapshot-unavailable` where none
   * was, so that nobody reads at a snapshot whose past may still grow.
   */
  async awaitApplied(snapshot: number): Promise<void> {
    if (snapshot <= this.#appliedCsn) return;
    const latest = await this.latestCsn();
    if (snapshot <= latest) return;
    const message = `The snapshot ${snapshot} lies in the future: the coordinators have applied ${latest}.`;
    throw new ConcordatError('snapshot-unavailable', message, { snapshot, appliedCsn: latest });
  }

  async #answers(
    transactionIds: readonly string[],
    minCsn: number,
    remembered: (transactionId: string) => StatusAnswer | undefined,
  ): Promise<ReadonlyMap<string, StatusAnswer>> {
    const answers = await Promise.all(
      transactionIds.map((transactionId) => {
        const known = remembered(transactionId);
        return known ?? this.#questions.add({ transactionId, minCsn });
      }),
    );
    return new Map(transactionIds.map((id, index) => [id, answers[index] as StatusAnswer]));
  }

  async #ask(questions: readonly Question[]): Promise<readonly StatusAnswer[]> {
    const transactionIds = [...new Set(questions.map(({ transactionId }) => transactionId))];
    const minCsn = questions.reduce((max, question) => Math.max(max, question.minCsn), 0);
    this.metrics.statusQuestions.inc(transactionIds.length);
    const { appliedCsn, statuses } = await this.replicas.ask({ transactionIds, minCsn });
    this.observe(appliedCsn);
    const answers = new Map(transactionIds.map((id, index) => [id, statuses[index] as StatusAnswer]));
    for (const [id, answer] of answers) {
      if (answer.status === 'undecided') this.#keep(id, { ...answer, undecidedUpTo: appliedCsn });
      else if (answer.status !== 'unknown') this.#keep(id, answer);
    }
    return questions.map(({ transactionId }) => answers.get(transactionId) as StatusAnswer);
  }

  async #askFreshness(count: number): Promise<readonly number[]> {
    const { appliedCsn } = await this.replicas.ask({ transactionIds: [], linearizable: true });
    this.observe(appliedCsn);
    return new Array<number>(count).fill(appliedCsn);
  }

  #remembered(transactionId: string, snapshot: number): StatusAnswer | undefined {
    const known = this.#known.get(transactionId);
    if (known === undefined || (known.status === 'undecided' && known.undecidedUpTo < snapshot)) return undefined;
    this.#known.delete(transactionId);
    this.#known.set(transactionId, known);
    return known.status === 'undecided' ? { status: 'undecided' } : known;
  }

  #keep(transactionId: string, known: Known): void {
    const before = this.#known.get(transactionId);
    if (before && before.status !== 'undecided') return; // final: an answer that was under way is older
    this.#known.delete(transactionId);
    this.#known.set(transactionId, known);
    if (this.#known.size <= this.knownMax) return;
    const [oldest] = this.#known.keys();
    if (oldest !== undefined) this.#known.delete(oldest);
  }
}

interface Question {
  readonly transactionId: string;
  readonly minCsn: number;
}

type Final = Extract<StatusAnswer, { status: 'committed' | 'aborted' }>;
type Known = Final | { readonly status: 'undecided'; readonly undecidedUpTo: number };
