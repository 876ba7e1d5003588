import { describe, expect, it } from '@jest/globals';
import { CoordinatorMetrics } from './engine-metrics.js';
import { MetricsRegistry } from './metrics-registry.js';

const registry = (): MetricsRegistry => new MetricsRegistry({ processMetrics: false });
const linesOf = async (metrics: MetricsRegistry): Promise<string[]> =>
  (await metrics.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));

describe('the metrics', () => {
  it('render counters and histograms in the text format of Prometheus', async () => {
    const metrics = registry();
    const counter = metrics.counter('c_total', 'Help.', ['kind']);
    counter.with({ kind: 'a"b' }).add();
    counter.with({ kind: 'a"b' }).add(2);
    const durations = metrics.durations('d_seconds', 'Help.', ['phase']).with({ phase: 'x' });
    for (const seconds of [0.0005, 0.0006, 4, 1000]) durations.observe(seconds);
    metrics.gauge('g', 'Help.', () => 7);
    metrics.counterFrom('f_total', 'Help.', () => 8);
    const lines = await linesOf(metrics);
    expect(lines).toEqual(
      expect.arrayContaining([
        'c_total{kind="a\\"b"} 3',
        'd_seconds_bucket{phase="x",le="0.0005"} 1',
        'd_seconds_bucket{phase="x",le="0.001"} 2',
        'd_seconds_bucket{phase="x",le="5"} 3',
        'd_seconds_bucket{phase="x",le="+Inf"} 4',
        'd_seconds_count{phase="x"} 4',
        'd_seconds_sum{phase="x"} 1004.0011',
        'g 7',
        'f_total 8',
      ]),
    );
    expect(await metrics.text()).toContain('# TYPE d_seconds histogram');
  });

  it('have the labels that they were made with, and no others', () => {
    const counter = registry().counter('c_total', 'Help.', ['kind', 'by']);
    counter.with({ kind: 'a', by: 'b' });
    expect(() => counter.with({ kind: 'x' })).toThrow(TypeError);
    expect(() => counter.with({ by: 'b', kind: 'x' })).toThrow(TypeError);
  });

  it('count what the engine does, with labels that participants cannot multiply', async () => {
    const metrics = registry();
    const engine = new CoordinatorMetrics(metrics);
    engine.transactionBegun();
    engine.transactionDecided('committed', undefined, 3);
    engine.transactionDecided('aborted', 'deadline-exceeded', 30_000);
    for (let n = 0; n < 50; n += 1) engine.transactionDecided('aborted', `own-code-${n}`, 1);
    engine.transactionCompleted(12);
    engine.phaseEnded('prepare', 4);
    engine.phaseEnded('decide', 1);
    engine.logFlushed(0.4);
    engine.commandResent('prepare');
    engine.hazardRaised('inventory');
    engine.strayReply('done');
    engine.deadLetter();
    engine.persisted(500, 20);
    expect(await linesOf(metrics)).toEqual(
      expect.arrayContaining([
        'concordat_transactions_begun_total 1',
        'concordat_transactions_decided_total{outcome="committed"} 1',
        'concordat_transactions_decided_total{outcome="aborted"} 51',
        'concordat_transactions_aborted_total{reason="deadline-exceeded"} 1',
        'concordat_transactions_aborted_total{reason="participant"} 50',
        'concordat_transaction_phase_duration_seconds_count{phase="decision"} 52',
        'concordat_transaction_phase_duration_seconds_sum{phase="finalise"} 0.012',
        'concordat_transaction_phase_duration_seconds_bucket{phase="prepare",le="0.005"} 1',
        'concordat_transaction_phase_duration_seconds_bucket{phase="decide",le="0.001"} 1',
        'concordat_log_fsync_duration_seconds_bucket{le="0.0005"} 1',
        'concordat_commands_resent_total{command="prepare"} 1',
        'concordat_hazards_total{participant="inventory"} 1',
        'concordat_stray_replies_total{type="done"} 1',
        'concordat_dead_letters_total 1',
        'concordat_persisted_transactions_total 500',
        'concordat_persist_duration_seconds_bucket{le="0.02"} 1',
      ]),
    );
  });
});
