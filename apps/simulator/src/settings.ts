/** Everything about a run that is drawn from its seed before it begins. */
import type { Isolation } from '@concordat/protocol';
import type { NetworkConditions, NodeTuning, SeededRandom } from '@concordat/raft/simulator';

/** Length of a tick of Raft where the clock is not skewed, in ms. */
export const TICK_MS = 10;
/** Bounded, so that a run that does not come to rest ends too. */
export const QUIET_MS_MAX = 120_000;

export interface SimulationOptions {
  /** How many events the chaos lasts; afterwards everything is repaired and has to come to rest. */
  readonly steps: number;
  readonly isolation: Isolation;
  readonly serializable: boolean;
  /** Gets a line for each event. */
  readonly trace?: ((line: string) => void) | undefined;
}

export interface Settings {
  readonly participants: readonly string[];
  readonly clients: number;
  /** How long a client waits between two transactions. */
  readonly thinkMsMax: number;
  readonly tuning: NodeTuning;
  readonly asyncNodes: ReadonlySet<number>;
  readonly raftConditions: NetworkConditions;
  /** Of Kafka, REST and status questions. */
  readonly linkConditions: NetworkConditions;
  /** Mean time between two faults. */
  readonly faultEveryMs: number;
  /** How late a replica hears that it leads, or leads no more. */
  readonly leadershipNewsMsMax: number;
  /** Mean time of a statement at a participant. */
  readonly statementMsMax: number;
  readonly refuseProbability: number;
}

export function drawSettings(random: SeededRandom): Settings {
  const isHarsh = random.chance(0.5);
  const conditions = (): NetworkConditions => ({
    dropProbability: isHarsh ? random.pick([0.01, 0.05, 0.15]) : 0,
    duplicateProbability: random.pick([0, 0.02, 0.1]),
    delayMsMin: 1,
    delayMsMax: random.pick([2, 5, 25]),
    straggleProbability: isHarsh ? 0.03 : 0,
    straggleMsMax: random.pick([400, 4_000]),
  });
  return {
    participants: ['east', 'west', 'stock'].slice(0, random.pick([2, 2, 3])),
    clients: random.between(4, 12),
    thinkMsMax: random.pick([5, 40, 150]),
    tuning: {
      preVote: random.chance(0.7),
      checkQuorum: random.chance(0.7),
      stepDownOnRemoval: true,
      disableProposalForwarding: true, // D2
      messageBytesMax: random.pick([undefined, 1, 4_000]),
      inflightMessagesMax: random.pick([2, 4, 256]),
      inflightBytesMax: undefined,
      committedBytesPerReadyMax: random.pick([undefined, 1]),
      uncommittedBytesMax: undefined,
      heartbeatTicks: random.pick([1, 2, 3]),
      snapshotEvery: random.pick([20, 60, 200]),
      keepEntries: random.pick([0, 5, 40]),
      diskMsMax: random.pick([1, 4, 30]),
    },
    asyncNodes: new Set([1, 2, 3].filter(() => random.chance(0.6))),
    raftConditions: conditions(),
    linkConditions: conditions(),
    faultEveryMs: random.pick([150, 300, 800]),
    leadershipNewsMsMax: random.pick([1, 50, 400]),
    statementMsMax: random.pick([1, 4, 20]),
    refuseProbability: random.pick([0, 0.03]),
  };
}
