import {
  type ConfState,
  type Disk,
  type Entry,
  RaftNode,
  type Status,
  systemClock,
  type Transport,
} from '@concordat/raft';
import type { DecisionLog, DecisionLogListener } from '../engine/decision-log.js';
import type { LogStalls } from '../engine/liveness.js';
import { within } from '../engine/within.js';

/** Entries kept below what Postgres holds, for members that lag a little: they need no snapshot then. */
export const TRAILING_ENTRIES = 20_000;
/**
 * The log goes away by whole segments. Between two cuts it is some 40,000 entries of about half a KiB, which is little more
 * than one of these.
 */
export const SEGMENT_BYTES = 16 * 1024 * 1024;

export interface RaftLogOptions {
  readonly directory: string;
  readonly raftId: number;
  readonly memberId: string;
  readonly transport: Transport;
  /** Shortest election timeout in ms; the longest is twice that. */
  readonly electionTimeoutMs: number;
  /** Whether the cluster has removed this member; never, unless told. */
  readonly isRemoved?: () => boolean;
  /** Where the log is kept; the real disk unless told. */
  readonly disk?: Disk;
}

/** How long an entry that may wait does, in ms, for one that may not: a flush and a round of messages less. */
const GATHER_MS = 20;
/** How long a transfer waits for what was proposed before it, in ms. */
const TRANSFER_GRACE_MS = 1000;
const ELECTION_TICKS = 10;
/** How long closing waits for what was proposed: without a quorum it may never be settled. */
const CLOSE_GRACE_MS = 2000;
const PENDING_PROPOSALS_MAX = 200_000;
const PENDING_BYTES_MAX = 512 * 1024 * 1024;

/**
 * The decision log of a cluster: the Raft library behind the port. Forwarding of proposals and lease reads stay off
 * (design §2), so that an entry is of the term of the leader that made it (D2) and a paused process never reads stale.
 */
export class RaftLog implements DecisionLog {
  /** The voters that a new log begins with; undefined for one that has begun or joins. */
  bootstrapVoters: readonly number[] | undefined;
  /** Told how long each write of the log took until it was durable, in ms. */
  onFlush: (durationMs: number) => void = () => undefined;
  /** Leaderships that began, as far as this replica has heard. */
  leaderChanges = 0;
  #heardOf: string | undefined;
  #node: RaftNode<undefined> | undefined;
  #listener: DecisionLogListener | undefined;
  /** The term whose leadership the listener knows of. */
  #announcedTerm: number | undefined;
  #syncing = false;
  #closing = false;
  /** Entries of the present term that wait for the end of a transfer. */
  #held: Uint8Array[] | undefined;
  #lastProposal: Promise<void> = Promise.resolve();
  /** Entries of the present term that wait for the next one. */
  readonly #gathered: Uint8Array[] = [];
  #gathering: NodeJS.Timeout | undefined;
  #tickedAt = 0;

  constructor(private readonly options: RaftLogOptions) {}

  get memberId(): string {
    return this.options.memberId;
  }

  get lastIndex(): number {
    return this.#node?.logStatistics().lastIndex ?? 0;
  }

  get appliedIndex(): number {
    return this.#node?.appliedIndex ?? 0;
  }

  get fsyncCount(): number {
    return this.#node?.logStatistics().fsyncCount ?? 0;
  }

  get bytesWritten(): number {
    return this.#node?.logStatistics().bytesWritten ?? 0;
  }

  /** By its id in the log; undefined while none is known. */
  get leaderId(): number | undefined {
    return this.#node?.leader;
  }

  get leaderKnown(): boolean {
    return this.leaderId !== undefined;
  }

  get removed(): boolean {
    return this.options.isRemoved?.() ?? false;
  }

  get leads(): boolean {
    return this.#node?.isLeader ?? false;
  }

  get node(): RaftNode<undefined> | undefined {
    return this.#node;
  }

  status(): Status | undefined {
    return this.#node?.status();
  }

  /** How long each part has stood still, in ms; zeros before the start and while it closes. */
  stalls(): LogStalls {
    if (!this.#node || this.#closing) return { tickMs: 0, writeMs: 0, applyMs: 0 };
    const { writeTicks, applyTicks } = this.#node.stalls();
    return {
      tickMs: performance.now() - this.#tickedAt,
      writeMs: writeTicks * this.#tickMs,
      applyMs: applyTicks * this.#tickMs,
    };
  }

  get #tickMs(): number {
    return this.options.electionTimeoutMs / ELECTION_TICKS;
  }

  confState(): ConfState | undefined {
    return this.status()?.confState;
  }

