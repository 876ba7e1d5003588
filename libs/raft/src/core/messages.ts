/**
 * The vocabulary of the core: log entries, snapshots, configuration states and messages.
 *
 * Owns: shapes and numeric codes (stable: they go over the wire and into the log).
 * Does not own: their encoding. Transport and write-ahead log bring their own.
 *
 * Every message carries every field, so that all messages have one shape and the engine keeps field access fast.
 * Values handed in or out (entries, messages, snapshots) are immutable by contract from that moment on.
 */

/** The id that stands for "nobody": no leader, no vote. */
export const NONE = 0;

/** Target of MsgStorageAppend: whoever writes the local log. */
export const LOCAL_APPEND_THREAD = Number.MAX_SAFE_INTEGER;

/** Target of MsgStorageApply: whoever applies committed entries locally. */
export const LOCAL_APPLY_THREAD = Number.MAX_SAFE_INTEGER - 1;

/** Largest index and term the core accepts; sums of two small offsets stay exact above it. */
export const INDEX_MAX = 2 ** 52;

/** Meaning: no limit. Larger than any sum of sizes that fits into memory. */
export const UNLIMITED = Number.MAX_SAFE_INTEGER;

export const EntryType = { Normal: 0, ConfChange: 1, ConfChangeV2: 2 } as const;
export type EntryType = (typeof EntryType)[keyof typeof EntryType];

/** One position of the replicated log. */
export interface Entry {
  readonly term: number;
  readonly index: number;
  readonly type: EntryType;
  readonly data: Uint8Array;
}

/** What has to survive a restart besides the log. */
export interface HardState {
  readonly term: number;
  readonly vote: number;
  readonly commit: number;
}

/** A cluster configuration as stored in snapshots. Outside a joint configuration the last three are empty. */
export interface ConfState {
  readonly voters: readonly number[];
  readonly learners: readonly number[];
  readonly votersOutgoing: readonly number[];
  readonly learnersNext: readonly number[];
  readonly autoLeave: boolean;
}

/** State as of `index`. `data` is opaque to the core; it may be a mere reference that the driver resolves. */
export interface Snapshot {
  readonly index: number;
  readonly term: number;
  readonly confState: ConfState;
  readonly data: Uint8Array;
}

export const MessageType = {
  Hup: 0,
  Beat: 1,
  Prop: 2,
  App: 3,
  AppResp: 4,
  Vote: 5,
  VoteResp: 6,
  Snap: 7,
  Heartbeat: 8,
  HeartbeatResp: 9,
  Unreachable: 10,
  SnapStatus: 11,
  CheckQuorum: 12,
  TransferLeader: 13,
  TimeoutNow: 14,
  ReadIndex: 15,
  ReadIndexResp: 16,
  PreVote: 17,
  PreVoteResp: 18,
  StorageAppend: 19,
  StorageAppendResp: 20,
  StorageApply: 21,
  StorageApplyResp: 22,
  ForgetLeader: 23,
} as const;
export type MessageType = (typeof MessageType)[keyof typeof MessageType];

export interface Message {
  readonly type: MessageType;
  readonly to: number;
  readonly from: number;
  /** 0 on messages that belong to no term (proposals, read requests, local ones). */
  readonly term: number;
  /** Term of the entry at `index`. */
  readonly logTerm: number;
  readonly index: number;
  readonly entries: readonly Entry[];
  readonly commit: number;
  readonly vote: number;
  readonly snapshot: Snapshot | undefined;
  readonly reject: boolean;
  readonly rejectHint: number;
  readonly context: Uint8Array;
  /** On StorageAppend and StorageApply: what to deliver once that work is done (and, for appends, durable). */
  readonly responses: readonly Message[];
}

export const NO_BYTES: Uint8Array = new Uint8Array(0);
export const NO_ENTRIES: readonly Entry[] = Object.freeze([]);
export const NO_MESSAGES: readonly Message[] = Object.freeze([]);
export const NO_CONF_STATE: ConfState = Object.freeze({
  voters: [],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
});
export const EMPTY_HARD_STATE: HardState = Object.freeze({ term: 0, vote: 0, commit: 0 });

/** The fields a sender sets; the rest is zero. */
export type MessageFields = Pick<Message, 'type' | 'to'> & Partial<Message>;

/** The only place that creates messages: always the same fields in the same order. */
export function createMessage(
  fields: MessageFields,
  from: number = fields.from ?? NONE,
  term: number = fields.term ?? 0,
): Message {
  return {
    type: fields.type,
    to: fields.to,
    from,
    term,
    logTerm: fields.logTerm ?? 0,
    index: fields.index ?? 0,
    entries: fields.entries ?? NO_ENTRIES,
    commit: fields.commit ?? 0,
    vote: fields.vote ?? NONE,
    snapshot: fields.snapshot,
    reject: fields.reject ?? false,
    rejectHint: fields.rejectHint ?? 0,
    context: fields.context ?? NO_BYTES,
    responses: fields.responses ?? NO_MESSAGES,
  };
}

/** True for the ids that stand for this node's own storage workers. */
export function isLocalTarget(id: number): boolean {
  return id === LOCAL_APPEND_THREAD || id === LOCAL_APPLY_THREAD;
}

/** True for messages that never travel between nodes. */
export function isLocalMessage(type: MessageType): boolean {
  switch (type) {
    case MessageType.Hup:
    case MessageType.Beat:
    case MessageType.Unreachable:
    case MessageType.SnapStatus:
    case MessageType.CheckQuorum:
    case MessageType.StorageAppend:
    case MessageType.StorageAppendResp:
    case MessageType.StorageApply:
    case MessageType.StorageApplyResp:
      return true;
    default:
      return false;
  }
}

/** True for messages that only make sense from a known member. */
export function isResponseMessage(type: MessageType): boolean {
  switch (type) {
    case MessageType.AppResp:
    case MessageType.VoteResp:
    case MessageType.HeartbeatResp:
    case MessageType.Unreachable:
    case MessageType.ReadIndexResp:
    case MessageType.PreVoteResp:
    case MessageType.StorageAppendResp:
    case MessageType.StorageApplyResp:
      return true;
    default:
      return false;
  }
}

export function isEmptyHardState(state: HardState): boolean {
  return state.term === 0 && state.vote === NONE && state.commit === 0;
}
