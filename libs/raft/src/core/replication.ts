/**
 * How a leader brings its log to the others: appends, snapshots, heartbeats, and the commit index that follows from the
 * answers.
 */
import { payloadBytes } from '../log/entry-size.js';
import { violated } from './errors.js';
import { describeProgress, describeId as hex } from './format.js';
import { Entry, EntryType, MessageType, NO_BYTES, NO_ENTRIES, UNLIMITED } from './messages.js';
import { Progress } from './progress.js';
import { Raft } from './raft.js';
import { encodeReadNumber } from './read-queue.js';

/** An entry before it has a place in the log. */
export interface Proposed {
  readonly type: EntryType;
  readonly data: Uint8Array;
}

export const EMPTY_PROPOSAL: Proposed = { type: EntryType.Normal, data: NO_BYTES };

/**
 * Appends to the own log. False where that would exceed the bound on uncommitted bytes; empty payloads always go in, so
 * that a new leader's first entry and leaving a joint configuration cannot be refused.
 */
export function appendOwn(raft: Raft, proposed: readonly Proposed[]): boolean {
  let bytes = 0;
  for (const { data } of proposed) bytes += data.length;
  if (bytes > 0 && raft.uncommittedBytes > 0 && raft.uncommittedBytes + bytes > raft.config.uncommittedBytesMax) {
    raft.logger.warn(
      () => `${hex(raft.id)} appending new entries to log would exceed uncommitted entry size limit; dropping proposal`,
    );
    return false;
  }
  raft.uncommittedBytes += bytes;
  for (const { type, data } of proposed) {
    raft.log.push({ term: raft.term, index: raft.log.lastIndex + 1, type, data });
  }
  // The own acknowledgement counts like any other, and like any other only once the entries are durable.
  raft.send({ type: MessageType.AppResp, to: raft.id, index: raft.log.lastIndex });
  return true;
}

/** Sends an append to everyone who can take one, empty if need be (it then carries the commit index). */
export function broadcastAppend(raft: Raft): void {
  for (const [id, peer] of raft.tracker.progress) if (id !== raft.id) maybeSendAppend(raft, id, peer, true);
}

/** Sends what is new to everyone who can take it. */
export function broadcastNewEntries(raft: Raft): void {
  for (const [id, peer] of raft.tracker.progress) if (id !== raft.id) maybeSendAppend(raft, id, peer, false);
}

/** True where a message was sent: an append or, where the log no longer reaches back far enough, a snapshot. */
export function maybeSendAppend(raft: Raft, to: number, peer: Progress, evenIfEmpty: boolean): boolean {
  if (peer.isPaused()) return false;
  const { log, config } = raft;
  const index = peer.next - 1;
  const logTerm = log.term(index);
  if (logTerm === undefined) return maybeSendSnapshot(raft, to, peer);

  // With a full window an empty append still goes out: its answer frees the window should all else have been lost.
  const throttled = peer.state === 'StateReplicate' && peer.inflights.full;
  const entries = throttled ? NO_ENTRIES : log.entriesFrom(peer.next, config.messageBytesMax);
  if (entries?.length === 0 && !evenIfEmpty) return false;
  if (entries === undefined) return maybeSendSnapshot(raft, to, peer);

  raft.send({ type: MessageType.App, to, index, logTerm, entries, commit: log.committed });
  peer.sentEntries(entries.length, config.inflightBytesMax === UNLIMITED ? 0 : payloadBytes(entries));
  peer.sentCommit(log.committed);
  return true;
}

function maybeSendSnapshot(raft: Raft, to: number, peer: Progress): boolean {
  const { logger, log } = raft;
  if (!peer.recentActive) {
    logger.debug(() => `ignore sending snapshot to ${hex(to)} since it is not recently active`);
    return false;
  }
  const snapshot = log.snapshot();
  if (snapshot === undefined) {
    logger.debug(
      () => `${hex(raft.id)} failed to send snapshot to ${hex(to)} because snapshot is temporarily unavailable`,
    );
    return false;
  }
  if (snapshot.index === 0) violated('the log is compacted, but there is no snapshot');
  const positions = `[firstindex: ${log.firstIndex}, commit: ${log.committed}]`;
  const what = `[index: ${snapshot.index}, term: ${snapshot.term}]`;
  logger.debug(() => `${hex(raft.id)} ${positions} sent snapshot${what} to ${hex(to)} [${describeProgress(peer)}]`);
  peer.becomeSnapshot(snapshot.index);
  logger.debug(() => `${hex(raft.id)} paused sending replication messages to ${hex(to)} [${describeProgress(peer)}]`);
  raft.send({ type: MessageType.Snap, to, snapshot });
  return true;
}

/** Heartbeats to all; they also ask for the confirmation of waiting reads. */
export function broadcastHeartbeat(raft: Raft): void {
  const context = encodeReadNumber(raft.reads.newest);
  for (const [to, peer] of raft.tracker.progress) {
    if (to === raft.id) continue;
    // Never beyond what is known to match: the peer may hold other entries there.
    const commit = Math.min(peer.match, raft.log.committed);
    raft.send({ type: MessageType.Heartbeat, to, commit, context });
    peer.sentCommit(commit);
  }
}

/** Advances the commit index to what a quorum holds, if that entry is of the own term (Raft §5.4.2). */
export function maybeCommit(raft: Raft): boolean {
  return raft.log.maybeCommit(raft.tracker.committedIndex(), raft.term);
}

export function sendTimeoutNow(raft: Raft, to: number): void {
  raft.send({ type: MessageType.TimeoutNow, to });
}

/** These entries are applied: their payloads no longer count as uncommitted. */
export function reduceUncommitted(raft: Raft, entries: readonly Entry[]): void {
  raft.uncommittedBytes = Math.max(0, raft.uncommittedBytes - payloadBytes(entries));
}
