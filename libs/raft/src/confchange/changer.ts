/**
 * Computes the configuration that follows from a change, and the progress of everyone in it.
 *
 * Owns: the rules of membership. Does not own: when a change takes effect, nor the active configuration; it works on
 * copies, so that a refused change (RaftConfChangeError) leaves no trace.
 */
import { RaftConfChangeError } from '../core/errors.js';
import { Inflights } from '../core/inflights.js';
import { ConfState } from '../core/messages.js';
import { Progress } from '../core/progress.js';
import { JointQuorum } from '../quorum/joint.js';
import { MajorityQuorum } from '../quorum/majority.js';
import { ClusterConfig } from './cluster-config.js';
import {
  ConfChange,
  ConfChangeSingle,
  ConfChangeType,
  entersJoint,
  leavesAutomatically,
  leavesJoint,
} from './conf-change.js';

export type ProgressMap = ReadonlyMap<number, Progress>;

export interface Membership {
  readonly config: ClusterConfig;
  readonly progress: ProgressMap;
}

/** What a newcomer's progress begins with. */
export interface NewcomerTerms {
  /** Last index of the own log: where probing begins. */
  readonly lastIndex: number;
  readonly inflightMessagesMax: number;
  readonly inflightBytesMax: number;
}

/** Applies a change of any kind. */
export function changeMembership(current: Membership, change: ConfChange, terms: NewcomerTerms): Membership {
  if (leavesJoint(change)) return leaveJoint(current, terms);
  if (entersJoint(change)) return enterJoint(current, change.changes, leavesAutomatically(change), terms);
  return changeSimply(current, change.changes, terms);
}

/** One step: at most one voter more or less. */
export function changeSimply(
  current: Membership,
  changes: readonly ConfChangeSingle[],
  terms: NewcomerTerms,
): Membership {
  const draft = new Draft(current, terms);
  if (current.config.isJoint) refuse("can't apply simple config change in joint config");
  draft.apply(changes);
  if (difference(current.config.voters.incoming, draft.incoming) > 1) {
    refuse('more than one voter changed without entering joint config');
  }
  return draft.finish();
}

/** The voters so far become the outgoing half; the changes apply to the incoming half. */
export function enterJoint(
  current: Membership,
  changes: readonly ConfChangeSingle[],
  autoLeave: boolean,
  terms: NewcomerTerms,
): Membership {
  const draft = new Draft(current, terms);
  if (current.config.isJoint) refuse('config is already joint');
  if (draft.incoming.size === 0) refuse("can't make a zero-voter config joint");
  for (const id of draft.incoming) draft.outgoing.add(id);
  draft.apply(changes);
  draft.autoLeave = autoLeave;
  return draft.finish();
}

/** Drops the outgoing half; the learners that waited for it become learners. */
export function leaveJoint(current: Membership, terms: NewcomerTerms): Membership {
  const draft = new Draft(current, terms);
  if (!current.config.isJoint) refuse("can't leave a non-joint config");
  draft.leaveOutgoing();
  return draft.finish();
}

/** The membership that a snapshot's ConfState describes, everyone's progress fresh. */
export function restoreMembership(state: ConfState, terms: NewcomerTerms): Membership {
  const draft = new Draft({ config: ClusterConfig.empty, progress: new Map() }, terms);
  draft.load(state);
  return draft.finish();
}

/** A configuration being edited: sets instead of immutable lists. */
class Draft {
  readonly incoming: Set<number>;
  readonly outgoing: Set<number>;
  readonly learners: Set<number>;
  readonly learnersNext: Set<number>;
  readonly progress = new Map<number, Progress>();
  autoLeave: boolean;
  readonly #terms: NewcomerTerms;

  constructor({ config, progress }: Membership, terms: NewcomerTerms) {
    this.incoming = new Set(config.voters.incoming.ids);
    this.outgoing = new Set(config.voters.outgoing.ids);
    this.learners = new Set(config.learners);
    this.learnersNext = new Set(config.learnersNext);
    this.autoLeave = config.autoLeave;
    this.#terms = terms;
    for (const [id, peer] of progress) this.progress.set(id, peer.clone());
    this.#checkInvariants();
  }

  apply(changes: readonly ConfChangeSingle[]): void {
    for (const { type, nodeId } of changes) {
      if (nodeId === 0) continue;
      switch (type) {
        case ConfChangeType.AddNode:
          this.#makeVoter(nodeId);
          break;
        case ConfChangeType.AddLearnerNode:
          this.#makeLearner(nodeId);
          break;
        case ConfChangeType.RemoveNode:
          this.#remove(nodeId);
          break;
        case ConfChangeType.UpdateNode:
          break;
        default:
          refuse(`unexpected conf type ${type satisfies never}`);
      }
    }
    if (this.incoming.size === 0) refuse('removed all voters');
  }

