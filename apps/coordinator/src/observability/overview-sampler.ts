/**
 * The last minutes of this replica as a list of samples, one a second, made of the metrics that /metrics shows: rates are
 * differences of counters, percentiles are read from differences of histograms.
 */
import type { MetricsRegistry } from './metrics-registry.js';

export const SAMPLE_EVERY_MS = 1_000;
/** Five minutes. */
export const SAMPLES_MAX = 300;
/** Percentiles are of what ended within so many samples. */
const WINDOW_SAMPLES = 5;
const MS_PER_S = 1_000;

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
}

export interface OverviewSample {
  readonly at: string;
  readonly begunPerS: number;
  readonly committedPerS: number;
  readonly abortedPerS: number;
  readonly refusedPerS: number;
  readonly decisionMs: Percentiles | null;
  readonly finaliseMs: Percentiles | null;
  readonly inFlight: number;
  readonly undecided: number;
  readonly inDoubt: number | null;
  readonly hazards: number;
  readonly places: number;
  readonly placesTaken: number;
  readonly waiting: number;
  readonly persistenceBacklog: number;
}

/** A histogram as Prometheus shows it: how many were at most this long, by the bound in seconds. */
export type Buckets = ReadonlyMap<number, number>;

interface Reading {
  readonly atMs: number;
  readonly begun: number;
  readonly committed: number;
  readonly aborted: number;
  readonly refused: number;
  readonly decision: Buckets;
  readonly finalise: Buckets;
}

export class OverviewSampler {
  readonly #samples: OverviewSample[] = [];
  readonly #readings: Reading[] = [];

  /**
   * @param countInDoubt null where it is not known
   * @param now Unix time in ms
   * @param elapsed ms since any fixed moment
   */
  constructor(
    private readonly registry: Pick<MetricsRegistry, 'values'>,
    private readonly countInDoubt: () => Promise<number | null>,
    private readonly now: () => number = Date.now,
    private readonly elapsed: () => number = () => performance.now(),
  ) {}

  get samples(): readonly OverviewSample[] {
    return this.#samples;
  }

  /** Takes one; the first only lays the ground for differences. */
  async take(): Promise<OverviewSample | undefined> {
    const reading = await this.#read();
    const last = this.#readings.at(-1);
    const [first] = this.#readings;
    this.#readings.push(reading);
    if (this.#readings.length > WINDOW_SAMPLES) this.#readings.shift();
    if (!last || !first) return undefined;
    const seconds = Math.max(reading.atMs - last.atMs, 1) / MS_PER_S;
    const rate = (of: (one: Reading) => number): number => rounded(Math.max(of(reading) - of(last), 0) / seconds);
    const sum = (name: string): Promise<number> => this.#sum(name);
    const sample: OverviewSample = {
      at: new Date(this.now()).toISOString(),
      begunPerS: rate(({ begun }) => begun),
      committedPerS: rate(({ committed }) => committed),
      abortedPerS: rate(({ aborted }) => aborted),
      refusedPerS: rate(({ refused }) => refused),
      decisionMs: percentiles(first.decision, reading.decision),
      finaliseMs: percentiles(first.finalise, reading.finalise),
      inFlight: await sum('concordat_in_flight'),
      undecided: await sum('concordat_undecided'),
      inDoubt: await this.countInDoubt(),
      hazards: await sum('concordat_hazards_total'),
      places: await sum('concordat_admission_places'),
      placesTaken: await sum('concordat_admission_working'),
      waiting: await sum('concordat_admission_waiting'),
      persistenceBacklog: await sum('concordat_persistence_backlog'),
    };
    this.#samples.push(sample);
    if (this.#samples.length > SAMPLES_MAX) this.#samples.shift();
    return sample;
  }

  async #read(): Promise<Reading> {
    const decided = await this.registry.values('concordat_transactions_decided_total');
    const phases = await this.registry.values('concordat_transaction_phase_duration_seconds');
    const outcome = (wanted: string): number =>
      total(decided.filter(({ labels }) => labels.outcome === wanted).map(({ value }) => value));
    return {
      atMs: this.elapsed(),
      begun: await this.#sum('concordat_transactions_begun_total'),
      committed: outcome('committed'),
      aborted: outcome('aborted'),
      refused: await this.#sum('concordat_admission_refused_total'),
      decision: bucketsOf('decision', phases),
      finalise: bucketsOf('finalise', phases),
    };
  }

  async #sum(name: string): Promise<number> {
    return total((await this.registry.values(name)).map(({ value }) => value));
  }
}

function bucketsOf(phase: string, values: Awaited<ReturnType<MetricsRegistry['values']>>): Buckets {
  const buckets = new Map<number, number>();
  for (const { metricName, labels, value } of values) {
    if (labels.phase !== phase || !metricName?.endsWith('_bucket')) continue;
    buckets.set(labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels.le), value);
  }
  return buckets;
}

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
const rounded = (value: number): number => Math.round(value * 100) / 100;

/** Of what came between two readings of one histogram, in ms; null where nothing did. */
export function percentiles(before: Buckets, after: Buckets): Percentiles | null {
  const grown = [...after]
    .map(([bound, count]) => [bound, count - (before.get(bound) ?? 0)] as const)
    .sort(([one], [other]) => one - other);
  const count = grown.at(-1)?.[1] ?? 0;
  if (count <= 0) return null;
  return { p50: quantileMs(grown, count, 0.5), p99: quantileMs(grown, count, 0.99) };
}

/** Within its bucket a value is taken to lie where its rank puts it; beyond the last bound, at that bound. */
function quantileMs(grown: readonly (readonly [number, number])[], count: number, quantile: number): number {
  const rank = quantile * count;
  let [lower, below] = [0, 0];
  for (const [bound, atMost] of grown) {
    if (atMost >= rank) {
      if (!Number.isFinite(bound)) break;
      const share = (rank - below) / Math.max(atMost - below, 1e-9);
      return rounded((lower + (bound - lower) * share) * MS_PER_S);
    }
    [lower, below] = [bound, atMost];
  }
  return rounded(lower * MS_PER_S);
}
