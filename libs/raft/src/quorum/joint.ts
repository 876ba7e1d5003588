import { AckedIndexer, MajorityQuorum, VoteResult } from './majority.js';

/**
 * Decisions that need a majority of two sets at once: the incoming configuration and the outgoing one.
 * Outside a change the outgoing half is empty and agrees to everything.
 */
export class JointQuorum {
  readonly incoming: MajorityQuorum;
  readonly outgoing: MajorityQuorum;
  /** All voters of both halves, ascending. */
  readonly ids: readonly number[];

  constructor(incoming: MajorityQuorum, outgoing: MajorityQuorum = MajorityQuorum.empty) {
    this.incoming = incoming;
    this.outgoing = outgoing;
    this.ids = outgoing.size === 0 ? incoming.ids : new MajorityQuorum([...incoming.ids, ...outgoing.ids]).ids;
  }

  get isJoint(): boolean {
    return this.outgoing.size > 0;
  }

  has(id: number): boolean {
    return this.incoming.has(id) || this.outgoing.has(id);
  }

  committedIndex(acked: AckedIndexer): number {
    const incoming = this.incoming.committedIndex(acked);
    return this.outgoing.size === 0 ? incoming : Math.min(incoming, this.outgoing.committedIndex(acked));
  }

  voteResult(votes: ReadonlyMap<number, boolean>): VoteResult {
    const incoming = this.incoming.voteResult(votes);
    const outgoing = this.outgoing.voteResult(votes);
    if (incoming === outgoing) return incoming;
    return incoming === 'lost' || outgoing === 'lost' ? 'lost' : 'pending';
  }
}
