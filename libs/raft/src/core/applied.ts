/** What follows from entries or a snapshot being applied. */
import { entriesBytes } from '../log/entry-size.js';
import { describeConfig } from './format.js';
import { proposeAsLeader } from './leader.js';
import { Entry, EntryType, NO_BYTES, Snapshot } from './messages.js';
import { Raft } from './raft.js';
import { Role } from './ready.js';
import { reduceUncommitted } from './replication.js';

export function entriesApplied(raft: Raft, entries: readonly Entry[]): void {
  const last = entries[entries.length - 1];
  if (last === undefined) return;
  appliedTo(raft, last.index, entriesBytes(entries));
  reduceUncommitted(raft, entries);
}

export function snapshotApplied(raft: Raft, snapshot: Snapshot): void {
  raft.log.unstable.stableSnapshotTo(snapshot.index);
  appliedTo(raft, snapshot.index, 0);
}

function appliedTo(raft: Raft, index: number, bytes: number): void {
  raft.log.appliedTo(Math.max(index, raft.log.applied), bytes);
  leaveJointAutomatically(raft);
}

/** Once the change into a joint configuration is applied, the leader proposes to leave it, until that succeeds. */
function leaveJointAutomatically(raft: Raft): void {
  const { clusterConfig, log, logger } = raft;
  if (!clusterConfig.autoLeave || raft.role !== Role.Leader || log.applied < raft.pendingConfIndex) return;
  // No bytes: that decodes to a change that leaves, and is never refused for its size. A transfer of leadership can get
  // in the way; then the next applied entry or the next leader tries again.
  const refusal = proposeAsLeader(raft, [{ type: EntryType.ConfChangeV2, data: NO_BYTES }]);
  if (refusal === undefined) {
    logger.info(() => `initiating automatic transition out of joint configuration ${describeConfig(clusterConfig)}`);
  } else {
    const config = describeConfig(clusterConfig);
    logger.debug(() => `not initiating automatic transition out of joint configuration ${config}: ${refusal}`);
  }
}
