/**
 * One simulated process: the core, its disk and its state machine, all of which a crash can take away or set back.
 *
 * Owns: what survives a crash (`#storage`), and what does not. Does not own: when things happen; that is the event
 * queue's, and the network's.
 *
 * The disk takes time. What was handed to it and not yet reported done may, in a crash, have reached it or not; of several
 * such writes always the first ones. A commit index written without sync may fall back.
 */
import { decodeConfChange } from '../confchange/conf-change.js';
import { RaftConfig } from '../core/config.js';
import {
  ConfState,
  Entry,
  EntryType,
  HardState,
  isEmptyHardState,
  isLocalTarget,
  Message,
  MessageType,
  Snapshot,
} from '../core/messages.js';
import { RawNode } from '../core/raw-node.js';
import { Ready, Role } from '../core/ready.js';
import { MemoryStorage } from '../log/memory-storage.js';
import { Checker, NodeView } from './checkers/checker.js';
import { EventQueue } from './event-queue.js';
import { SeededRandom } from './random.js';
import { Registers } from './register.js';

export const ELECTION_TICKS = 10;

export interface NodeTuning
  extends Pick<
    RaftConfig,
    | 'preVote'
    | 'checkQuorum'
    | 'stepDownOnRemoval'
    | 'disableProposalForwarding'
    | 'messageBytesMax'
    | 'inflightMessagesMax'
    | 'inflightBytesMax'
    | 'committedBytesPerReadyMax'
    | 'uncommittedBytesMax'
    | 'heartbeatTicks'
  > {
  readonly heartbeatTicks: number;
  /** Entries between two snapshots. */
  readonly snapshotEvery: number;
  /** Entries kept behind a snapshot when the log is cut. */
  readonly keepEntries: number;
  readonly diskMsMax: number;
}

/** What the nodes replicate. */
export interface SimulatedStateMachine {
  /** In the order of the log; a leader begins its term with an entry without data. */
  apply(entry: Entry): void;
  /** What a snapshot holds; `World.restore` reads it. */
  encode(): Uint8Array;
}

/** What a node needs of the world around it. */
export interface World<M extends SimulatedStateMachine = Registers> {
  readonly queue: EventQueue;
  readonly random: SeededRandom;
  readonly checkers: readonly Checker[];
  send(message: Message): void;
  /** The state machine as a snapshot holds it. */
  restore(data: Uint8Array): M;
  /** The state machine of a node now stands at this index, by restart or snapshot. */
  restored(node: number, index: number): void;
  applied(node: number, entry: Entry): void;
  readAnswered(node: number, context: Uint8Array, index: number): void;
}

/** A write on its way to the disk. */
interface PendingWrite {
  readonly hardState: HardState | undefined;
  readonly entries: readonly Entry[];
  readonly snapshot: Snapshot | undefined;
  readonly mustSync: boolean;
}

/** Makes a snapshot when one is asked for: an old one might not know the member that it is for. */
class NodeStorage extends MemoryStorage {
  refresh: () => void = () => undefined;

  override snapshot(): Snapshot | undefined {
    this.refresh();
    return this.stored();
  }

  stored(): Snapshot {
    return super.snapshot() as Snapshot;
  }
}

export class SimulatedNode<M extends SimulatedStateMachine = Registers> {
  core: RawNode | undefined;
  machine!: M;
  appliedIndex = 0;
  confState: ConfState;
  /** Multiplies the length of a tick. */
  clockSkew = 1;
  /** Held up: what arrives waits. */
  isPaused = false;
  #waiting: (() => void)[] = [];
  readonly #storage = new NodeStorage();
  #syncedCommit = 0;
  /** Index → entry of the log as handed out by the core: what it believes to have. */
  #believed: Entry[] = [];
  #believedFrom = 1;
  #pendingWrites: PendingWrite[] = [];
  /** Without asynchronous writes: a Ready is being worked on. */
  #isBusy = false;
  #diskFreeAtMs = 0;
  #applyFreeAtMs = 0;
  /** Grows with each crash: what was scheduled before it is void. */
  #incarnation = 0;
  #lastSnapshotIndex: number;

  constructor(
    readonly id: number,
    readonly isAsync: boolean,
    private readonly tuning: NodeTuning,
    private readonly world: World<M>,
    initial: Snapshot | undefined,
  ) {
    if (initial) this.#storage.applySnapshot(initial);
    this.#lastSnapshotIndex = initial?.index ?? 0;
    this.#storage.refresh = () => this.#takeSnapshot();
    this.confState = this.#storage.initialState().confState;
    this.start();
  }

