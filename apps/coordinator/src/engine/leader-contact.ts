/**
 * Whether this replica holds what has been decided: it asks by ReadIndex, again and again. An answer means that a leader
 * with a quorum behind it was there after the question, and that everything committed before the question is applied
 * here. So the age of the last question that was answered bounds both the silence of the leader and the lag behind it.
 */
import type { DecisionLog } from './decision-log.js';
import type { Clock } from './ports.js';
import { pause } from './within.js';

/** Questions cost one message each, and share the rounds of ReadIndex with the callers' reads. */
const ASK_INTERVAL_MS = 250;
/** Long enough for an election that takes a second round, so that a mere change of leaders takes nobody out of service. */
const CONTACT_ELECTION_TIMEOUTS_MAX = 4;

export class LeaderContact {
  /** When the last question that was answered was asked, Unix ms. */
  #heldAt: number | undefined;
  #stopped = false;
  readonly #contactMsMax: number;

  /** @param electionTimeoutMs the shortest */
  constructor(
    private readonly log: Pick<DecisionLog, 'readIndex'>,
    private readonly clock: Clock,
    electionTimeoutMs: number,
  ) {
    this.#contactMsMax = CONTACT_ELECTION_TIMEOUTS_MAX * electionTimeoutMs;
  }

  /** Whether everything committed until shortly before now is applied here. */
  get isRecent(): boolean {
    return this.#heldAt !== undefined && this.clock.now() - this.#heldAt <= this.#contactMsMax;
  }

  /** Asks once. @returns whether everything decided before this call is applied here, and whoever leads still does */
  async ask(): Promise<boolean> {
    const askedAt = this.clock.now();
    if (!(await this.log.readIndex())) return false;
    this.#heldAt = Math.max(askedAt, this.#heldAt ?? askedAt);
    return true;
  }

  /** Asks until it is stopped. */
  async keep(): Promise<void> {
    while (!this.#stopped) {
      await this.ask();
      await pause(ASK_INTERVAL_MS);
    }
  }

  stop(): void {
    this.#stopped = true;
  }
}
