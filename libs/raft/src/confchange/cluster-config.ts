import { ConfState } from '../core/messages.js';
import { JointQuorum } from '../quorum/joint.js';
import { MajorityQuorum } from '../quorum/majority.js';

/**
 * Who belongs to the cluster, and as what. Immutable: a change makes a new one.
 *
 * C1 Learners and voters (of either half) do not intersect.
 * C2 `learnersNext` holds voters of the outgoing half that become learners when it is left. A voter that is demoted
 *    waits there, because until then it still votes (C1).
 * C3 Outside a joint configuration `learnersNext` is empty and `autoLeave` false.
 */
export class ClusterConfig {
  static readonly empty = new ClusterConfig(new JointQuorum(MajorityQuorum.empty), [], [], false);

  readonly learners: readonly number[];
  readonly learnersNext: readonly number[];

  constructor(
    readonly voters: JointQuorum,
    learners: Iterable<number>,
    learnersNext: Iterable<number>,
    /** Joint, and to be left as soon as the change into it is applied. */
    readonly autoLeave: boolean,
  ) {
    this.learners = ascending(learners);
    this.learnersNext = ascending(learnersNext);
  }

  get isJoint(): boolean {
    return this.voters.isJoint;
  }

  /** True where one voter decides alone. */
  get isSingleton(): boolean {
    return this.voters.incoming.size === 1 && !this.isJoint;
  }

  confState(): ConfState {
    return {
      voters: this.voters.incoming.ids,
      votersOutgoing: this.voters.outgoing.ids,
      learners: this.learners,
      learnersNext: this.learnersNext,
      autoLeave: this.autoLeave,
    };
  }
}

function ascending(ids: Iterable<number>): readonly number[] {
  return [...new Set(ids)].sort((a, b) => a - b);
}
