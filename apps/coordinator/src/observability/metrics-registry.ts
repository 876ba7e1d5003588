import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { CounterFamily, HistogramFamily } from './series.js';

/** Seconds, from a memory access to a patient caller. */
const SECONDS_BOUNDS = [0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30];

/** One value of a metric; `metricName` where it is a part of a histogram. */
export interface Value {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number | undefined>>;
  readonly metricName?: string;
}

/** What docs/metrics.md says of a metric. */
export interface MetricDescription {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
}

/** All metrics of this process, and what /metrics shows. One per process; names begin with `concordat_`. */
export class MetricsRegistry {
  private readonly registry = new Registry();
  private readonly described: MetricDescription[] = [];

  constructor(options: { readonly processMetrics: boolean } = { processMetrics: true }) {
    if (options.processMetrics) collectDefaultMetrics({ register: this.registry });
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  text(): Promise<string> {
    return this.registry.metrics();
  }

  /** What a scrape would show of one metric now; nothing where there is no such one. */
  async values(name: string): Promise<readonly Value[]> {
    const { values = [] } = (await this.registry.getSingleMetric(name)?.get()) ?? {};
    return values as readonly Value[];
  }

  /** Every metric of ours, in the order in which they were made. */
  get descriptions(): readonly MetricDescription[] {
    return this.described;
  }

  counter(name: string, help: string, labels: readonly string[] = []): CounterFamily {
    this.described.push({ name, type: 'counter', labels, help });
    return new CounterFamily(name, help, labels, this.registry);
  }

  /** Durations in seconds. */
  durations(name: string, help: string, labels: readonly string[] = []): HistogramFamily {
    this.described.push({ name, type: 'histogram', labels, help });
    return new HistogramFamily(name, help, labels, SECONDS_BOUNDS, this.registry);
  }

  /** A count that somebody else keeps, asked for at each scrape. */
  counterFrom(name: string, help: string, read: () => number): void {
    const family = this.counter(name, help);
    family.onScrape = () => {
      family.with().value = read();
    };
  }

  /** Values with one label each, asked for at each scrape. */
  gauges(name: string, help: string, label: string, read: () => Iterable<readonly [string, number]>): void {
    this.table(name, help, [label], function* () {
      for (const [of, value] of read()) yield [[of], value] as const;
    });
  }

  /** Values with the same labels each, asked for at each scrape. */
  table(
    name: string,
    help: string,
    labels: readonly string[],
    read: () => Iterable<readonly [readonly (string | number)[], number]>,
  ): void {
    this.described.push({ name, type: 'gauge', labels, help });
    new Gauge({
      name,
      help,
      labelNames: labels,
      registers: [this.registry],
      collect() {
        this.reset();
        for (const [values, value] of read()) {
          this.set(Object.fromEntries(labels.map((label, at) => [label, values[at] as string | number])), value);
        }
      },
    });
  }

  /** A value that is asked for at each scrape. */
  gauge(name: string, help: string, read: () => number): void {
    this.described.push({ name, type: 'gauge', labels: [], help });
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.set(read());
      },
    });
  }
}
