import { describe, expect, it } from '@jest/globals';
import { CoordinatorMetrics } from './engine-metrics.js';
import { MetricsRegistry } from './metrics-registry.js';
import { OverviewSampler, percentiles, SAMPLES_MAX } from './overview-sampler.js';

describe('the samples of the overview', () => {
  it('are differences of what /metrics shows', async () => {
    const registry = new MetricsRegistry({ processMetrics: false });
    const metrics = new CoordinatorMetrics(registry);
    registry.gauge('concordat_in_flight', 'x', () => 7);
    let atMs = 0;
    const sampler = new OverviewSampler(
      registry,
      async () => 3,
      () => 0,
      () => atMs,
    );
    metrics.transactionDecided('committed', undefined, 4);
    expect(await sampler.take()).toBeUndefined();
    atMs += 2_000;
    for (let count = 0; count < 10; count += 1) metrics.transactionBegun();
    for (let count = 0; count < 6; count += 1) metrics.transactionDecided('committed', undefined, 4);
    metrics.transactionDecided('aborted', 'timeout', 40);
    const sample = await sampler.take();
    expect(sample).toMatchObject({
      begunPerS: 5,
      committedPerS: 3,
      abortedPerS: 0.5,
      inFlight: 7,
      inDoubt: 3,
      finaliseMs: null,
    });
    expect(sample?.decisionMs?.p50).toBeGreaterThan(3);
    expect(sample?.decisionMs?.p50).toBeLessThanOrEqual(5);
    expect(sample?.decisionMs?.p99).toBeGreaterThan(20);
    expect(sampler.samples).toEqual([sample]);
  });

  it('are bounded', async () => {
    const sampler = new OverviewSampler({ values: async () => [] }, async () => null);
    for (let count = 0; count < SAMPLES_MAX + 5; count += 1) await sampler.take();
    expect(sampler.samples).toHaveLength(SAMPLES_MAX);
  });
});

describe('percentiles of what came between two readings', () => {
  const after = new Map([
    [0.001, 0],
    [0.01, 100],
    [Number.POSITIVE_INFINITY, 100],
  ]);

  it('interpolate within a bucket', () => {
    expect(percentiles(new Map(), after)).toEqual({ p50: 5.5, p99: 9.91 });
  });

  it('are not told where nothing came', () => {
    expect(percentiles(after, after)).toBeNull();
  });

  it('stop at the last bound', () => {
    expect(percentiles(after, new Map([...after, [Number.POSITIVE_INFINITY, 300]]))?.p99).toBe(10);
  });
});