  async start(appliedIndex: number, listener: DecisionLogListener): Promise<void> {
    this.#listener = listener;
    const { directory, raftId, transport, disk } = this.options;
    this.#tickedAt = performance.now();
    const voters = this.bootstrapVoters;
    this.#node = await RaftNode.start<undefined>({
      id: raftId,
      directory,
      transport,
      ...(voters && { bootstrap: { voters } }),
      ...(disk && { disk }),
      tickMs: this.#tickMs,
      clock: { every: (periodMs, tick) => systemClock.every(periodMs, () => this.#tick(tick)) },
      electionTicks: ELECTION_TICKS,
      heartbeatTicks: 1,
      readOnly: 'safe',
      pendingProposalsMax: PENDING_PROPOSALS_MAX,
      pendingBytesMax: PENDING_BYTES_MAX,
      segmentBytes: SEGMENT_BYTES,
      snapshotEntries: 0, // cut by `compact`, behind what Postgres holds
      stateMachine: {
        appliedIndex: () => appliedIndex,
        apply: (entries) => this.#apply(entries),
        snapshot: () => listener.onSnapshot(),
        restore: (chunks) => listener.onRestore(chunks),
      },
      onFlush: (durationMs) => this.onFlush(durationMs),
      onLeadership: (leader, _isLeader, inTerm) => {
        this.#noteLeader(leader, inTerm);
        this.#syncSoon();
      },
      onFailure: (error) => listener.onFailure(error),
    });
    const { voters: now } = this.#node.status().confState;
    if (now.length === 1 && now[0] === raftId) this.#node.campaign(); // nobody else to wait for
    this.#syncSoon();
  }

  #tick(tick: () => void): void {
    this.#tickedAt = performance.now();
    tick();
  }

  propose(term: number, data: Uint8Array, mayWait = false): boolean {
    if (!this.#takes(term)) return false;
    this.#gathered.push(data);
    if (mayWait) this.#gathering ??= setTimeout(() => this.#release(), GATHER_MS);
    else this.#release();
    return true;
  }

  /** D2: in the term of the proposer or not at all, even in the moment before it hears that its leadership has passed. */
  #takes(term: number): boolean {
    const node = this.#node;
    return !this.#closing && !!node?.isLeader && term === this.#announcedTerm && term === node.term;
  }

  /** Hands over what has gathered, in its order; D2: or drops it, where its term is over. */
  #release(): void {
    const term = this.#announcedTerm;
    const node = this.#node;
    const entries = this.#takeGathered();
    if (!node || term === undefined || !this.#takes(term)) return;
    for (const data of entries) {
      if (this.#held) this.#held.push(data);
      else this.#hand(node, term, data);
    }
  }

  #takeGathered(): Uint8Array[] {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    return this.#gathered.splice(0);
  }

  #hand(node: RaftNode<undefined>, term: number, data: Uint8Array): void {
    // What comes of it is heard from `apply`, or settled by the first entry of a later term. What is dropped while this
    // replica still leads would leave a settled decision without an entry: the bounds are beyond what admission lets in.
    this.#lastProposal = node.propose(data).then(({ outcome }) => {
      if (outcome === 'dropped' && node.isLeader && this.#announcedTerm === term && !this.#closing) {
        this.#listener?.onFailure(new Error('the decision log had no room for an entry'));
      }
    });
  }

  async readIndex(): Promise<boolean> {
    const outcome = await this.#node?.read();
    return outcome?.outcome === 'ready';
  }

  async compact(throughIndex: number): Promise<void> {
    const through = throughIndex - TRAILING_ENTRIES;
    if (through > 1) await this.#node?.compact(through);
  }

  async handOver(): Promise<void> {
    if (!this.leads) return;
    const voters = this.status()?.confState.voters ?? [];
    const [best] = (this.status()?.peers ?? [])
      .filter(({ id, recentActive }) => id !== this.options.raftId && recentActive && voters.includes(id))
      .sort((a, b) => b.match - a.match);
    if (best) await this.transferTo(best.id);
  }

  /**
   * Hands leadership to a voter. Raft drops what is proposed meanwhile, and a settled decision may not be dropped while
   * its leader leads on: new entries wait until the transfer has gone through, or has failed.
   * @returns whether that voter leads now
   */
  async transferTo(raftId: number): Promise<boolean> {
    const node = this.#node;
    if (!node?.isLeader || this.#held) return node?.leader === raftId;
    const { term } = node;
    this.#release();
    const held: Uint8Array[] = [];
    this.#held = held;
    try {
      await within(this.#lastProposal, TRANSFER_GRACE_MS); // what is under way comes first
      return await node.transferLeadership(raftId);
    } finally {
      this.#held = undefined;
      if (node.isLeader && node.term === term) for (const data of held) this.#hand(node, term, data);
    }
  }

  async close(): Promise<void> {
    this.#release();
    this.#closing = true;
    // D10: what was proposed is applied and its callers are answered, in order, so the last one stands for all.
    await within(this.#lastProposal, CLOSE_GRACE_MS);
    await this.#node?.close();
  }

  #apply(entries: readonly Entry[]): undefined[] {
    this.#listener?.onApply(entries);
    this.#sync(); // the term may have changed without a change of role
    return new Array(entries.length).fill(undefined);
  }

  #noteLeader(leader: number | undefined, term: number): void {
    const heard = `${leader} of ${term}`;
    if (leader === undefined || heard === this.#heardOf) return;
    this.#heardOf = heard;
    this.leaderChanges += 1;
  }

  /** Never from within the core's own step. */
  #syncSoon(): void {
    if (this.#syncing) return;
    this.#syncing = true;
    queueMicrotask(() => {
      this.#syncing = false;
      this.#sync();
    });
  }

  #sync(): void {
    const node = this.#node;
    if (!node) return;
    const term = node.isLeader ? node.term : undefined;
    if (term === this.#announcedTerm) return;
    if (this.#announcedTerm !== undefined) this.#listener?.onFollowing();
    this.#announcedTerm = term;
    this.#takeGathered(); // D2: what an earlier term has left is not proposed in this one
    if (term !== undefined) this.#listener?.onLeading(term);
  }
}