  get isRunning(): boolean {
    return this.core !== undefined;
  }

  get isLeader(): boolean {
    return this.core?.basicStatus().softState.role === Role.Leader;
  }

  /** Starts, or starts again, from what the disk holds. */
  start(): void {
    if (this.core) return;
    const snapshot = this.#storage.stored();
    this.appliedIndex = snapshot.index;
    this.confState = snapshot.confState;
    this.machine = this.world.restore(snapshot.data);
    this.#believedFrom = this.#storage.firstIndex();
    this.#believed = [...(this.#storage.entries(this.#believedFrom, this.#storage.lastIndex() + 1, Infinity) ?? [])];
    this.world.restored(this.id, this.appliedIndex);
    const { snapshotEvery: _, keepEntries: __, diskMsMax: ___, ...tuning } = this.tuning;
    this.core = new RawNode({
      ...tuning,
      id: this.id,
      storage: this.#storage,
      electionTicks: ELECTION_TICKS,
      random: (bound) => this.world.random.below(bound),
      applied: snapshot.index,
      asyncStorageWrites: this.isAsync,
    });
  }

  /** Pulls the plug. */
  crash(): void {
    if (!this.core) return;
    this.core = undefined;
    this.#incarnation++;
    this.#isBusy = false;
    this.#waiting = [];
    const survivors = this.world.random.below(this.#pendingWrites.length + 1);
    for (const write of this.#pendingWrites.slice(0, survivors)) this.#persist(write);
    this.#pendingWrites = [];
    if (this.world.random.chance(0.5)) this.#loseUnsyncedCommit();
  }

  #loseUnsyncedCommit(): void {
    const { hardState } = this.#storage;
    if (isEmptyHardState(hardState)) return;
    const commit = Math.max(this.#syncedCommit, this.#storage.firstIndex() - 1, this.#lastSnapshotIndex);
    this.#storage.hardState = { ...hardState, commit: Math.min(commit, hardState.commit) };
  }

  resume(): void {
    this.isPaused = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const input of waiting) input();
  }

  /** Does something with the core, now or when the pause is over, and works off what follows from it. */
  input(action: (core: RawNode) => void): void {
    if (!this.core) return;
    if (this.isPaused) {
      this.#waiting.push(() => this.input(action));
      return;
    }
    action(this.core);
    this.#work();
  }

  view(): NodeView {
    const storage = this.#storage;
    return {
      id: this.id,
      compactedIndex: this.#believedFrom - 1,
      lastIndex: this.#believedFrom + this.#believed.length - 1,
      entryAt: (index) => this.#believed[index - this.#believedFrom],
      durable: {
        lastIndex: storage.lastIndex(),
        hardState: storage.hardState,
        termAt: (index) => storage.term(index),
      },
    };
  }

  #work(): void {
    while (this.core?.hasReady() && !this.#isBusy) this.#handle(this.core, this.core.ready());
  }

  #handle(core: RawNode, ready: Ready): void {
    this.#believe(ready);
    const view = this.view();
    const { softState, hardState } = core.basicStatus();
    for (const checker of this.world.checkers) {
      if (ready.entries.length > 0) checker.onAppend?.(view, ready.entries);
      if (ready.hardState) checker.onCommit?.(view, ready.hardState.commit, ready.hardState.term);
      if (softState.role === Role.Leader) checker.onLeader?.(view, hardState.term);
    }
    for (const { context, index } of ready.readStates) this.world.readAnswered(this.id, context, index);
    if (this.isAsync) this.#dispatch(ready.messages);
    else this.#finishLater(core, ready);
  }

