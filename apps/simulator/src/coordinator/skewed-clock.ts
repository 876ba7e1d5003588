import type { EventQueue, SeededRandom } from '@concordat/raft/simulator';

const START_MS = 1_700_000_000_000;
const OFFSET_MS_MAX = 60_000;

/** The clock of one coordinator: wrong by a minute, too fast or too slow, and put forward while it runs. It never goes back. */
export class SkewedClock {
  #rate = 1;
  #baseMs: number;
  #sinceMs: number;

  constructor(
    private readonly queue: EventQueue,
    private readonly random: SeededRandom,
  ) {
    this.#sinceMs = queue.nowMs;
    this.#baseMs = START_MS;
    this.restart();
  }

  /** Unix ms, as this coordinator believes. */
  now(): number {
    return Math.floor(this.#baseMs + (this.queue.nowMs - this.#sinceMs) * this.#rate);
  }

  /** A new process trusts the machine's clock, which may have been put back. */
  restart(): void {
    this.#set(START_MS + this.queue.nowMs + this.random.between(-OFFSET_MS_MAX, OFFSET_MS_MAX), this.#rate);
  }

  jump(): void {
    this.#set(this.now() + this.random.below(OFFSET_MS_MAX), this.#rate);
  }

  skew(rate: number): void {
    this.#set(this.now(), rate);
  }

  #set(nowMs: number, rate: number): void {
    this.#baseMs = nowMs;
    this.#sinceMs = this.queue.nowMs;
    this.#rate = rate;
  }
}
