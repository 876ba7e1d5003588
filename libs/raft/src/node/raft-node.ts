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
import type { SnapshotFile } from './log-meta.js';
import { LogWriter } from './log-writer.js';
import { coreLimits, type RaftNodeOptions, type ResolvedNodeOptions, resolveNodeOptions } from './node-options.js';
import { type ProposalOutcome, RaftNodeFailedError, RaftNodeUsageError, type ReadOutcome } from './outcomes.js';
import { ProposalLedger, type WaitingProposal } from './proposals.js';
import { ReadBatcher } from './reads.js';
import { Snapshotter } from './snapshotter.js';
import { type OpenedLog, openLog } from './start.js';
import { Transfer } from './transfer.js';

export class RaftNode<Result = unknown> {
  readonly #raw: RawNode;
  readonly #writer: LogWriter;
  readonly #applier: Applier<Result>;
  readonly #ledger = new ProposalLedger<Result>();
  readonly #reads: ReadBatcher;
  readonly #snapshotter: Snapshotter<Result>;
  readonly #transfer = new Transfer();
  #proposals: WaitingProposal<Result>[] = [];
  #proposedBytes = 0;
  #soft: SoftState = { lead: NONE, role: Role.Follower };
  #ticksSinceLoss = Number.POSITIVE_INFINITY;
  #pumpQueued = false;
  #isPumping = false;
  #failure: RaftNodeFailedError | undefined;
  #closing: Promise<void> | undefined;
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
      await resolved.transport.close().catch(() => undefined);
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
    this.#writer = new LogWriter(log.wal, log.storage, (meta) => this.#snapshotter.restore(meta), deliver, failed);
    this.#applier = new Applier(
      options.stateMachine,
      {
        changeMembers: (change, index) => {
          // With its index: a snapshot may have overtaken the change.
          log.storage.confState = this.#raw.applyConfChange(change, index);
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
    const { stateMachine, transport, trailingEntries } = options;
    this.#snapshotter = new Snapshotter(log, this.#applier, stateMachine, transport, trailingEntries);
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

  get term(): number {
    return this.#raw.basicStatus().hardState.term;
  }

  /** True once it is closed, or has failed: it does nothing any more. */
  get isStopped(): boolean {
    return this.#failure !== undefined || this.#closing !== undefined;
  }

  get appliedIndex(): number {
    return this.#applier.index;
  }

  /** Proposes an entry. The promise never rejects; see the outcomes. @throws RaftNodeUsageError for an empty one */
  propose(data: Uint8Array): Promise<ProposalOutcome<Result>> {
    if (data.length === 0) throw new RaftNodeUsageError('an empty entry cannot be proposed');
    if (this.isStopped) return Promise.resolve({ outcome: 'dropped', reason: 'closed' });
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
    if (this.isStopped) return { outcome: 'dropped', reason: 'closed' };
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
    if (this.isStopped) return Promise.resolve({ outcome: 'not-confirmed', reason: 'closed' });
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
    if (this.isStopped) return Promise.resolve(false);
    if (this.#soft.lead === to) return Promise.resolve(true);
    this.#raw.transferLeader(to);
    this.#wake();
    return this.#transfer.wait(to, this.options.electionTicks * 2);
  }

  /** Starts an election now. */
  campaign(): void {
    if (this.isStopped) return;
    this.#raw.campaign();
    this.#wake();
  }

  status(): Status {
    return this.#raw.status();
  }

  /**
   * For how many ticks nothing has come of the oldest write of the log, and of what the state machine was last given (an
   * entry, or the wish for a snapshot); 0 while there is nothing to do. A snapshot that is taken over counts as neither.
   */
  stalls(): { writeTicks: number; applyTicks: number } {
    const { stalledTicks, restoring } = this.#writer;
    return { writeTicks: stalledTicks, applyTicks: restoring ? 0 : this.#applier.stalledTicks };
  }

  /** Syncs and bytes of the log since the start. */
  logStatistics(): { fsyncCount: number; bytesWritten: number; firstIndex: number; lastIndex: number } {
    const { fsyncCount, bytesWritten, firstIndex, lastIndex } = this.log.wal;
    return { fsyncCount, bytesWritten, firstIndex, lastIndex };
  }

  /** Takes a snapshot of the state machine and cuts the log behind it, all but `trailingEntries`. */
  takeSnapshot(): Promise<SnapshotFile> {
    return this.#snapshotter.take();
  }

  /** A follower needs a snapshot, or it is time for one. If none can be taken now, it is asked for again. */
  requestSnapshot(): void {
    if (this.isStopped || this.#snapshotter.taking) return;
    this.takeSnapshot().catch((error) => this.options.logger.warn(() => `no snapshot could be taken: ${error}`));
  }

  /**
   * Cuts the log up to and including `throughIndex`, which the state machine must hold durably by its own means.
   * A follower that needs what is gone gets a snapshot.
   */
  compact(throughIndex: number): Promise<void> {
    return this.#snapshotter.compact(throughIndex);
  }

  /** Stops. What is pending becomes uncertain. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#stop('closed');
    await this.options.transport.close();
    if (!this.#failure) {
      // The state machine finishes what it has begun; after a failure nobody can say whether it ever will.
      await new Promise<void>((resolve) => this.#applier.enqueue(resolve));
      await this.#snapshotter.taking?.catch(() => undefined);
      await this.#writer.flush().catch(() => undefined);
    }
    await this.log.wal.close();
  }

  async #begin(): Promise<void> {
    await this.options.transport.start({
      receive: (messages) => this.#receive(messages),
      unreachable: (peer) => this.#pump(() => this.#raw.reportUnreachable(peer)),
      disconnected: (peer) => this.#pump(() => this.#raw.reportDisconnected(peer)),
      openSnapshotSink: (message) => this.#snapshotter.receive(message, () => this.#receive([message])),
    });
    this.#stopTicks = this.options.clock.every(this.options.tickMs, () => this.#tick());
    this.#wake();
  }

  #tick(): void {
    if (this.isStopped) return;
    this.#transfer.tick();
    this.#writer.tick();
    this.#applier.tick();
    this.#ticksSinceLoss++;
    if (this.#ticksSinceLoss === this.options.electionTicks * 2) this.#ledger.giveUpAll('leadership-lost');
    this.#pump(() => {
      this.#raw.tick();
      this.#reads.tick();
    });
  }

  #receive(messages: readonly Message[]): void {
    this.#pump(() => {
      for (const message of messages) if (message.to === this.id) this.#raw.step(message);
    });
  }

  #wake(): void {
    if (this.#pumpQueued) return;
    this.#pumpQueued = true;
    queueMicrotask(() => {
      this.#pumpQueued = false;
      this.#pump();
    });
  }

  /** D1. @param input what is given to the core first */
  #pump(input: () => void = () => undefined): void {
    if (this.isStopped) return;
    if (this.#isPumping) {
      // Work that is handed out makes somebody call at once: this Ready is to be finished before the next begins.
      queueMicrotask(() => this.#pump(input));
      return;
    }
    this.#isPumping = true;
    try {
      input();
      this.#propose();
      this.#reads.begin();
      while (this.#raw.hasReady()) this.#handle(this.#raw.ready());
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#isPumping = false;
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
    if (this.isStopped) return;
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

  #sendSnapshot(message: Message): void {
    const report = (outcome: 'finish' | 'failure') => {
      this.#pump(() => this.#raw.reportSnapshot(message.to, outcome));
    };
    this.#snapshotter.send(message).then(
      () => report('finish'),
      (error) => {
        this.options.logger.warn(() => `snapshot to ${message.to} failed: ${error}`);
        report('failure');
      },
    );
  }

  #snapshotIfDue(): void {
    const { snapshotEntries } = this.options;
    if (snapshotEntries > 0 && this.#snapshotter.entriesSince >= snapshotEntries) this.requestSnapshot();
  }

  /** D4. */
  #fail(error: unknown): void {
    if (this.isStopped) return;
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
