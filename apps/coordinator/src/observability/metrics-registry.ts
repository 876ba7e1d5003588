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

/** All metrics of this process, and what /metrics shows. One per process; names begin with `concordat_`. */
export class MetricsRegistry {
  private readonly registry = new Registry();

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

  counter(name: string, help: string): CounterFamily {
    return new CounterFamily(name, help, this.registry);
  }

  /** Durations in seconds. */
  durations(name: string, help: string): HistogramFamily {
    return new HistogramFamily(name, help, SECONDS_BOUNDS, this.registry);
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
    new Gauge({
      name,
      help,
      labelNames: [label],
      registers: [this.registry],
      collect() {
        this.reset();
        for (const [of, value] of read()) this.set({ [label]: of }, value);
      },
    });
  }

  /** A value that is asked for at each scrape. */
  gauge(name: string, help: string, read: () => number): void {
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
