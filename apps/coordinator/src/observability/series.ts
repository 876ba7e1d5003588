/**
 * Counters and histograms that cost an addition: a call site holds its own series, nothing is looked up by label on the
 * way, and prom-client reads them only when somebody scrapes.
 */
import type { MetricObject, MetricValue, Registry } from 'prom-client';

export type Labels = Readonly<Record<string, string | number>>;

/** One counter with one set of labels. */
export class CounterSeries {
  value = 0;

  constructor(readonly labels: Labels) {}

  add(amount = 1): void {
    this.value += amount;
  }
}

/** One histogram with one set of labels. */
export class HistogramSeries {
  readonly counts: Float64Array;
  sum = 0;

  constructor(
    readonly labels: Labels,
    readonly bounds: readonly number[],
  ) {
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    let bucket = 0;
    while (bucket < this.bounds.length && value > (this.bounds[bucket] as number)) bucket += 1;
    this.counts[bucket] = (this.counts[bucket] as number) + 1;
    this.sum += value;
  }
}

/** A metric by name: a family of series, made as their labels come up. */
abstract class SeriesFamily<S extends { readonly labels: Labels }> {
  private readonly series = new Map<string, S>();
  /** Called before the values are read. */
  onScrape: (() => void) | undefined;

  constructor(
    readonly name: string,
    readonly help: string,
    private readonly labelNames: readonly string[],
    private readonly type: 'counter' | 'histogram',
    registry: Registry,
  ) {
    registry.registerMetric(this as never);
  }

  /** The series of these labels, in the order of their names; hold it where it is used often. */
  with(labels: Labels = {}): S {
    const key = Object.values(labels).join('\u0000');
    let found = this.series.get(key);
    if (!found) {
      if (Object.keys(labels).join() !== this.labelNames.join()) throw new TypeError(`${this.name}: other labels`);
      found = this.create(labels);
      this.series.set(key, found);
    }
    return found;
  }

  /** Called by prom-client at a scrape. */
  async get(): Promise<MetricObject & { values: MetricValue<string>[] }> {
    this.onScrape?.();
    const values = [...this.series.values()].flatMap((series) => this.valuesOf(series));
    return { name: this.name, help: this.help, type: this.type, aggregator: 'sum', values } as never;
  }

  /** Called by prom-client, in tests only. */
  reset(): void {
    this.series.clear();
  }

  protected abstract create(labels: Labels): S;
  protected abstract valuesOf(series: S): MetricValue<string>[];
}

export class CounterFamily extends SeriesFamily<CounterSeries> {
  constructor(name: string, help: string, labelNames: readonly string[], registry: Registry) {
    super(name, help, labelNames, 'counter', registry);
  }

  protected create(labels: Labels): CounterSeries {
    return new CounterSeries(labels);
  }

  protected valuesOf(series: CounterSeries): MetricValue<string>[] {
    return [{ labels: series.labels, value: series.value }];
  }
}

export class HistogramFamily extends SeriesFamily<HistogramSeries> {
  constructor(
    name: string,
    help: string,
    labelNames: readonly string[],
    private readonly bounds: readonly number[],
    registry: Registry,
  ) {
    super(name, help, labelNames, 'histogram', registry);
  }

  protected create(labels: Labels): HistogramSeries {
    return new HistogramSeries(labels, this.bounds);
  }

  protected valuesOf({ labels, bounds, counts, sum }: HistogramSeries): MetricValue<string>[] {
    let total = 0;
    const values: object[] = [];
    for (const [bucket, count] of counts.entries()) {
      total += count;
      values.push({
        metricName: `${this.name}_bucket`,
        labels: { ...labels, le: bounds[bucket] ?? '+Inf' },
        value: total,
      });
    }
    values.push({ metricName: `${this.name}_sum`, labels, value: sum });
    values.push({ metricName: `${this.name}_count`, labels, value: total });
    return values as MetricValue<string>[];
  }
}
