/** Taking a configuration into effect, from a log entry or from a snapshot. */
import { changeMembership, Membership, restoreMembership } from '../confchange/changer.js';
import { ConfChange } from '../confchange/conf-change.js';
import { RaftConfChangeError } from './errors.js';
import { describeConfig, describeConfState, describeId as hex } from './format.js';
import { ConfState, NONE, Snapshot } from './messages.js';
import { Raft } from './raft.js';
import { Role } from './ready.js';
import { broadcastAppend, broadcastNewEntries, maybeCommit } from './replication.js';
import { becomeFollower } from './roles.js';

/** Applies a committed change, unless a snapshot has overtaken it. Throws RaftConfChangeError where it breaks the rules. */
export function applyConfChange(raft: Raft, change: ConfChange, index: number): ConfState {
  const { config, progress } = raft.tracker;
  if (index <= raft.restoredIndex) return config.confState();
  return switchTo(raft, changeMembership({ config, progress }, change, raft.newcomerTerms()));
}

/** What is wrong with a change on top of the active configuration; undefined where nothing is. */
export function findConfChangeError(raft: Raft, change: ConfChange): string | undefined {
  const { config, progress } = raft.tracker;
  try {
    changeMembership({ config, progress }, change, raft.newcomerTerms());
    return undefined;
  } catch (error) {
    if (error instanceof RaftConfChangeError) return error.message;
    throw error;
  }
}

export function restoreConfState(raft: Raft, state: ConfState): ConfState {
  return switchTo(raft, restoreMembership(state, raft.newcomerTerms()));
}

function switchTo(raft: Raft, { config, progress }: Membership): ConfState {
  const { tracker } = raft;
  tracker.config = config;
  tracker.progress = progress;
  raft.logger.info(() => `${hex(raft.id)} switched to configuration ${describeConfig(config)}`);
  const state = config.confState();
  if (raft.role !== Role.Leader) return state;

  const own = tracker.get(raft.id);
  if (own === undefined || own.isLearner) {
    if (raft.config.stepDownOnRemoval) becomeFollower(raft, raft.term, NONE);
    return state;
  }
  if (config.voters.incoming.size === 0) return state;

  // A smaller quorum may commit more at once; otherwise newcomers should not have to wait for the next heartbeat.
  if (maybeCommit(raft)) broadcastAppend(raft);
  else broadcastNewEntries(raft);
  if (raft.leadTransferee !== NONE && !config.voters.has(raft.leadTransferee)) raft.abortLeaderTransfer();
  return state;
}

/**
 * Replaces log and configuration by a snapshot. False where it brings nothing: it is behind the commit index, or the log
 * holds its last entry already (then at least everything up to it is committed), or it is not for this node.
 */
export function restoreSnapshot(raft: Raft, snapshot: Snapshot): boolean {
  const { log, logger } = raft;
  const { index, term, confState } = snapshot;
  if (index <= log.committed) return false;
  if (raft.role !== Role.Follower) {
    logger.warn(() => `${hex(raft.id)} attempted to restore snapshot as leader; should never happen`);
    becomeFollower(raft, raft.term + 1, NONE);
    return false;
  }
  if (!isMember(confState, raft.id)) {
    const state = describeConfState(confState);
    logger.warn(
      () =>
        `${hex(raft.id)} attempted to restore snapshot but it is not in the ConfState ${state}; should never happen`,
    );
    return false;
  }
  const describe = () =>
    `${hex(raft.id)} [commit: ${log.committed}, lastindex: ${log.lastIndex}, lastterm: ${log.lastTerm}]`;
  if (log.matches(index, term)) {
    logger.info(() => `${describe()} fast-forwarded commit to snapshot [index: ${index}, term: ${term}]`);
    log.commitTo(index);
    return false;
  }
  log.restore(snapshot);
  raft.restoredIndex = index;
  restoreConfState(raft, confState);
  logger.info(() => `${describe()} restored snapshot [index: ${index}, term: ${term}]`);
  return true;
}

function isMember({ voters, learners, votersOutgoing }: ConfState, id: number): boolean {
  return voters.includes(id) || learners.includes(id) || votersOutgoing.includes(id);
}
