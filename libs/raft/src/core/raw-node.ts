/**
 * The core as its driver sees it: input goes in by method calls, work comes out as Ready.
 *
 * Owns: what has been handed out and not yet acknowledged. Does not own: threads, timers, disk, network.
 *
 * N1 Between `ready()` and `advance()` nothing is lost and nothing is handed out twice.
 * N2 All methods are synchronous and must be called from one place at a time.
 */
import { ConfChange, encodeConfChange } from '../confchange/conf-change.js';
import { RaftConfig, resolveConfig } from './config.js';
import { campaignKind, hup, suspectLeader } from './election.js';
import { RaftInvariantError, violated } from './errors.js';
import { describeId } from './format.js';
import { proposeAsLeader } from './leader.js';
import { applyConfChange, restoreConfState } from './membership.js';
import {
  ConfState,
  createMessage,
  Entry,
  EntryType,
  HardState,
  INDEX_MAX,
  isEmptyHardState,
  isLocalMessage,
  isLocalTarget,
  isResponseMessage,
  Message,
  MessageType,
  NO_MESSAGES,
  NONE,
} from './messages.js';
import { Raft } from './raft.js';
import { ProposalResult, ReadState, Ready, Refusal, Role, SoftState } from './ready.js';
import { Proposed } from './replication.js';
import { becomeFollower } from './roles.js';
import { BasicStatus, Status } from './status.js';
import { step } from './step.js';
import {
  AppendWork,
  needsAppend,
  storageAppend,
  storageAppendResponse,
  storageApply,
  storageApplyResponse,
} from './storage-messages.js';
import { tick } from './tick.js';

const NO_READ_STATES: readonly ReadState[] = Object.freeze([]);

export class RawNode {
  readonly #raft: Raft;
  readonly #isAsync: boolean;
  readonly #applyUnstable: boolean;
  #softState: SoftState;
  #hardState: HardState;
  /** What `advance` steps: our own acknowledgements of the last Ready. */
  #onAdvance: Message[] = [];

  /** Throws RaftConfigError where the configuration cannot work, RaftInvariantError where storage contradicts itself. */
  constructor(config: RaftConfig) {
    const resolved = resolveConfig(config);
    this.#raft = startRaft(new Raft(resolved));
    this.#isAsync = resolved.asyncStorageWrites;
    this.#applyUnstable = resolved.applyUnstableEntries;
    this.#softState = this.#raft.softState();
    this.#hardState = this.#raft.hardState();
  }

  get id(): number {
    return this.#raft.id;
  }

