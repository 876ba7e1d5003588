import { NetworkConditions } from './network.js';
import { NodeTuning } from './node.js';
import { SeededRandom } from './random.js';

/** Everything about a run that is drawn from its seed before it begins. */
export interface Settings {
  readonly voters: readonly number[];
  /** Nodes with an empty log, for the configuration to grow into. */
  readonly spares: readonly number[];
  readonly tuning: NodeTuning;
  /** Nodes that write asynchronously; the others take turns of ready and advance. */
  readonly asyncNodes: ReadonlySet<number>;
  readonly conditions: NetworkConditions;
  readonly chaosMs: number;
  readonly clients: number;
  /** Mean time between two faults. */
  readonly faultEveryMs: number;
}

/** Length of a tick where the clock is not skewed. */
export const TICK_MS = 10;

export function drawSettings(random: SeededRandom): Settings {
  const voterCount = random.pick([1, 2, 3, 3, 3, 3, 4, 5, 5]);
  const voters = Array.from({ length: voterCount }, (_, at) => at + 1);
  const spares = Array.from({ length: random.between(0, 2) }, (_, at) => voterCount + at + 1);
  const messageBytesMax = random.pick([undefined, 1, 120, 400]);
  const isHarsh = random.chance(0.5);
  return {
    voters,
    spares,
    tuning: {
      preVote: random.chance(0.5),
      checkQuorum: random.chance(0.5),
      stepDownOnRemoval: random.chance(0.5),
      disableProposalForwarding: random.chance(0.2),
      messageBytesMax,
      inflightMessagesMax: random.pick([1, 2, 4, 256]),
      inflightBytesMax: messageBytesMax !== undefined && random.chance(0.4) ? 500 : undefined,
      committedBytesPerReadyMax: random.pick([undefined, 1, 200]),
      uncommittedBytesMax: random.pick([undefined, undefined, 500]),
      heartbeatTicks: random.pick([1, 2, 3]),
      snapshotEvery: random.pick([8, 25, 100]),
      keepEntries: random.pick([0, 3, 20]),
      diskMsMax: random.pick([1, 4, 30]),
    },
    asyncNodes: new Set([...voters, ...spares].filter(() => random.chance(0.6))),
    conditions: {
      dropProbability: isHarsh ? random.pick([0.02, 0.1, 0.25]) : 0,
      duplicateProbability: random.pick([0, 0.02, 0.1]),
      delayMsMin: 1,
      delayMsMax: random.pick([2, 5, 25]),
      straggleProbability: isHarsh ? 0.03 : 0,
      straggleMsMax: 400,
    },
    chaosMs: random.pick([2_500, 4_000, 6_000]),
    clients: random.between(2, 4),
    faultEveryMs: random.pick([120, 250, 500]),
  };
}
