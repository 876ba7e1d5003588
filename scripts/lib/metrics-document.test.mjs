import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { coordinatorMetrics } from '../../apps/coordinator/src/observability/documented-metrics.js';
import { ParticipantMetrics } from '../../libs/participant/src/metrics.js';
import { metricsMarkdown, seriesOf } from './metrics-document.mjs';
import { faultsIn, labelsShown } from './promql.mjs';
import { root } from './setup.mjs';

const participantMetrics = () => {
  const metrics = new ParticipantMetrics('any');
  metrics.observe({});
  return metrics.descriptions.map((metric) => ({ ...metric, labels: [...metric.labels, 'participant'] }));
};
const series = seriesOf([...coordinatorMetrics(), ...participantMetrics()]);
const read = (path) => readFile(join(root, path), 'utf8');
const rules = parse(await read('deploy/prometheus/alerts.yaml')).groups.flatMap((group) => group.rules);
const panels = JSON.parse(await read('deploy/grafana/concordat.json')).panels.filter(({ type }) => type !== 'row');

describe('reading PromQL', () => {
  const small = seriesOf([
    { name: 'calls_total', type: 'counter', labels: ['by'] },
    { name: 'took_seconds', type: 'histogram', labels: [] },
  ]);

  it.each([
    ['sum by (by, namespace) (rate(calls_total{by="x"}[5m]))', []],
    ['histogram_quantile(0.99, sum by (le) (rate(took_seconds_bucket[$__rate_interval]))) > 2', []],
    ['sum by (reason) (rate(calls_total[5m]))', ['no series has the label reason']],
    ['rate(calls_total{reason="x"}[5m])', ['calls_total has no label reason']],
    ['rate(took_seconds[5m])', ['there is no metric took_seconds']],
    ['sum by (le) (rate(took_seconds_sum[5m]))', ['no series has the label le']],
  ])('%s', (expression, faults) => {
    expect(faultsIn(expression, small)).toEqual(faults);
  });

  it('finds what is no expression, and labels that the result has lost', () => {
    expect(faultsIn('sum by (by) (rate(calls_total[5m])', small)).toHaveLength(1);
    expect(faultsIn('sum(calls_total)', small, labelsShown('{{by}} at {{ $labels.by }}'))).toHaveLength(2);
    expect(faultsIn('calls_total > 1', small, ['by', 'instance'])).toEqual([]);
  });
});

describe('what asks for metrics asks for none that is not there, by no label that it does not have', () => {
  it.each(rules.map((rule) => [rule.alert, rule]))('%s', (_, { expr, annotations }) => {
    expect(faultsIn(expr, series, labelsShown(Object.values(annotations).join(' ')))).toEqual([]);
  });

  it.each(panels.map((panel) => [panel.title, panel]))('panel "%s"', (_, { targets }) => {
    for (const { expr, legendFormat } of targets) expect(faultsIn(expr, series, labelsShown(legendFormat))).toEqual([]);
  });
});

describe('the runbook', () => {
  it('has an entry for each alert, in their order', async () => {
    const entries = [...(await read('docs/runbook.md')).matchAll(/^## (\w+)$/gm)].map(([, alert]) => alert);
    expect(entries).toEqual(rules.map(({ alert }) => alert));
  });
});

describe('docs/metrics.md', () => {
  it('has every metric under a heading, with its unit and its labels', () => {
    const text = metricsMarkdown(coordinatorMetrics(), new ParticipantMetrics('any').descriptions);
    expect(text).toMatch(/\| `concordat_log_fsync_duration_seconds` \| histogram \| seconds \| {2}\| /);
    expect(text).toMatch(/\| `concordat_raft_peer_lag_entries` \| gauge \| log entries \| `peer` \| /);
    for (const { name } of coordinatorMetrics()) expect(text.split(`\`${name}\``)).toHaveLength(2);
  });
});
