import type { Status } from '@concordat/raft';
import { describe, expect, it } from '@jest/globals';
import { exposeAudits } from './audit-metrics.js';
import { coordinatorMetrics } from './documented-metrics.js';
import { exposeDoubts } from './in-doubt-metrics.js';
import { exposeKafka } from './kafka-metrics.js';
import { MetricsRegistry } from './metrics-registry.js';
import { exposeRaft, type RaftView } from './raft-metrics.js';

const linesOf = async (metrics: MetricsRegistry): Promise<string[]> =>
  (await metrics.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
const registry = (): MetricsRegistry => new MetricsRegistry({ processMetrics: false });

describe('the metrics of the decision log', () => {
  const peer = (id: number, match: number, recentActive = true) => ({ id, match, recentActive });
  const status = {
    id: 77,
    hardState: { term: 5, vote: 77, commit: 120 },
    lastIndex: 130,
    confState: { voters: [77, 88, 99] },
    peers: [peer(77, 130), peer(88, 125), peer(99, 30, false), peer(1, 1)],
  };
  const log: RaftView = {
    status: () => status as unknown as Status,
    ...{ fsyncCount: 3, bytesWritten: 4, leaderChanges: 2, leaderKnown: true },
  };
  const nodeIds = new Map([77, 88, 99].map((raftId, at) => [raftId, { nodeId: at + 1 }]));

  it('say how far this replica is, and name the others by NODE_ID', async () => {
    const metrics = registry();
    const replica = { ledger: { appliedIndex: 118, appliedTerm: 5 } };
    exposeRaft(metrics, { log, members: { member: (raftId) => nodeIds.get(raftId) }, replica });
    const lines = await linesOf(metrics);
    expect(lines).toEqual(
      expect.arrayContaining([
        'concordat_raft_term 5',
        'concordat_raft_commit_index 120',
        'concordat_raft_apply_lag_entries 2',
        'concordat_raft_leader_known 1',
        'concordat_raft_leader_changes_total 2',
        'concordat_raft_voters 3',
        'concordat_raft_peer_active{peer="3"} 0',
      ]),
    );
    expect(lines.filter((line) => line.startsWith('concordat_raft_peer_lag_entries'))).toEqual([
      'concordat_raft_peer_lag_entries{peer="2"} 5',
      'concordat_raft_peer_lag_entries{peer="3"} 100',
    ]);
  });
});

describe('the metrics of Kafka', () => {
  it('say by partition how far behind this replica reads', async () => {
    const metrics = registry();
    const reading = [
      {
        topic: 'concordat.replies',
        outstanding: 2,
        lag: new Map([
          [0, 0],
          [3, 9],
        ]),
      },
    ];
    const statistics = { messagesSent: 1, messagesFailed: 4, batchesSent: 1, messagesReceived: 1, bytesSent: 1 };
    const transport = { available: true, statistics, reading: () => reading };
    exposeKafka(metrics, { transport: transport as never });
    expect(await linesOf(metrics)).toEqual(
      expect.arrayContaining([
        'concordat_kafka_lag_messages{topic="concordat.replies",partition="0"} 0',
        'concordat_kafka_lag_messages{topic="concordat.replies",partition="3"} 9',
        'concordat_kafka_outstanding_messages{topic="concordat.replies"} 2',
        'concordat_kafka_send_failures_total 4',
      ]),
    );
  });
});

describe('the metrics of what is in doubt', () => {
  const coordination = (state: string, outcome: string | null, createdAt: number, decidedAt: number | null = null) => ({
    ...{ state, outcome, decidedAt },
    header: { createdAt },
  });
  const ages = async (coordinations: readonly object[]) => {
    const metrics = registry();
    const leader = { coordinations: () => coordinations };
    exposeDoubts(metrics, { leader, ledger: { hazards: [] }, orphans: { all: () => [] } } as never, () => 60_000);
    return (await linesOf(metrics)).filter((line) => line.includes('_oldest_'));
  };

  it('tell the age of the oldest that may be prepared, and of the oldest decision that is not carried out', async () => {
    const coordinations = [
      coordination('active', null, 1_000),
      coordination('preparing', null, 40_000),
      coordination('preparing', null, 20_000),
      coordination('committed', 'committed', 2_000, 50_000),
      coordination('completed', 'aborted', 3_000, 4_000),
    ];
    expect(await ages(coordinations)).toEqual([
      'concordat_oldest_in_doubt_seconds 40',
      'concordat_oldest_unfinalised_seconds 10',
    ]);
    expect(await ages([])).toEqual(['concordat_oldest_in_doubt_seconds 0', 'concordat_oldest_unfinalised_seconds 0']);
  });
});

describe('the metrics of audits', () => {
  const linesFor = async (list: () => unknown) => {
    const metrics = registry();
    exposeAudits(metrics, { audits: { list } as never });
    return linesOf(metrics);
  };

  it('tell what the newest completed one has found', async () => {
    const audit = (status: string, violations: number) => ({ status, totals: { violations } });
    expect(await linesFor(() => [audit('running', 0), audit('completed', 2), audit('completed', 9)])).toEqual([
      'concordat_audits{status="running"} 1',
      'concordat_audits{status="completed"} 2',
      'concordat_audits{status="failed"} 0',
      'concordat_audit_violations 2',
    ]);
  });

  it('are there while the audits are not yet', async () => {
    const starting = () => {
      throw new Error('not ready');
    };
    expect(await linesFor(starting)).toContain('concordat_audit_violations 0');
  });
});

describe('the list of metrics', () => {
  const metrics = coordinatorMetrics();

  it('has each once, with a help text and a name by the conventions of Prometheus', () => {
    expect(metrics.length).toBeGreaterThan(50);
    expect(new Set(metrics.map(({ name }) => name)).size).toBe(metrics.length);
    for (const { name, type, help, labels } of metrics) {
      expect(name).toMatch(/^concordat_[a-z_]+$/);
      expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter']);
      if (type === 'histogram') expect(name).toMatch(/_seconds$/);
      expect(help).toMatch(/\.$/);
      for (const label of labels) expect(label).toMatch(/^[a-z]+$/);
    }
  });
});
