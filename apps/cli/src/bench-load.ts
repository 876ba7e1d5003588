import { type ConcordatClient, ConcordatError, TransactionAbortedError } from '@concordat/client';
import type { Work } from './bench-work.js';

/** Clients that only fail would otherwise fail as fast as they can. In ms. */
const PAUSE_AFTER_FAILURE_MS = 50;

export interface Load {
  readonly client: ConcordatClient;
  /** Transactions at a time. */
  readonly clients: number;
  readonly seconds: number;
  readonly work: Work;
  readonly wait: 'decided' | 'completed' | undefined;
  readonly onEnd: () => void;
}

export interface BenchResult {
  /** Until the last answer. */
  readonly seconds: number;
  readonly clients: number;
  readonly committed: number;
  /** How often a transaction ended with what: the reason of its abort, or the code of the error. */
  readonly endedOtherwise: Readonly<Record<string, number>>;
  readonly ratePerSecond: number;
  /** Of the committed ones, from the call to its answer, further attempts included; null where there is none. */
  readonly latencyMs: { readonly p50: number; readonly p90: number; readonly p99: number; readonly max: number } | null;
}

/** A closed loop: each client makes its next transaction when the last one has ended. */
export async function runLoad({ client, clients, seconds, work, wait, onEnd }: Load): Promise<BenchResult> {
  const latencies: number[] = [];
  const endedOtherwise: Record<string, number> = {};
  const startedAt = performance.now();
  const until = startedAt + seconds * 1_000;
  const one = async (index: number): Promise<void> => {
    for (let turn = 0; performance.now() < until; turn += 1) {
      const calledAt = performance.now();
      try {
        await client.run({ branches: work(index, turn), label: 'concordat bench', ...(wait && { wait }) });
        latencies.push(performance.now() - calledAt);
      } catch (error) {
        if (!(error instanceof ConcordatError)) throw error;
        const code = error instanceof TransactionAbortedError ? error.reason.code : error.code;
        endedOtherwise[code] = (endedOtherwise[code] ?? 0) + 1;
        await new Promise((resolve) => setTimeout(resolve, PAUSE_AFTER_FAILURE_MS));
      }
      onEnd();
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, index) => one(index)));
  const took = (performance.now() - startedAt) / 1_000;
  return {
    seconds: took,
    clients,
    committed: latencies.length,
    endedOtherwise,
    ratePerSecond: latencies.length / took,
    latencyMs: latencies.length === 0 ? null : percentiles(latencies),
  };
}

/** By nearest rank. @param values at least one */
export function percentiles(values: readonly number[]): NonNullable<BenchResult['latencyMs']> {
  const sorted = Float64Array.from(values).sort();
  const at = (percent: number): number => sorted[Math.ceil((percent / 100) * sorted.length) - 1] as number;
  return { p50: at(50), p90: at(90), p99: at(99), max: at(100) };
}
