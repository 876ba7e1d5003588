/**
 * A member of a Raft group: the core, wired to its log, its state machine, its peers and a clock.
 *
 * Owns: the order in which things happen to the core. Does not own: any decision of Raft.
 *
 * D1 Everything that reaches the core does so from `#step…` in one turn of the event loop; `#pump` then hands out all that
 *    came of it. What came in during one turn (proposals, reads, messages) goes out together.
 * D2 Messages leave at once; what has to wait for the disk travels with the write (LogWriter, A1). So a leader writes its
 *    log while its followers write theirs.
 * D3 Proposals are never forwarded: whoever proposes knows the place of the proposal in the log, or that it has none.
 * D4 After any failure of disk, state machine or core the node does nothing more.
 */
import { type ConfChange } from '../confchange/conf-change.js';
import { EntryType, type Message, MessageType, NONE } from '../core/messages.js';
import { RawNode } from '../core/raw-node.js';
import { type Ready, Role, type SoftState } from '../core/ready.js';
import type { Status } from '../core/status.js';
import { Applier } from './applier.js';
import { decodeSnapshotFile, encodeLogMeta, type LogMeta, type SnapshotFile } from './log-meta.js';
import { LogWriter } from './log-writer.js';
import { type RaftNodeOptions, type ResolvedNodeOptions, resolveNodeOptions } from './node-options.js';
import { type ProposalOutcome, RaftNodeFailedError, RaftNodeUsageError, type ReadOutcome } from './outcomes.js';
import { ProposalLedger, type WaitingProposal } from './proposals.js';
import { ReadBatcher } from './reads.js';
import { type OpenedLog, openLog } from './start.js';
import { Transfer } from './transfer.js';

export class RaftNode<Result = unknown> {
  readonly #raw: RawNode;
  readonly #writer: LogWriter;
  readonly #applier: Applier<Result>;
  readonly #ledger = new ProposalLedger<Result>();
  readonly #reads: ReadBatcher;
  readonly #transfer = new Transfer();
  #proposals: WaitingProposal<Result>[] = [];
  #proposedBytes = 0;
  #soft: SoftState = { lead: NONE, role: Role.Follower };
  #ticksSinceLoss = Number.POSITIVE_INFINITY;
  #pumpQueued = false;
  #failure: RaftNodeFailedError | undefined;
  #closing: Promise<void> | undefined;
  #snapshotting: Promise<SnapshotFile> | undefined;
  #stopTicks: () => void = () => undefined;

  /** Opens the log, brings the state machine up to date, and joins the others. */
  static async start<Result>(options: RaftNodeOptions<Result>): Promise<RaftNode<Result>> {
    const resolved = resolveNodeOptions(options);
    let node: RaftNode<Result> | undefined;
    const log = await openLog(resolved, () => node?.requestSnapshot());
    try {
      node = new RaftNode(resolved, log);
      await node.#begin();
      return node;
    } catch (error) {
      await log.wal.close();
      throw error;
    }
  }

