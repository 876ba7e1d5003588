import type { Status } from '@concordat/raft';
import type { Ledger } from '@concordat/transaction';
import type { MetricsRegistry } from './metrics-registry.js';

/** The decision log among those of the other replicas. */
export interface RaftView {
  status(): Status | undefined;
  readonly fsyncCount: number;
  readonly bytesWritten: number;
  /** Leaderships that began, as far as this replica has heard. */
  readonly leaderChanges: number;
  readonly leaderKnown: boolean;
}

export interface RaftParts {
  readonly log: RaftView;
  readonly members: { member(raftId: number): { readonly nodeId: number } | undefined };
  readonly replica: { readonly ledger: Pick<Ledger, 'appliedIndex' | 'appliedTerm'> };
}

/** Where this replica stands in the decision log, and, while it leads, how far the others are. */
export function exposeRaft(registry: MetricsRegistry, { log, members, replica: { ledger } }: RaftParts): void {
  const hardState = () => log.status()?.hardState;
  registry.gauge('concordat_raft_term', 'Present term of the decision log.', () => hardState()?.term ?? 0);
  registry.gauge(
    'concordat_raft_commit_index',
    'Last entry that this replica knows to be on a quorum.',
    () => hardState()?.commit ?? 0,
  );
  registry.gauge('concordat_raft_apply_lag_entries', 'Entries on a quorum that this replica has not applied yet.', () =>
    Math.max(0, (hardState()?.commit ?? 0) - ledger.appliedIndex),
  );
  registry.gauge('concordat_raft_leader_known', 'Whether this replica leads or knows who does.', () =>
    log.leaderKnown ? 1 : 0,
  );
  registry.counterFrom(
    'concordat_raft_leader_changes_total',
    'Leaderships that began, as far as this replica has heard.',
    () => log.leaderChanges,
  );
  registry.gauge(
    'concordat_raft_voters',
    'Replicas that vote, as this one knows.',
    () => log.status()?.confState.voters.length ?? 0,
  );
  exposePeers(registry, log, members);
  registry.gauge(
    'concordat_log_applied_index',
    'Last entry of the decision log that is applied.',
    () => ledger.appliedIndex,
  );
  registry.gauge('concordat_log_term', 'Term of the last entry that is applied.', () => ledger.appliedTerm);
  registry.counterFrom('concordat_log_fsyncs_total', 'fdatasync calls of the decision log.', () => log.fsyncCount);
  registry.counterFrom('concordat_log_bytes_total', 'Bytes written to the decision log.', () => log.bytesWritten);
}

/** By NODE_ID, since a replica that comes back with an empty disk has another id in the log. */
function exposePeers(registry: MetricsRegistry, log: RaftView, members: RaftParts['members']): void {
  const others = function* (read: (peer: Status['peers'][number], status: Status) => number) {
    const status = log.status();
    for (const peer of status?.peers ?? []) {
      const nodeId = members.member(peer.id)?.nodeId;
      if (status && nodeId !== undefined && peer.id !== status.id) yield [String(nodeId), read(peer, status)] as const;
    }
  };
  registry.gauges(
    'concordat_raft_peer_lag_entries',
    'Entries of the leader that the replica of this NODE_ID has not confirmed as durable; shown by the leader.',
    'peer',
    () => others((peer, status) => Math.max(0, status.lastIndex - peer.match)),
  );
  registry.gauges(
    'concordat_raft_peer_active',
    'Whether the leader has heard from the replica of this NODE_ID lately; shown by the leader.',
    'peer',
    () => others(({ recentActive }) => (recentActive ? 1 : 0)),
  );
}
