import { RaftConfigError } from './errors.js';
import { Logger, silentLogger } from './logger.js';
import { INDEX_MAX, isLocalTarget, UNLIMITED } from './messages.js';
import { Storage } from './storage.js';

export type ReadOnlyMode = 'safe' | 'lease-based';

export interface RaftConfig {
  /** Own id: a positive safe integer below 2^52, never reused for another log. */
  readonly id: number;
  readonly storage: Storage;
  /**
   * Source of randomness: an integer in [0, bound). Used for election timeouts only; a seeded one makes a run repeatable.
   */
  readonly random: (bound: number) => number;
  /** Ticks without a leader before a follower campaigns; actual timeouts are drawn from [electionTicks, 2 × electionTicks). */
  readonly electionTicks: number;
  /** Ticks between a leader's heartbeats. Below electionTicks; a tenth of it is customary. */
  readonly heartbeatTicks: number;
  /** Highest index already applied by the caller; nothing up to it is handed out again. Default: the snapshot's index. */
  readonly applied?: number;
  /** Hand storage work out as messages that may be pipelined, instead of by ready/advance. Default false. */
  readonly asyncStorageWrites?: boolean;
  /**
   * Hand out committed entries that are not yet known to be durable here. Default: the opposite of asyncStorageWrites,
   * since within one Ready the caller writes `entries` before it applies `committedEntries`.
   */
  readonly applyUnstableEntries?: boolean;
  /** Bound on the entries of one append message, in bytes; 0 means one entry per message. Default unlimited. */
  readonly messageBytesMax?: number;
  /** Bound on entries handed out for application and not yet acknowledged, in bytes. Default messageBytesMax. */
  readonly committedBytesPerReadyMax?: number;
  /** Bound on proposed payload bytes not yet applied on the leader; 0 means none. Default 0. */
  readonly uncommittedBytesMax?: number;
  /** Bound on append messages in flight to one peer. Default 256. */
  readonly inflightMessagesMax?: number;
  /** Bound on append bytes in flight to one peer; 0 means none. Not below messageBytesMax. Default 0. */
  readonly inflightBytesMax?: number;
  /** A leader steps down when it has not heard from a quorum for an election timeout. Default false. */
  readonly checkQuorum?: boolean;
  /** Ask whether an election could be won before starting one. Default false. */
  readonly preVote?: boolean;
  /** How linearizable reads are confirmed. 'lease-based' needs checkQuorum and trusts clocks. Default 'safe'. */
  readonly readOnly?: ReadOnlyMode;
  /** Followers drop proposals instead of sending them on to the leader. Default false. */
  readonly disableProposalForwarding?: boolean;
  /** Skip the checks on configuration changes at proposal. Only for callers that order and check them elsewhere. */
  readonly disableConfChangeValidation?: boolean;
  /**
   * A leader that is removed or demoted becomes a follower when it applies that. Otherwise it leads on, until it is stopped
   * or another is elected. Default true.
   */
  readonly stepDownOnRemoval?: boolean;
  /**
   * Where this library differs from etcd-raft for safety's sake (docs/core.md), do as that one does: for replaying scenario
   * files recorded from it, never for real data. Default false.
   */
  readonly etcdCompatibility?: boolean;
  readonly logger?: Logger;
}

export type ResolvedConfig = Required<RaftConfig>;

/** Fills in defaults. Throws RaftConfigError where the values cannot work together. */
export function resolveConfig(config: RaftConfig): ResolvedConfig {
  const messageBytesMax = config.messageBytesMax ?? UNLIMITED;
  const asyncStorageWrites = config.asyncStorageWrites ?? false;
  const resolved: ResolvedConfig = {
    id: config.id,
    storage: config.storage,
    random: config.random,
    electionTicks: config.electionTicks,
    heartbeatTicks: config.heartbeatTicks,
    applied: config.applied ?? 0,
    asyncStorageWrites,
    applyUnstableEntries: config.applyUnstableEntries ?? !asyncStorageWrites,
    messageBytesMax,
    committedBytesPerReadyMax: Math.max(1, config.committedBytesPerReadyMax || messageBytesMax),
    uncommittedBytesMax: config.uncommittedBytesMax || UNLIMITED,
    inflightMessagesMax: config.inflightMessagesMax ?? 256,
    inflightBytesMax: config.inflightBytesMax || UNLIMITED,
    checkQuorum: config.checkQuorum ?? false,
    preVote: config.preVote ?? false,
    readOnly: config.readOnly ?? 'safe',
    disableProposalForwarding: config.disableProposalForwarding ?? false,
    disableConfChangeValidation: config.disableConfChangeValidation ?? false,
    stepDownOnRemoval: config.stepDownOnRemoval ?? true,
    etcdCompatibility: config.etcdCompatibility ?? false,
    logger: config.logger ?? silentLogger,
  };
  validate(resolved);
  return resolved;
}

function validate(config: ResolvedConfig): void {
  const requireThat = (condition: boolean, text: string) => {
    if (!condition) throw new RaftConfigError(text);
  };
  requireThat(Number.isSafeInteger(config.id) && config.id > 0, 'the id must be a positive integer');
  requireThat(!isLocalTarget(config.id) && config.id <= INDEX_MAX, 'the id is reserved');
  requireThat(isCount(config.heartbeatTicks) && config.heartbeatTicks > 0, 'heartbeatTicks must be above 0');
  requireThat(isCount(config.electionTicks), 'electionTicks must be an integer');
  requireThat(config.electionTicks > config.heartbeatTicks, 'electionTicks must be above heartbeatTicks');
  requireThat(isCount(config.applied), 'applied must be an index');
  requireThat(isCount(config.messageBytesMax), 'messageBytesMax must be a number of bytes');
  requireThat(isCount(config.inflightMessagesMax) && config.inflightMessagesMax > 0, 'inflightMessagesMax is too low');
  requireThat(
    config.inflightBytesMax >= config.messageBytesMax || config.messageBytesMax === UNLIMITED,
    'inflightBytesMax must not be below messageBytesMax',
  );
  requireThat(config.readOnly !== 'lease-based' || config.checkQuorum, 'lease-based reads need checkQuorum');
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