  /** One tick of the logical clock. */
  tick(): void {
    tick(this.#raft);
  }

  /** Starts an election now. */
  campaign(): void {
    hup(this.#raft, campaignKind(this.#raft));
  }

  propose(data: Uint8Array): ProposalResult {
    return this.#propose([{ type: EntryType.Normal, data }]);
  }

  /** All or nothing; one append message per peer for the whole batch. On a leader the indices are consecutive. */
  proposeBatch(batch: readonly Uint8Array[]): ProposalResult {
    return this.#propose(batch.map((data) => ({ type: EntryType.Normal, data })));
  }

  /**
   * Proposes a change of the configuration. It takes effect when it is applied, not when it is appended. A change that
   * cannot be appended now (another is pending, for instance) becomes an empty entry.
   */
  proposeConfChange(
    change: ConfChange,
    type: typeof EntryType.ConfChange | typeof EntryType.ConfChangeV2 = EntryType.ConfChangeV2,
  ): ProposalResult {
    return this.#propose([{ type, data: encodeConfChange(change, type) }]);
  }

  #propose(proposed: readonly Proposed[]): ProposalResult {
    const raft = this.#raft;
    if (raft.role === Role.Leader) {
      const index = raft.log.lastIndex + 1;
      const reason = proposeAsLeader(raft, proposed);
      return reason === undefined
        ? { outcome: 'appended', term: raft.term, index }
        : { outcome: 'dropped', reason: reason as Exclude<Refusal, 'local-message' | 'unknown-peer'> };
    }
    const entries = proposed.map(({ type, data }) => ({ term: 0, index: 0, type, data }));
    const reason = step(raft, createMessage({ type: MessageType.Prop, to: NONE, from: raft.id, entries }));
    return reason === undefined
      ? { outcome: 'forwarded', lead: raft.lead }
      : { outcome: 'dropped', reason: reason as Exclude<Refusal, 'local-message' | 'unknown-peer'> };
  }

  /**
   * To be called for every committed configuration entry, when it is applied; `index` is the entry's. Returns the
   * configuration to snapshot. Where a snapshot has overtaken the entry (it was handed out, and before it was applied the
   * snapshot came in), nothing changes: the snapshot's configuration holds already. Leave the index out only where no
   * snapshot can come in between.
   *
   * Throws RaftConfChangeError where the change breaks the rules; that needs `disableConfChangeValidation`, or a bug.
   */
  applyConfChange(change: ConfChange, index = Infinity): ConfState {
    return applyConfChange(this.#raft, change, index);
  }

  /** Takes a message from a peer, or a storage worker's response. */
  step(message: Message): Refusal | undefined {
    checkBounds(message);
    const isFromWorker = isLocalTarget(message.from);
    if (isLocalMessage(message.type) && !isFromWorker) return 'local-message';
    if (isResponseMessage(message.type) && !isFromWorker && !this.#raft.tracker.get(message.from))
      return 'unknown-peer';
    return step(this.#raft, message);
  }

  hasReady(): boolean {
    const raft = this.#raft;
    const { log } = raft;
    return (
      raft.messages.length > 0 ||
      raft.messagesAfterAppend.length > 0 ||
      log.unstable.hasNextEntries() ||
      log.hasNextCommittedEntries(this.#applyUnstable) ||
      raft.readStates.length > 0 ||
      log.unstable.nextSnapshot() !== undefined ||
      this.#changedSoftState() !== undefined ||
      this.#changedHardState() !== undefined
    );
  }

  /** Hands out what is to be done. Must be followed by `advance()` unless storage writes are asynchronous. */
  ready(): Ready {
    if (this.#onAdvance.length > 0) violated('two Readys without an advance between them');
    const raft = this.#raft;
    const entries = raft.log.unstable.nextEntries();
    const committedEntries = raft.log.nextCommittedEntries(this.#applyUnstable);
    const hardState = this.#changedHardState();
    const ready: Ready = {
      softState: this.#changedSoftState(),
      hardState,
      readStates: raft.readStates.length > 0 ? raft.readStates : NO_READ_STATES,
      entries,
      snapshot: raft.log.unstable.nextSnapshot(),
      committedEntries,
      messages: this.#takeMessages(entries, committedEntries, hardState),
      mustSync:
        entries.length > 0 ||
        (hardState !== undefined &&
          (hardState.term !== this.#hardState.term || hardState.vote !== this.#hardState.vote)),
    };
    this.#accept(ready);
    return ready;
  }

  /** The last Ready is written, sent and applied. Not with asynchronous storage writes: there the responses say it. */
  advance(): void {
    if (this.#isAsync) violated('advance with asynchronous storage writes');
    const steps = this.#onAdvance;
    this.#onAdvance = [];
    for (const message of steps) step(this.#raft, message);
  }

  basicStatus(): BasicStatus {
    const raft = this.#raft;
    return {
      id: raft.id,
      hardState: raft.hardState(),
      softState: raft.softState(),
      applied: raft.log.applied,
      lastIndex: raft.log.lastIndex,
      leadTransferee: raft.leadTransferee,
    };
  }

  status(): Status {
    const { role, tracker } = this.#raft;
    const peers = role === Role.Leader ? [...tracker.progress].map(([id, peer]) => peer.status(id)) : [];
    return { ...this.basicStatus(), confState: tracker.config.confState(), peers };
  }

  /** The last message to this peer did not arrive. */
  reportUnreachable(peer: number): void {
    step(this.#raft, createMessage({ type: MessageType.Unreachable, to: NONE, from: peer }));
  }

  /**
   * The connection over which this peer sends has broken, after all that came over it: its process died, or something
   * between did. A follower whose leader it was gives it a little time to be heard again instead of an election timeout.
   */
  reportDisconnected(peer: number): void {
    suspectLeader(this.#raft, peer);
  }

  /** What became of a snapshot that was sent; to be called for every MsgSnap. */
  reportSnapshot(peer: number, outcome: 'finish' | 'failure'): void {
    const reject = outcome === 'failure';
    step(this.#raft, createMessage({ type: MessageType.SnapStatus, to: NONE, from: peer, reject }));
  }

  /** Asks that leadership go to a peer. A follower passes the request on. Given up after an election timeout. */
  transferLeader(to: number): void {
    step(this.#raft, createMessage({ type: MessageType.TransferLeader, to: NONE, from: to }));
  }

  /** A follower forgets its leader, so that it may vote before its lease runs out. */
  forgetLeader(): void {
    step(this.#raft, createMessage({ type: MessageType.ForgetLeader, to: NONE }));
  }

  /**
   * Asks for a linearizable read; the answer arrives in `Ready.readStates` with the same context, or never: leaders
   * change and messages get lost, so ask again after a while. 'no-leader' where it is certain that none will come.
   */
  readIndex(context: Uint8Array): 'no-leader' | undefined {
    const entries = [{ term: 0, index: 0, type: EntryType.Normal, data: context }];
    step(this.#raft, createMessage({ type: MessageType.ReadIndex, to: NONE, entries }));
    return this.#raft.lead === NONE ? 'no-leader' : undefined;
  }

  /** Fixes the current election timeout, in ticks, until the next change of role. For tests. */
  setRandomizedElectionTicks(ticks: number): void {
    this.#raft.randomizedElectionTicks = ticks;
  }

  #changedSoftState(): SoftState | undefined {
    const { lead, role } = this.#raft;
    return lead === this.#softState.lead && role === this.#softState.role ? undefined : { lead, role };
  }

  #changedHardState(): HardState | undefined {
    const { term, vote, log } = this.#raft;
    const last = this.#hardState;
    if (term === last.term && vote === last.vote && log.committed === last.commit) return undefined;
    return this.#raft.hardState();
  }

  #takeMessages(
    entries: readonly Entry[],
    committedEntries: readonly Entry[],
    hardState: HardState | undefined,
  ): readonly Message[] {
    const raft = this.#raft;
    const work = { entries, hardState, snapshot: raft.log.unstable.nextSnapshot() };
    if (this.#isAsync) this.#enqueueStorageWork(work, committedEntries);
    else this.#enqueueAfterAppend(work, committedEntries);
    const { messages } = raft;
    raft.messagesAfterAppend = [];
    if (messages.length === 0) return NO_MESSAGES;
    raft.messages = [];
    return messages;
  }

  /** Everything may leave at once; what has to wait for the disk travels inside the storage message (R2). */
  #enqueueStorageWork(work: AppendWork, committedEntries: readonly Entry[]): void {
    const raft = this.#raft;
    if (needsAppend(raft, work)) raft.messages.push(storageAppend(raft, work));
    if (committedEntries.length > 0) raft.messages.push(storageApply(raft, committedEntries));
  }

  /** The caller sends after it has written (R2), so the promises may go along. Our own wait for `advance`. */
  #enqueueAfterAppend(work: AppendWork, committedEntries: readonly Entry[]): void {
    const raft = this.#raft;
    for (const message of raft.messagesAfterAppend) {
      if (message.to === raft.id) this.#onAdvance.push(message);
      else raft.messages.push(message);
    }
    const appended = storageAppendResponse(raft, work.snapshot);
    if (appended) this.#onAdvance.push(appended);
    if (committedEntries.length > 0) this.#onAdvance.push(storageApplyResponse(raft, committedEntries));
  }

  #accept({ softState, hardState, committedEntries }: Ready): void {
    const raft = this.#raft;
    if (softState) this.#softState = softState;
    if (hardState) this.#hardState = hardState;
    if (raft.readStates.length > 0) raft.readStates = [];
    raft.log.unstable.acceptInProgress();
    if (committedEntries.length > 0) raft.log.acceptApplying(committedEntries, this.#applyUnstable);
  }
}

/** Brings a fresh node to where its storage says it was. */
function startRaft(raft: Raft): Raft {
  const { config, log, logger } = raft;
  const { hardState, confState } = config.storage.initialState();
  restoreConfState(raft, confState);
  if (!isEmptyHardState(hardState)) {
    if (hardState.commit > log.lastIndex) {
      violated(
        `${describeId(raft.id)} state.commit ${hardState.commit} is behind the end of the log, ${log.lastIndex}`,
      );
    }
    // It may be below the snapshot: commit indices are not synced by themselves, and a crash may set them back.
    log.commitTo(hardState.commit);
    raft.term = hardState.term;
    raft.vote = hardState.vote;
  }
  if (config.applied > 0) {
    // What is applied was committed, even if the commit index, which is not synced by itself, says less after a crash.
    log.commitTo(config.applied);
    log.appliedTo(config.applied, 0);
  }
  becomeFollower(raft, raft.term, NONE);
  const voters = raft.clusterConfig.voters.ids.map(describeId).join(',');
  logger.info(() => {
    const positions = `term: ${raft.term}, commit: ${log.committed}, applied: ${log.applied}`;
    return `newRaft ${describeId(raft.id)} [peers: [${voters}], ${positions}, lastindex: ${log.lastIndex}, lastterm: ${log.lastTerm}]`;
  });
  return raft;
}

/** Numbers beyond the bound could not be counted on: sums with them are no longer exact. */
function checkBounds({ term, index, logTerm, commit, rejectHint }: Message): void {
  if (isBounded(term) && isBounded(index) && isBounded(logTerm) && isBounded(commit) && isBounded(rejectHint)) return;
  throw new RaftInvariantError(`a message with a term or index outside [0, 2^52]: ${term}, ${index}, ${logTerm}`);
}

function isBounded(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= INDEX_MAX;
}
