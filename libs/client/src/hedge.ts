import type { Clock } from './clock.js';
import type { LatencyWindow } from './latency-window.js';

export interface HedgeOptions {
  /** The share of reads that are given no second try; 0.95 when left out. */
  readonly quantile?: number;
  /** The wait before the second try, in ms, while too few reads were seen; 50 when left out. */
  readonly initialDelayMs?: number;
  /** No second try comes sooner, in ms; 5 when left out. */
  readonly delayMsMin?: number;
}

const READS_MIN = 20;

/** After how long a read is given a second try, in ms: later than most answers come (Dean and Barroso, *The Tail at Scale*). */
export function hedgeDelayMs(latencies: LatencyWindow, options: HedgeOptions): number {
  const { quantile = 0.95, initialDelayMs = 50, delayMsMin = 5 } = options;
  if (latencies.count < READS_MIN) return initialDelayMs;
  return Math.max(delayMsMin, latencies.quantileMs(quantile) ?? initialDelayMs);
}

/** One try: runs until the signal ends it. */
export type Try<T> = (signal: AbortSignal) => Promise<T>;

/**
 * Runs `first`; when it has no good result after `delayMs`, runs a second try beside it. The first good result wins and the
 * other try is cancelled; where none is good, the last result is returned.
 * @param second makes the second try, or nothing where there is no leave or no replica for it
 */
export function hedged<T>(
  first: Try<T>,
  second: () => Try<T> | undefined,
  isGood: (result: T) => boolean,
  delayMs: number,
  clock: Clock,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const running = new Set<AbortController>();
    const finish = (end: () => void) => {
      cancelTimer();
      end();
      for (const other of running) other.abort();
      running.clear();
    };
    const start = (run: Try<T>) => {
      const controller = new AbortController();
      running.add(controller);
      run(controller.signal).then(
        (result) => {
          if (!running.delete(controller)) return; // it had lost already
          if (isGood(result) || running.size === 0) finish(() => resolve(result));
        },
        (error: unknown) => running.has(controller) && finish(() => reject(error)),
      );
    };
    const cancelTimer = clock.after(delayMs, () => {
      const another = second();
      if (another) start(another);
    });
    start(first);
  });
}
