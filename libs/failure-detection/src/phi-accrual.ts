/**
 * The φ accrual failure detector: N. Hayashibara, X. Défago, R. Yared, T. Katayama, "The φ Accrual Failure Detector",
 * SRDS 2004. Owns what one observer knows of one sender's heartbeats. Knows no clock, and no threshold: it says how
 * surprising the present silence is, and whoever asks decides what is too surprising.
 *
 * φ(t) = -log10 P(a heartbeat comes even later than t), where intervals are taken as normally distributed with mean and
 * deviation of a window of the last ones. φ = 8 means: were the sender alive, so long a silence would come once in 10⁸.
 *
 * - F1 Time is what the caller says and never runs backwards here: an earlier time counts as the latest one told.
 * - F2 While nothing is heard φ does not fall. What is heard sets it to nothing at once, after however long a silence.
 * - F3 The window is bounded. Before there were intervals it holds the expected one, with a spread of a quarter.
 * - F4 Silence counts only as long as the observer was listening; a gap in its own hearing is no interval.
 */
import { normalTailLog10 } from './normal-tail.js';

export interface PhiAccrualOptions {
  /** What the sender promises between two heartbeats, in ms; stands for intervals until there are some. */
  readonly expectedIntervalMs: number;
  /** Intervals kept. */
  readonly intervalsMax: number;
  /** A longer one is an absence that has ended, and says nothing of how the sender beats; in ms. */
  readonly intervalMsMax: number;
  /** Regular heartbeats would otherwise make every hiccup a surprise; in ms. */
  readonly standardDeviationMsMin: number;
  /** Added to the mean: pauses of so many ms (garbage collection, a busy machine) surprise nobody. */
  readonly acceptablePauseMs: number;
}

/** Where φ ends: beyond this the numbers say nothing more. */
export const SUSPICION_MAX = 1000;

export class PhiAccrualDetector {
  /** A ring; `#next` is where the next one goes. */
  readonly #intervals: number[];
  #next = 0;
  #mean = 0;
  #deviation = 0;
  #latest = Number.NEGATIVE_INFINITY;
  #heardAt: number | undefined;

  constructor(private readonly options: PhiAccrualOptions) {
    const { expectedIntervalMs } = options;
    this.#intervals = [0.75 * expectedIntervalMs, 1.25 * expectedIntervalMs];
    this.#measure();
  }

  /** When the last heartbeat was heard, in the caller's ms; undefined before the first. */
  get heardAtMs(): number | undefined {
    return this.#heardAt;
  }

  /**
   * A heartbeat has come.
   * @param nowMs of any clock
   * @param listeningSinceMs since when nothing that was sent could have been missed (F4)
   */
  heard(nowMs: number, listeningSinceMs = Number.NEGATIVE_INFINITY): void {
    const now = this.#advance(nowMs);
    const last = this.#heardAt;
    this.#heardAt = now;
    if (last === undefined || last < listeningSinceMs || now - last > this.options.intervalMsMax) return;
    this.#intervals[this.#next] = now - last;
    this.#next = (this.#next + 1) % this.options.intervalsMax;
    this.#measure();
  }

  /**
   * @param nowMs of the same clock
   * @param listeningSinceMs since when nothing that was sent could have been missed (F4); needed before the first heartbeat,
   *   where silence counts from then on
   * @returns φ from 0 to `SUSPICION_MAX`
   */
  suspicion(nowMs: number, listeningSinceMs = Number.NEGATIVE_INFINITY): number {
    const since = Math.max(this.#heardAt ?? Number.NEGATIVE_INFINITY, listeningSinceMs);
    if (since === Number.NEGATIVE_INFINITY) return 0;
    const silentMs = this.#advance(nowMs) - since;
    const deviations = (silentMs - this.#mean - this.options.acceptablePauseMs) / this.#deviation;
    return Math.min(Math.max(0, -normalTailLog10(deviations)), SUSPICION_MAX);
  }

  /** F1. */
  #advance(nowMs: number): number {
    this.#latest = Math.max(this.#latest, nowMs);
    return this.#latest;
  }

  #measure(): void {
    const count = this.#intervals.length;
    this.#mean = this.#intervals.reduce((sum, interval) => sum + interval, 0) / count;
    const variance = this.#intervals.reduce((sum, interval) => sum + (interval - this.#mean) ** 2, 0) / count;
    this.#deviation = Math.max(Math.sqrt(variance), this.options.standardDeviationMsMin);
  }
}
