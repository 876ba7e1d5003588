/** The messages to the local storage workers, and what they send back. */
import {
  createMessage,
  Entry,
  HardState,
  LOCAL_APPEND_THREAD,
  LOCAL_APPLY_THREAD,
  Message,
  MessageType,
  Snapshot,
} from './messages.js';
import { Raft } from './raft.js';

/** What one Ready wants written. */
export interface AppendWork {
  readonly entries: readonly Entry[];
  readonly hardState: HardState | undefined;
  readonly snapshot: Snapshot | undefined;
}

/** True where something is to be written, or something waits for earlier writes. */
export function needsAppend(raft: Raft, { entries, hardState, snapshot }: AppendWork): boolean {
  return entries.length > 0 || hardState !== undefined || snapshot !== undefined || raft.messagesAfterAppend.length > 0;
}

export function storageAppend(raft: Raft, work: AppendWork): Message {
  const { entries, hardState, snapshot } = work;
  const responses = [...raft.messagesAfterAppend];
  // The worker's own report comes last: the leader's acknowledgement to itself is cheaper while its entries are unstable.
  const done = storageAppendResponse(raft, snapshot);
  if (done) responses.push(done);
  return createMessage({
    type: MessageType.StorageAppend,
    to: LOCAL_APPEND_THREAD,
    from: raft.id,
    term: hardState?.term,
    vote: hardState?.vote,
    commit: hardState?.commit,
    entries,
    snapshot,
    responses,
  });
}

/**
 * Reports that everything unstable up to now is durable. It names the end of the whole log even if this write carries no
 * entries: reports of an earlier term are ignored (see step.ts), and without this the last of them would never be made up
 * for when no new entries come.
 */
export function storageAppendResponse(raft: Raft, snapshot: Snapshot | undefined): Message | undefined {
  const { log } = raft;
  const hasUnstable = log.unstable.length > 0;
  if (!hasUnstable && snapshot === undefined) return undefined;
  return createMessage({
    type: MessageType.StorageAppendResp,
    to: raft.id,
    from: LOCAL_APPEND_THREAD,
    term: raft.term,
    index: hasUnstable ? log.lastIndex : 0,
    logTerm: hasUnstable ? log.lastTerm : 0,
    snapshot,
  });
}

export function storageApply(raft: Raft, entries: readonly Entry[]): Message {
  return createMessage({
    type: MessageType.StorageApply,
    to: LOCAL_APPLY_THREAD,
    from: raft.id,
    entries,
    responses: [storageApplyResponse(raft, entries)],
  });
}

/** Reports that the entries are applied. Committed entries belong to no term. */
export function storageApplyResponse(raft: Raft, entries: readonly Entry[]): Message {
  return createMessage({ type: MessageType.StorageApplyResp, to: raft.id, from: LOCAL_APPLY_THREAD, entries });
}
