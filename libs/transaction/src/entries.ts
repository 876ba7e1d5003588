/**
 * The entries of the decision log. They are all that changes replicated state (D9: every time and every outcome that
 * replicas must agree on stands in an entry). COMMIT and ABORT are self-contained (D5): they repeat the header, since a
 * BEGIN may have been lost on the way.
 */
import type { LockAction } from '@concordat/locks';
import type { ParticipantDescriptor, Reason } from '@concordat/protocol';
import type { BranchRecord, IdempotencyClaim, MemberRecord, TransactionHeader, TransactionRecord } from './record.js';

/**
 * The first entry of a leader's term. It settles every undecided transaction of an earlier term as aborted, since
 * from here on the state machine accepts no COMMIT of an earlier term (D2). The first one of all names the incarnation (D1).
 */
export interface TermEntry {
  readonly type: 'term';
  readonly incarnation: number;
  /** The incarnation that the leader's state had when it proposed this; 0 for a cluster that begins with nothing. */
  readonly begun?: number;
  readonly at: number;
}

export interface BeginEntry {
  readonly type: 'begin';
  readonly header: TransactionHeader;
  readonly branches: readonly BranchRecord[];
  readonly claims: readonly IdempotencyClaim[];
}

export interface CommitEntry {
  readonly type: 'commit';
  readonly header: TransactionHeader;
  readonly branches: readonly BranchRecord[];
  readonly claims: readonly IdempotencyClaim[];
  readonly at: number;
}

export interface AbortEntry {
  readonly type: 'abort';
  readonly header: TransactionHeader;
  readonly branches: readonly BranchRecord[];
  readonly claims: readonly IdempotencyClaim[];
  readonly reason: Reason;
  readonly at: number;
}

/** Every branch of these transactions is durably finalised (D7). `hazards` names participants that contradicted. */
export interface ForgetEntry {
  readonly type: 'forget';
  readonly at: number;
  readonly transactions: readonly { readonly id: string; readonly hazards: readonly string[] }[];
}

interface ParticipantEntry {
  readonly type: 'participant';
  readonly descriptor: ParticipantDescriptor;
  readonly at: number;
}

/** A replica announced itself, moved, or was removed. Who votes is the log's own business; this says where they are. */
interface MemberEntry {
  readonly type: 'member';
  readonly member: MemberRecord;
}

/**
 * After a restore: what became of transactions of earlier incarnations that the backup does not know, or knows undecided,
 * by the word of their participants. `lost`: finished and forgotten by all of them. An entry may name further branches
 * of a transaction that an earlier one has committed.
 */
export interface ReconcileEntry {
  readonly type: 'reconcile';
  readonly at: number;
  readonly transactions: readonly {
    readonly header: TransactionHeader;
    readonly outcome: 'committed' | 'aborted' | 'lost';
    /** The number under which a participant has committed it; null gives it one of its own. */
    readonly csn: number | null;
    readonly branches: readonly BranchRecord[];
  }[];
}

/** Every participant has answered and every transaction of an earlier incarnation is settled: presumption holds again. */
interface ReconciledEntry {
  readonly type: 'reconciled';
  readonly at: number;
}

/** Leases a read snapshot; the CSN of this entry is its CSN. */
export interface LeaseEntry {
  readonly type: 'lease';
  readonly id: string;
  readonly ttlMs: number;
  readonly at: number;
}

/** These leases are over, by the word of their holders or because the leader has waited out their time (D9). */
interface ReleaseEntry {
  readonly type: 'release';
  readonly ids: readonly string[];
}

/** Something happens to a lock or to a session of locks; the CSN of this entry is the fencing token of what it grants. */
interface LockEntry {
  readonly type: 'lock';
  readonly action: LockAction;
  /** Tells the leader that proposed it which call it was for. */
  readonly request: string;
  readonly at: number;
}

/** Participants contradict decisions; this keeps it until somebody has looked (design §5). */
export interface HazardEntry {
  readonly type: 'hazard';
  readonly at: number;
  readonly hazards: readonly {
    readonly transactionId: string;
    readonly participant: string;
    readonly outcome: 'committed' | 'aborted';
    readonly csn: number | null;
    readonly detail: string;
  }[];
}

/** Something that an operator did, for the audit trail; what it resolves takes effect here. */
export interface OperatorEntry {
  readonly type: 'operator';
  readonly at: number;
  readonly actor: string;
  readonly action: string;
  readonly target: string;
  readonly reason: string | null;
  readonly outcome: string | null;
  /** Of the transaction that `target` names. */
  readonly resolution?: {
    /** Participants whose answer to the decision is waited for no longer; that of every other one is there (D7). */
    readonly givenUp: readonly string[];
    /** Participants whose contradiction somebody has looked at. */
    readonly acknowledged: readonly string[];
    /** The end of a transaction of an earlier incarnation whose participants will never tell. */
    readonly reconciled?: ReconcileEntry['transactions'][number];
  };
}

/** A participant that was given up has carried out the decision after all: `record` says so. */
export interface ConfirmEntry {
  readonly type: 'confirm';
  readonly participant: string;
  readonly record: TransactionRecord;
}

/** All outcome events up to this log index have been published. */
interface PublishedEntry {
  readonly type: 'published';
  readonly index: number;
}

/** Finished transactions completed before `completedBefore`, and keys bound before `keysBefore`, are dropped (Unix ms). */
interface PruneEntry {
  readonly type: 'prune';
  readonly completedBefore: number;
  readonly keysBefore: number;
}

export type Entry =
  | TermEntry
  | BeginEntry
  | CommitEntry
  | AbortEntry
  | ForgetEntry
  | ParticipantEntry
  | MemberEntry
  | ReconcileEntry
  | ReconciledEntry
  | LeaseEntry
  | ReleaseEntry
  | HazardEntry
  | OperatorEntry
  | ConfirmEntry
  | LockEntry
  | PublishedEntry
  | PruneEntry;

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder();

/** Encodes an entry for the log. */
export const encodeEntry = (entry: Entry): Uint8Array => utf8Encoder.encode(JSON.stringify(entry));

/** Decodes what `encodeEntry` wrote. The log's checksums vouch for the bytes, so a failure here is a bug. */
export const decodeEntry = (data: Uint8Array): Entry => JSON.parse(utf8Decoder.decode(data)) as Entry;
