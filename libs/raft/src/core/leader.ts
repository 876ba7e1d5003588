/** What a leader does with messages of its own term. */
import { ConfChange, decodeConfChange } from '../confchange/conf-change.js';
import { describeConfChange, describeConfig, describeProgress, describeId as hex } from './format.js';
import { findConfChangeError } from './membership.js';
import { EntryType, Message, MessageType, NONE } from './messages.js';
import { Progress } from './progress.js';
import { Raft } from './raft.js';
import { confirmReads, releaseEarlyReads, requestRead } from './reads.js';
import { Refusal } from './ready.js';
import {
  appendOwn,
  broadcastAppend,
  EMPTY_PROPOSAL,
  maybeCommit,
  maybeSendAppend,
  Proposed,
  sendTimeoutNow,
} from './replication.js';
import { becomeFollower } from './roles.js';

export function stepLeader(raft: Raft, message: Message): Refusal | undefined {
  switch (message.type) {
    case MessageType.Prop:
      return proposeAsLeader(raft, message.entries);
    case MessageType.ReadIndex:
      requestRead(raft, message);
      return undefined;
    case MessageType.ForgetLeader:
      return undefined; // it is the leader
    default:
      return stepLeaderFromPeer(raft, message);
  }
}

/** The messages that are about one peer. */
function stepLeaderFromPeer(raft: Raft, message: Message): undefined {
  const peer = raft.tracker.get(message.from);
  if (peer === undefined) {
    raft.logger.debug(() => `${hex(raft.id)} no progress available for ${hex(message.from)}`);
    return undefined;
  }
  switch (message.type) {
    case MessageType.AppResp:
      peer.recentActive = true;
      if (message.reject) handleAppendRejected(raft, message, peer);
      else handleAppendAccepted(raft, message, peer);
      break;
    case MessageType.HeartbeatResp:
      handleHeartbeatResponse(raft, message, peer);
      break;
    case MessageType.SnapStatus:
      handleSnapshotStatus(raft, message, peer);
      break;
    case MessageType.Unreachable:
      // Whatever was sent ahead is likely lost.
      if (peer.state === 'StateReplicate') peer.becomeProbe();
      raft.logger.debug(() => {
        const what = `failed to send message to ${hex(message.from)} because it is unreachable`;
        return `${hex(raft.id)} ${what} [${describeProgress(peer)}]`;
      });
      break;
    case MessageType.TransferLeader:
      handleTransfer(raft, message.from, peer);
      break;
    default:
      break; // answers to requests of an earlier role
  }
  return undefined;
}

/** Appends and sends out. All of a batch goes in, or nothing. */
export function proposeAsLeader(raft: Raft, proposed: readonly Proposed[]): Refusal | undefined {
  if (proposed.length === 0) return undefined;
  if (raft.tracker.get(raft.id) === undefined) return 'not-a-member'; // removed, and leading until another is elected
  if (raft.leadTransferee !== NONE) {
    raft.logger.debug(() => {
      const transfer = `transfer leadership to ${hex(raft.leadTransferee)} is in progress`;
      return `${hex(raft.id)} [term ${raft.term}] ${transfer}; dropping proposal`;
    });
    return 'transfer-in-progress';
  }
  if (!appendOwn(raft, admitConfChanges(raft, proposed))) return 'uncommitted-limit';
  broadcastAppend(raft);
  return undefined;
}

/** Configuration changes that must not be appended now become empty entries, so that the batch keeps its indices. */
function admitConfChanges(raft: Raft, proposed: readonly Proposed[]): readonly Proposed[] {
  let admitted: Proposed[] | undefined;
  for (let at = 0; at < proposed.length; at++) {
    const { type, data } = proposed[at] as Proposed;
    if (type === EntryType.Normal) continue;
    const change = decodeConfChange(type, data);
    const objection = findObjection(raft, change);
    if (objection === undefined || raft.config.disableConfChangeValidation) {
      raft.pendingConfIndex = raft.log.lastIndex + at + 1;
      continue;
    }
    raft.logger.info(() => {
      const config = describeConfig(raft.clusterConfig);
      return `${hex(raft.id)} ignoring conf change ${describeConfChange(change)} at config ${config}: ${objection}`;
    });
    admitted ??= [...proposed];
    admitted[at] = EMPTY_PROPOSAL;
  }
  return admitted ?? proposed;
}

/** Why a change must not be appended now. Checked here, since once committed a change that cannot be applied stops everyone. */
function findObjection(raft: Raft, change: ConfChange): string | undefined {
  const { pendingConfIndex, log, clusterConfig } = raft;
  const wantsToLeave = change.changes.length === 0;
  if (pendingConfIndex > log.applied) {
    return `possible unapplied conf change at index ${pendingConfIndex} (applied to ${log.applied})`; // R4
  }
  if (clusterConfig.isJoint && !wantsToLeave) return 'must transition out of joint config first';
  if (!clusterConfig.isJoint && wantsToLeave) return 'not in joint state; refusing empty conf change';
  // No other change can come in between (R4): the active configuration is the one this change will apply to.
  return raft.config.etcdCompatibility ? undefined : findConfChangeError(raft, change);
}

