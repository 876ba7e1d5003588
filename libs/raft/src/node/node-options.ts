import { randomInt } from 'node:crypto';
import type { ReadOnlyMode } from '../core/config.js';
import type { Logger } from '../core/logger.js';
import { silentLogger } from '../core/logger.js';
import type { Transport } from '../transport/transport.js';
import type { Disk } from '../wal/disk.js';
import { type Clock, systemClock } from './clock.js';
import type { StateMachine } from './state-machine.js';

export interface RaftNodeOptions<Result = unknown> {
  /** Own id, never used before for another log. */
  id: number;
  /** Holds the log and the snapshots of this node alone. */
  directory: string;
  transport: Transport;
  stateMachine: StateMachine<Result>;
  /** The members a new cluster begins with, the same on each of them. Leave it out for a node that joins later. */
  bootstrap?: { voters: readonly number[]; learners?: readonly number[] };

  /** Length of a tick; 100 ms. */
  tickMs?: number;
  /** A follower campaigns after 10 to 20 ticks without a leader. */
  electionTicks?: number;
  /** A leader sends heartbeats every tick. */
  heartbeatTicks?: number;
  /** A read that is not confirmed after 50 ticks is given up. */
  readTimeoutTicks?: number;
  readOnly?: ReadOnlyMode;

  /** Bound on proposals that wait for their outcome; 65,536. */
  pendingProposalsMax?: number;
  /** Bound on the bytes of proposals not yet applied, on the leader; 64 MiB. */
  pendingBytesMax?: number;
  /** Bound on reads that wait; 65,536. */
  pendingReadsMax?: number;
  /** Bound on the entries of one message; 1 MiB. */
  messageBytesMax?: number;
  /** Bound on appends on their way to one peer, in messages and bytes; 256 and 32 MiB. */
  inflightMessagesMax?: number;
  inflightBytesMax?: number;
  /** Bound on entries handed to the state machine at a time; 4 MiB. */
  applyBytesMax?: number;

  /** A snapshot is taken, and the log cut, after so many entries; 0 for never (the caller compacts). 100,000. */
  snapshotEntries?: number;
  /** Entries kept below a snapshot for followers that lag; 10,000. */
  trailingEntries?: number;
  /** Size of a log segment; 64 MiB. */
  segmentBytes?: number;

  disk?: Disk;
  clock?: Clock;
  /** An integer in [0, bound). */
  random?: (bound: number) => number;
  logger?: Logger;
  /** The node has stopped for good, see RaftNodeFailedError. The process is to exit. */
  onFailure?: (error: Error) => void;
  /** Told of every flush of the log, when it is durable: how long it took, in ms, and how many bytes it made durable. */
  onFlush?: (durationMs: number, bytes: number) => void;
  /** Another leader or role. */
  onLeadership?: (leader: number | undefined, isLeader: boolean, term: number) => void;
}

export type ResolvedNodeOptions<Result> = Required<
  Omit<RaftNodeOptions<Result>, 'disk' | 'bootstrap' | 'segmentBytes'>
> &
  Pick<RaftNodeOptions<Result>, 'disk' | 'bootstrap' | 'segmentBytes'>;

const MIB = 1024 * 1024;

export function resolveNodeOptions<Result>(options: RaftNodeOptions<Result>): ResolvedNodeOptions<Result> {
  return {
    tickMs: 100,
    electionTicks: 10,
    heartbeatTicks: 1,
    readTimeoutTicks: 50,
    readOnly: 'safe',
    pendingProposalsMax: 65_536,
    pendingBytesMax: 64 * MIB,
    pendingReadsMax: 65_536,
    messageBytesMax: MIB,
    inflightMessagesMax: 256,
    inflightBytesMax: 32 * MIB,
    applyBytesMax: 4 * MIB,
    snapshotEntries: 100_000,
    trailingEntries: 10_000,
    clock: systemClock,
    random: (bound) => randomInt(bound),
    logger: silentLogger,
    onFailure: () => undefined,
    onFlush: () => undefined,
    onLeadership: () => undefined,
    ...options,
  };
}

/** What the options mean for the core. */
export function coreLimits<Result>(options: ResolvedNodeOptions<Result>) {
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