  #believe({ entries, snapshot }: Ready): void {
    if (snapshot) {
      this.#believed = [];
      this.#believedFrom = snapshot.index + 1;
    }
    const [first] = entries;
    if (!first) return;
    this.#believed.length = first.index - this.#believedFrom;
    for (const entry of entries) this.#believed.push(entry);
  }

  #dispatch(messages: readonly Message[]): void {
    for (const message of messages) {
      switch (message.type) {
        case MessageType.StorageAppend:
          this.#append(message);
          break;
        case MessageType.StorageApply:
          this.#applyFreeAtMs = Math.max(this.#applyFreeAtMs, this.world.queue.nowMs + this.world.random.below(4));
          this.#at(this.#applyFreeAtMs, () => {
            this.#apply(message.entries);
            this.#respond(message);
          });
          break;
        default:
          this.#send(message);
      }
    }
  }

  #append(message: Message): void {
    const { term, vote, commit, entries, snapshot } = message;
    const hardState = term === 0 ? undefined : { term, vote, commit };
    const write = { hardState, entries, snapshot, mustSync: message.responses.length > 0 };
    this.#pendingWrites.push(write);
    this.#at(this.#diskDoneAtMs(), () => {
      this.#persist(this.#pendingWrites.shift() as PendingWrite);
      this.#respond(message);
    });
  }

  /** Without asynchronous writes: write, then send, then apply, then advance. */
  #finishLater(core: RawNode, ready: Ready): void {
    const { hardState, entries, snapshot, mustSync } = ready;
    this.#isBusy = true;
    const write = { hardState, entries, snapshot, mustSync: mustSync || snapshot !== undefined };
    this.#pendingWrites.push(write);
    this.#at(this.#diskDoneAtMs(), () => {
      this.#persist(this.#pendingWrites.shift() as PendingWrite);
      for (const message of ready.messages) this.#send(message);
      this.#apply(ready.committedEntries);
      this.#isBusy = false;
      core.advance();
      this.#work();
    });
  }

  #persist({ hardState, entries, snapshot, mustSync }: PendingWrite): void {
    if (snapshot && snapshot.index > this.#storage.stored().index) {
      this.#storage.applySnapshot(snapshot);
      this.#lastSnapshotIndex = snapshot.index;
      if (this.core) this.#install(snapshot);
    }
    this.#storage.append(entries);
    if (hardState) this.#storage.hardState = hardState;
    // A sync covers everything written before it.
    if (mustSync) this.#syncedCommit = this.#storage.hardState.commit;
  }

  #install(snapshot: Snapshot): void {
    this.machine = this.world.restore(snapshot.data);
    this.confState = snapshot.confState;
    this.appliedIndex = snapshot.index;
    this.world.restored(this.id, snapshot.index);
  }

  #apply(entries: readonly Entry[]): void {
    for (const entry of entries) {
      // A snapshot has overtaken what was still waiting to be applied.
      if (!this.core || entry.index <= this.appliedIndex) continue;
      for (const checker of this.world.checkers) checker.onApply?.(this.view(), entry);
      if (entry.type !== EntryType.Normal) {
        this.confState = this.core.applyConfChange(decodeConfChange(entry.type, entry.data), entry.index);
      } else {
        this.machine.apply(entry);
      }
      this.appliedIndex = entry.index;
      this.world.applied(this.id, entry);
    }
    if (this.appliedIndex - this.#lastSnapshotIndex < this.tuning.snapshotEvery) return;
    this.#takeSnapshot();
    this.#cutLog();
  }

  #takeSnapshot(): void {
    const storage = this.#storage;
    if (this.appliedIndex <= storage.stored().index || storage.term(this.appliedIndex) === undefined) return;
    storage.createSnapshot(this.appliedIndex, this.confState, this.machine.encode());
    this.#lastSnapshotIndex = this.appliedIndex;
  }

  #cutLog(): void {
    const storage = this.#storage;
    const cut = this.#lastSnapshotIndex - this.tuning.keepEntries;
    if (cut < storage.firstIndex()) return;
    storage.compact(cut);
    // A snapshot may be on its way to the disk that has put the log behind the cut already.
    if (cut < this.#believedFrom) return;
    this.#believed = this.#believed.slice(cut + 1 - this.#believedFrom);
    this.#believedFrom = cut + 1;
  }

  #respond(work: Message): void {
    for (const response of work.responses) this.#send(response);
    this.#work();
  }

  /** To another node over the network; to ourselves at once. */
  #send(message: Message): void {
    if (message.to === this.id) {
      this.core?.step(message);
      return;
    }
    if (isLocalTarget(message.to)) return;
    for (const checker of this.world.checkers) checker.onSend?.(this.view(), message);
    this.world.send(message);
  }

  /** The disk works one write after the other, so that they are reported in order. */
  #diskDoneAtMs(): number {
    const { queue, random } = this.world;
    this.#diskFreeAtMs = Math.max(this.#diskFreeAtMs, queue.nowMs + random.below(this.tuning.diskMsMax + 1));
    return this.#diskFreeAtMs;
  }

  /** Unless the node crashes first; if it is paused then, once that is over. */
  #at(atMs: number, run: () => void): void {
    const incarnation = this.#incarnation;
    const attempt = () => {
      if (incarnation !== this.#incarnation) return;
      if (this.isPaused) this.#waiting.push(attempt);
      else run();
    };
    this.world.queue.after(atMs - this.world.queue.nowMs, attempt);
  }
}