function handleAppendAccepted(raft: Raft, message: Message, peer: Progress): void {
  const { from, index } = message;
  const isNews = peer.maybeUpdate(index);
  // An answer that is no news still shows a probed peer to be where it was thought to be.
  if (!isNews && !(peer.match === index && peer.state === 'StateProbe')) return;

  switch (peer.state) {
    case 'StateProbe':
      peer.becomeReplicate();
      break;
    case 'StateSnapshot':
      // Whatever snapshot it was that brought the peer here: if the log reaches it, it can go on from there.
      if (peer.match + 1 >= raft.log.firstIndex) {
        raft.logger.debug(() => {
          const what = `recovered from needing snapshot, resumed sending replication messages to ${hex(from)}`;
          return `${hex(raft.id)} ${what} [${describeProgress(peer)}]`;
        });
        peer.becomeProbe();
        peer.becomeReplicate();
      }
      break;
    case 'StateReplicate':
      peer.inflights.freeUpTo(index);
      break;
  }

  if (maybeCommit(raft)) {
    releaseEarlyReads(raft);
    broadcastAppend(raft);
  } else if (from !== raft.id && peer.canBumpCommit(raft.log.committed)) {
    maybeSendAppend(raft, from, peer, true);
  }
  if (from === raft.id) return;

  // The window has room again, perhaps for several messages.
  while (maybeSendAppend(raft, from, peer, false));

  if (from === raft.leadTransferee && peer.match === raft.log.lastIndex) {
    raft.logger.info(() => `${hex(raft.id)} sent MsgTimeoutNow to ${hex(from)} after received MsgAppResp`);
    sendTimeoutNow(raft, from);
  }
}

function handleAppendRejected(raft: Raft, message: Message, peer: Progress): void {
  const { from, index, rejectHint, logTerm } = message;
  raft.logger.debug(() => {
    const what = `MsgAppResp(rejected, hint: (index ${rejectHint}, term ${logTerm}))`;
    return `${hex(raft.id)} received ${what} from ${hex(from)} for index ${index}`;
  });
  // Where our term exceeds what the peer has at the hint, the logs cannot match: terms only grow along a log. So go back
  // to the first index where they could; that costs one round trip per term instead of one per entry.
  const hint = logTerm > 0 ? raft.log.findConflictByTerm(rejectHint, logTerm).index : rejectHint;
  if (!peer.maybeDecrease(index, hint)) return;
  raft.logger.debug(() => `${hex(raft.id)} decreased progress of ${hex(from)} to [${describeProgress(peer)}]`);
  if (peer.state === 'StateReplicate') peer.becomeProbe();
  maybeSendAppend(raft, from, peer, true);
}

function handleHeartbeatResponse(raft: Raft, message: Message, peer: Progress): void {
  peer.recentActive = true;
  peer.appendPaused = false;
  // An empty append revives a peer whose window is full of lost messages, and one that is probed but not behind.
  if (peer.match < raft.log.lastIndex || peer.state === 'StateProbe') maybeSendAppend(raft, message.from, peer, true);
  confirmReads(raft, message);
}

function handleSnapshotStatus(raft: Raft, { from, reject }: Message, peer: Progress): void {
  if (peer.state !== 'StateSnapshot') return;
  if (reject) peer.pendingSnapshot = 0; // it never arrived: probe from where the peer was, not behind the snapshot
  peer.becomeProbe();
  const verb = reject ? 'failed' : 'succeeded';
  raft.logger.debug(() => {
    const what = `snapshot ${verb}, resumed sending replication messages to ${hex(from)}`;
    return `${hex(raft.id)} ${what} [${describeProgress(peer)}]`;
  });
  // After success wait for the peer's own acknowledgement, after failure for the next heartbeat's.
  peer.appendPaused = true;
}

function handleTransfer(raft: Raft, to: number, peer: Progress): void {
  const { logger, leadTransferee: previous } = raft;
  if (peer.isLearner) {
    logger.debug(() => `${hex(raft.id)} is learner. Ignored transferring leadership`);
    return;
  }
  if (previous === to) {
    const what = `transfer leadership to ${hex(to)} is in progress, ignores request to same node ${hex(to)}`;
    logger.info(() => `${hex(raft.id)} [term ${raft.term}] ${what}`);
    return;
  }
  if (previous !== NONE) {
    raft.abortLeaderTransfer();
    logger.info(() => `${hex(raft.id)} [term ${raft.term}] abort previous transferring leadership to ${hex(previous)}`);
  }
  if (to === raft.id) {
    logger.debug(() => `${hex(raft.id)} is already leader. Ignored transferring leadership to self`);
    return;
  }
  logger.info(() => `${hex(raft.id)} [term ${raft.term}] starts to transfer leadership to ${hex(to)}`);
  // It has one election timeout to succeed; tickLeader gives up after that.
  raft.electionElapsed = 0;
  raft.leadTransferee = to;
  if (peer.match === raft.log.lastIndex) {
    sendTimeoutNow(raft, to);
    logger.info(
      () => `${hex(raft.id)} sends MsgTimeoutNow to ${hex(to)} immediately as ${hex(to)} already has up-to-date log`,
    );
  } else {
    maybeSendAppend(raft, to, peer, true);
  }
}

/** A leader that has not heard from a quorum since the last check steps down: another may have been elected. */
export function checkQuorum(raft: Raft): void {
  const { tracker } = raft;
  if (!tracker.isQuorumActive()) {
    raft.logger.warn(() => `${hex(raft.id)} stepped down to follower since quorum is not active`);
    becomeFollower(raft, raft.term, NONE);
  }
  for (const [id, peer] of tracker.progress) if (id !== raft.id) peer.recentActive = false;
}