  leaveOutgoing(): void {
    for (const id of this.learnersNext) {
      this.learners.add(id);
      this.#known(id).isLearner = true;
    }
    this.learnersNext.clear();
    for (const id of this.outgoing) {
      if (!this.incoming.has(id) && !this.learners.has(id)) this.progress.delete(id);
    }
    this.outgoing.clear();
    this.autoLeave = false;
  }

  load(state: ConfState): void {
    for (const id of [...state.votersOutgoing, ...state.voters]) if (!this.progress.has(id)) this.#admit(id, false);
    for (const id of state.voters) this.incoming.add(id);
    for (const id of state.votersOutgoing) {
      this.outgoing.add(id);
    }
    for (const id of state.learners) {
      if (this.progress.has(id)) refuse(`${id} is both voter and learner`);
      this.learners.add(id);
      this.#admit(id, true);
    }
    for (const id of state.learnersNext) this.learnersNext.add(id);
    if (this.incoming.size === 0 && this.progress.size > 0) refuse('removed all voters');
    this.autoLeave = state.autoLeave;
  }

  finish(): Membership {
    this.#checkInvariants();
    const voters = new JointQuorum(new MajorityQuorum(this.incoming), new MajorityQuorum(this.outgoing));
    const config = new ClusterConfig(voters, this.learners, this.learnersNext, this.autoLeave);
    const sorted = [...this.progress].sort(([a], [b]) => a - b);
    return { config, progress: new Map(sorted) };
  }

  #makeVoter(id: number): void {
    const peer = this.progress.get(id);
    if (peer) peer.isLearner = false;
    else this.#admit(id, false);
    this.learners.delete(id);
    this.learnersNext.delete(id);
    this.incoming.add(id);
  }

  #makeLearner(id: number): void {
    const peer = this.progress.get(id);
    if (!peer) {
      this.learners.add(id);
      this.#admit(id, true);
      return;
    }
    if (peer.isLearner) return;
    this.#remove(id);
    this.progress.set(id, peer);
    if (this.outgoing.has(id)) {
      this.learnersNext.add(id);
    } else {
      peer.isLearner = true;
      this.learners.add(id);
    }
  }

  #remove(id: number): void {
    if (!this.progress.has(id)) return;
    this.incoming.delete(id);
    this.learners.delete(id);
    this.learnersNext.delete(id);
    // A voter of the outgoing half is needed, and served, until that half is left.
    if (!this.outgoing.has(id)) this.progress.delete(id);
  }

  #admit(id: number, isLearner: boolean): void {
    const { lastIndex, inflightMessagesMax, inflightBytesMax } = this.#terms;
    const inflights = new Inflights(inflightMessagesMax, inflightBytesMax);
    const peer = new Progress(Math.max(lastIndex, 1), inflights, isLearner);
    // A newcomer counts as active, or the next check of the quorum might depose the leader before it could answer.
    peer.recentActive = true;
    this.progress.set(id, peer);
  }

  #known(id: number): Progress {
    return this.progress.get(id) ?? refuse(`no progress for ${id}`);
  }

  #checkInvariants(): void {
    for (const id of [...this.incoming, ...this.outgoing]) this.#known(id);
    for (const id of this.learnersNext) {
      if (!this.outgoing.has(id)) refuse(`${id} is in LearnersNext, but not Voters[1]`);
      if (this.#known(id).isLearner) refuse(`${id} is in LearnersNext, but is already marked as learner`);
    }
    for (const id of this.learners) {
      if (this.outgoing.has(id) || this.incoming.has(id)) refuse(`${id} is both learner and voter`);
      if (!this.#known(id).isLearner) refuse(`${id} is in Learners, but is not marked as learner`);
    }
    if (this.outgoing.size > 0) return;
    if (this.learnersNext.size > 0) refuse('LearnersNext must be empty when not joint');
    if (this.autoLeave) refuse('AutoLeave must be false when not joint');
  }
}

function difference(before: MajorityQuorum, after: ReadonlySet<number>): number {
  const gone = before.ids.filter((id) => !after.has(id)).length;
  const come = [...after].filter((id) => !before.has(id)).length;
  return gone + come;
}

function refuse(text: string): never {
  throw new RaftConfChangeError(text);
}