  private constructor(
    private readonly options: ResolvedNodeOptions<Result>,
    private readonly log: OpenedLog,
  ) {
    this.#raw = new RawNode({
      ...coreLimits(options),
      id: options.id,
      storage: log.storage,
      applied: log.meta.applied,
    });
    const failed = (error: unknown) => this.#fail(error);
    const deliver = (responses: readonly Message[]) => this.#deliver(responses);
    this.#writer = new LogWriter(log.wal, log.storage, (meta) => this.#restore(meta), deliver, failed);
    this.#applier = new Applier(
      options.stateMachine,
      {
        changeMembers: (change) => {
          log.storage.confState = this.#raw.applyConfChange(change);
          return log.storage.confState;
        },
        applied: (entry, result) => this.#ledger.applied(entry, result),
        membersChanged: (entry) => this.#ledger.membersChanged(entry),
        reached: (index) => this.#reads.applied(index),
        deliver,
        failed,
      },
      log.meta.applied,
      log.stateIndex,
    );
    const ask = (context: Uint8Array) => this.#raw.readIndex(context) === 'no-leader';
    this.#reads = new ReadBatcher(ask, options.electionTicks, options.readTimeoutTicks);
  }

  get id(): number {
    return this.options.id;
  }

  /** Random, made with the log's directory: 32 hexadecimal digits. */
  get memberId(): string {
    return this.log.wal.memberId;
  }

  get leader(): number | undefined {
    return this.#soft.lead === NONE ? undefined : this.#soft.lead;
  }

  get isLeader(): boolean {
    return this.#soft.role === Role.Leader;
  }

  get appliedIndex(): number {
    return this.#applier.index;
  }

  /** Proposes an entry. The promise never rejects; see the outcomes. @throws RaftNodeUsageError for an empty one */
  propose(data: Uint8Array): Promise<ProposalOutcome<Result>> {
    if (data.length === 0) throw new RaftNodeUsageError('an empty entry cannot be proposed');
    if (this.#isStopped) return Promise.resolve({ outcome: 'dropped', reason: 'closed' });
    const { pendingProposalsMax, pendingBytesMax } = this.options;
    const count = this.#proposals.length + this.#ledger.length;
    if (count >= pendingProposalsMax || this.#proposedBytes + data.length > pendingBytesMax) {
      return Promise.resolve({ outcome: 'dropped', reason: 'overloaded' });
    }
    this.#proposedBytes += data.length;
    return new Promise((settle) => {
      this.#proposals.push({ data, settle });
      this.#wake();
    });
  }

  /** Proposes a change of the membership. Resolves once it is applied here; a joint one may still have to be left then. */
  async proposeConfChange(change: ConfChange): Promise<ProposalOutcome<Result>> {
    if (this.#isStopped) return { outcome: 'dropped', reason: 'closed' };
    this.#propose();
    const result = this.#raw.proposeConfChange(change, EntryType.ConfChangeV2);
    this.#wake();
    if (result.outcome === 'appended') {
      return new Promise((settle) => this.#ledger.placeChange(result.index, result.term, settle));
    }
    return this.#refused(result);
  }

  /** Resolves once everything acknowledged before this call is applied here. */
  read(): Promise<ReadOutcome> {
    if (this.#isStopped) return Promise.resolve({ outcome: 'not-confirmed', reason: 'closed' });
    if (this.#reads.length >= this.options.pendingReadsMax) {
      return Promise.resolve({ outcome: 'not-confirmed', reason: 'overloaded' });
    }
    return new Promise((settle) => {
      this.#reads.add(settle);
      this.#wake();
    });
  }

  /** Hands leadership to a member. True once it leads; false if that did not happen in two election timeouts. */
  transferLeadership(to: number): Promise<boolean> {
    if (this.#isStopped) return Promise.resolve(false);
    if (this.#soft.lead === to) return Promise.resolve(true);
    this.#raw.transferLeader(to);
    this.#wake();
    return this.#transfer.wait(to, this.options.electionTicks * 2);
  }

  /** Starts an election now. */
  campaign(): void {
    if (this.#isStopped) return;
    this.#raw.campaign();
    this.#wake();
  }

  status(): Status {
    return this.#raw.status();
  }

  /** Syncs and bytes of the log since the start. */
  logStatistics(): { fsyncCount: number; bytesWritten: number; firstIndex: number; lastIndex: number } {
    const { fsyncCount, bytesWritten, firstIndex, lastIndex } = this.log.wal;
    return { fsyncCount, bytesWritten, firstIndex, lastIndex };
  }

  /** Takes a snapshot of the state machine and cuts the log behind it, all but `trailingEntries`. */
  takeSnapshot(): Promise<SnapshotFile> {
    this.#snapshotting ??= this.#snapshot().finally(() => {
      this.#snapshotting = undefined;
    });
    return this.#snapshotting;
  }

  /** A follower needs a snapshot; failures show up when the core asks again. */
  requestSnapshot(): void {
    if (this.#isStopped || this.#snapshotting) return;
    this.takeSnapshot().catch((error) => this.#fail(error));
  }

  /**
   * Cuts the log up to and including `throughIndex`, which the state machine must hold durably by its own means.
   * A follower that needs what is gone gets a snapshot.
   */
  async compact(throughIndex: number): Promise<void> {
    const { storage, wal } = this.log;
    if (throughIndex > this.#applier.index) {
      throw new RaftNodeUsageError(`index ${throughIndex} is not applied yet, ${this.#applier.index} is the last`);
    }
    if (throughIndex < storage.firstIndex()) return;
    const file = storage.file && storage.file.index >= throughIndex ? storage.file : undefined;
    const meta = { applied: this.#applier.index, confState: storage.confState, file };
    const term = storage.term(throughIndex) as number;
    storage.file = file;
    storage.compact(throughIndex);
    await wal.compact(throughIndex, term, encodeLogMeta(meta));
  }

  /** Stops. What is pending becomes uncertain. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#stop('closed');
    await this.options.transport.close();
    await this.#snapshotting?.catch(() => undefined);
    if (!this.#failure) await this.#writer.flush();
    await this.log.wal.close();
  }

  async #begin(): Promise<void> {
    await this.options.transport.start({
      receive: (messages) => this.#receive(messages),
      unreachable: (peer) => {
        if (this.#isStopped) return;
        this.#raw.reportUnreachable(peer);
        this.#wake();
      },
      openSnapshotSink: async (message) => {
        if (!message.snapshot) throw new RaftNodeUsageError('a snapshot message without a snapshot');
        return this.log.snapshots.sink(decodeSnapshotFile(message.snapshot), () => this.#receive([message]));
      },
    });
    this.#stopTicks = this.options.clock.every(this.options.tickMs, () => this.#tick());
    this.#wake();
  }

  get #isStopped(): boolean {
    return this.#failure !== undefined || this.#closing !== undefined;
  }

  #tick(): void {
    if (this.#isStopped) return;
    this.#raw.tick();
    this.#reads.tick();
    this.#transfer.tick();
    this.#ticksSinceLoss++;
    if (this.#ticksSinceLoss === this.options.electionTicks * 2) this.#ledger.giveUpAll('leadership-lost');
    this.#pump();
  }

  #receive(messages: readonly Message[]): void {
    if (this.#isStopped) return;
    try {
      for (const message of messages) if (message.to === this.id) this.#raw.step(message);
    } catch (error) {
      this.#fail(error);
    }
    this.#pump();
  }

  #wake(): void {
    if (this.#pumpQueued) return;
    this.#pumpQueued = true;
    queueMicrotask(() => {
      this.#pumpQueued = false;
      this.#pump();
    });
  }

  /** D1. */
  #pump(): void {
    if (this.#isStopped) return;
    try {
      this.#propose();
      this.#reads.begin();
      while (this.#raw.hasReady()) this.#handle(this.#raw.ready());
    } catch (error) {
      this.#fail(error);
    }
  }

  #propose(): void {
    if (this.#proposals.length === 0) return;
    const waiting = this.#proposals;
    this.#proposals = [];
    this.#proposedBytes = 0;
    const result = this.#raw.proposeBatch(waiting.map((one) => one.data));
    if (result.outcome === 'appended') {
      const { index, term } = result;
      for (const [at, { settle }] of waiting.entries()) this.#ledger.place(index + at, term, settle);
      return;
    }
    const outcome = this.#refused(result);
    for (const { settle } of waiting) settle(outcome);
  }

  #refused(result: ReturnType<RawNode['propose']> & { outcome: 'dropped' | 'forwarded' }): ProposalOutcome<Result> {
    // D3: forwarding is switched off.
    if (result.outcome === 'forwarded') return { outcome: 'not-leader', leader: this.leader };
    const { reason } = result;
    if (reason === 'no-leader' || reason === 'forwarding-disabled')
      return { outcome: 'not-leader', leader: this.leader };
    return { outcome: 'dropped', reason };
  }

  #handle(ready: Ready): void {
    if (ready.softState) this.#changeLeadership(ready.softState);
    for (const { context, index } of ready.readStates) this.#reads.confirmed(context, index, this.#applier.index);
    const outgoing: Message[] = [];
    let append: Message | undefined;
    let apply: Message | undefined;
    for (const message of ready.messages) {
      if (message.type === MessageType.StorageAppend) append = message;
      else if (message.type === MessageType.StorageApply) apply = message;
      else if (message.type === MessageType.Snap) this.#sendSnapshot(message);
      else outgoing.push(message);
    }
    // D2: followers get the entries first, their disks are further away.
    if (outgoing.length > 0) this.options.transport.send(outgoing);
    if (append) this.#writer.write(ready, append);
    if (apply) {
      this.#applier.apply(apply);
      this.#snapshotIfDue();
    }
  }

  /** Responses of storage work: some are for the core, some for peers. */
  #deliver(responses: readonly Message[]): void {
    if (this.#isStopped) return;
    const outgoing: Message[] = [];
    for (const response of responses) {
      if (response.to === this.id) this.#raw.step(response);
      else outgoing.push(response);
    }
    if (outgoing.length > 0) this.options.transport.send(outgoing);
    this.#wake();
  }

  #changeLeadership(soft: SoftState): void {
    const led = this.isLeader;
    this.#soft = soft;
    if (this.isLeader) this.#ticksSinceLoss = Number.POSITIVE_INFINITY;
    else if (led) this.#ticksSinceLoss = 0;
    this.#transfer.leads(soft.lead);
    this.options.onLeadership(this.leader, this.isLeader, this.#raw.basicStatus().hardState.term);
  }

  async #sendSnapshotFile(message: Message): Promise<void> {
    const source = await this.log.snapshots.source(
      decodeSnapshotFile(message.snapshot as NonNullable<Message['snapshot']>),
    );
    try {
      await this.options.transport.sendSnapshot(message, source);
    } finally {
      await source.close();
    }
  }

  #sendSnapshot(message: Message): void {
    const report = (outcome: 'finish' | 'failure') => {
      if (this.#isStopped) return;
      this.#raw.reportSnapshot(message.to, outcome);
      this.#wake();
    };
    this.#sendSnapshotFile(message).then(
      () => report('finish'),
      (error) => {
        this.options.logger.warn(() => `snapshot to ${message.to} failed: ${error}`);
        report('failure');
      },
    );
  }

  /** A snapshot of the leader's is in the log: the state machine follows, between two jobs. */
  #restore({ file, applied }: LogMeta): Promise<void> {
    return new Promise((resolve) => {
      this.#applier.enqueue(async () => {
        if (file) await this.options.stateMachine.restore(this.log.snapshots.chunks(file), file.index);
        this.#applier.jumpTo(applied);
        this.#ledger.skippedTo(applied);
        if (file) await this.log.snapshots.removeOlder(file);
        resolve();
      });
    });
  }

  #snapshotIfDue(): void {
    const { snapshotEntries } = this.options;
    const last = this.log.storage.file?.index ?? this.log.storage.firstIndex() - 1;
    if (snapshotEntries > 0 && this.#applier.index - last >= snapshotEntries) this.requestSnapshot();
  }

  async #snapshot(): Promise<SnapshotFile> {
    const { storage, snapshots, wal } = this.log;
    const { point, chunks } = await this.#capture();
    const file = await snapshots.create(point, chunks);
    if (storage.file && storage.file.index >= file.index) return storage.file;
    const through = Math.max(storage.firstIndex() - 1, file.index - this.options.trailingEntries);
    const term = storage.term(through);
    // A newer snapshot of the leader's may have come in between; then this one is of no use.
    if (term === undefined || storage.firstIndex() - 1 > file.index) return file;
    storage.file = file;
    if (through >= storage.firstIndex()) storage.compact(through);
    await wal.compact(through, term, encodeLogMeta({ applied: file.index, confState: file.confState, file }));
    await snapshots.removeOlder(file);
    return file;
  }

  #capture(): Promise<{
    point: { index: number; term: number; confState: SnapshotFile['confState'] };
    chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  }> {
    return new Promise((resolve, reject) => {
      this.#applier.enqueue(async () => {
        const { storage } = this.log;
        const index = this.#applier.index;
        const point = { index, term: storage.term(index) as number, confState: storage.confState };
        try {
          resolve({ point, chunks: await this.options.stateMachine.snapshot() });
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  /** D4. */
  #fail(error: unknown): void {
    if (this.#isStopped) return;
    this.#failure = new RaftNodeFailedError(this.id, error);
    this.#stop('failed');
    this.options.transport.close().catch(() => undefined);
    this.options.onFailure(this.#failure);
  }

  #stop(reason: 'closed' | 'failed'): void {
    this.#stopTicks();
    const waiting = this.#proposals;
    this.#proposals = [];
    for (const { settle } of waiting) settle({ outcome: 'dropped', reason: 'closed' });
    this.#ledger.giveUpAll(reason);
    this.#reads.close();
    this.#transfer.close();
  }
}

function coreLimits<Result>(options: ResolvedNodeOptions<Result>) {
  return {
    random: options.random,
    electionTicks: options.electionTicks,
    heartbeatTicks: options.heartbeatTicks,
    asyncStorageWrites: true,
    messageBytesMax: options.messageBytesMax,
    committedBytesPerReadyMax: options.applyBytesMax,
    uncommittedBytesMax: options.pendingBytesMax,
    inflightMessagesMax: options.inflightMessagesMax,
    inflightBytesMax: Math.max(options.inflightBytesMax, options.messageBytesMax),
    checkQuorum: true,
    preVote: true,
    readOnly: options.readOnly,
    disableProposalForwarding: true,
    stepDownOnRemoval: true,
    logger: options.logger,
  };
}
