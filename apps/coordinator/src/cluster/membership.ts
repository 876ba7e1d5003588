/**
 * Who votes: the leader takes in replicas that announce themselves, promotes learners that have caught up, removes
 * those that were replaced or are told to go.
 *
 * - M1 An id that was removed never returns; a wiped disk comes back under a new id, as a learner (design §2).
 * - M2 One change at a time, and a promotion only for a learner that has nearly the whole log, so that no change costs the
 *   quorum.
 * - M3 Whoever does not understand what may stand in the log already is not taken in.
 */
import { type ConfChangeSingle, ConfChangeType, confChange } from '@concordat/raft';
import { type Entry, formatOf, formatVersionOf, type MemberRecord } from '@concordat/transaction';
import type { EngineLogger } from '../engine/ports.js';
import type { Identity } from './identity.js';
import type { RaftLog } from './raft-log.js';

/** A learner this close to the leader's log, in entries, may vote. */
const PROMOTION_LAG_MAX = 1000;
const ROUND_INTERVAL_MS = 300;

export interface MembershipPorts {
  readonly log: RaftLog;
  readonly members: () => ReadonlyMap<number, MemberRecord>;
  /** Proposes an entry while this replica leads. */
  readonly propose: (entry: Entry) => void;
  /** This replica's own identity. */
  readonly own: () => Identity;
  /** What another replica last said of itself. */
  readonly heard: (raftId: number) => Identity | undefined;
  readonly logger: EngineLogger;
}

/** This replica cannot do it; another may. */
export class NotLeadingError extends Error {
  override readonly name = 'NotLeadingError';
}

/** An id that was removed never returns (M1). */
export class RemovedMemberError extends Error {
  override readonly name = 'RemovedMemberError';
}

/** Whether the ledger says of a replica what it says of itself. */
export const isRecorded = (
  { nodeId, address, url, formatVersion }: Identity,
  record: MemberRecord | undefined,
): boolean =>
  record?.nodeId === nodeId && record.address === address && record.url === url && formatOf(record) === formatVersion;

export class Membership {
  #timer: NodeJS.Timeout | undefined;
  #changing = false;

  constructor(private readonly ports: MembershipPorts) {}

  start(): void {
    this.#timer = setInterval(() => void this.#round(), ROUND_INTERVAL_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** A replica announces itself. @throws NotLeadingError; RemovedMemberError */
  async admit(identity: Identity): Promise<void> {
    const { log, members } = this.ports;
    if (!log.leads) throw new NotLeadingError('this replica does not lead');
    const { raftId, nodeId, address, url, formatVersion } = identity;
    const known = members().get(raftId);
    if (known?.removed) {
      throw new RemovedMemberError(`the id of replica ${nodeId} was removed: empty its directory, and it joins anew`);
    }
    if (!this.#ids().has(raftId) && formatVersion < formatVersionOf(members().values())) {
      throw new Error(`replica ${nodeId} runs an older version than its cluster: upgrade it, and it joins`); // M3
    }
    if (!isRecorded(identity, known)) {
      this.ports.propose({ type: 'member', member: { raftId, nodeId, address, url, removed: false, formatVersion } });
    }
    if (this.#ids().has(raftId)) return;
    // Whoever ran at this place before has lost its log: it can never speak again.
    const replaced = [...members().values()].filter(
      (member) => member.nodeId === nodeId && member.raftId !== raftId && this.#ids().has(member.raftId),
    );
    await this.#change([
      { type: ConfChangeType.AddLearnerNode, nodeId: raftId },
      ...replaced.map((member) => ({ type: ConfChangeType.RemoveNode, nodeId: member.raftId })),
    ]);
    for (const member of replaced) this.ports.propose({ type: 'member', member: { ...member, removed: true } });
  }

  /** Removes a member for good. @throws NotLeadingError; Error when it is none */
  async remove(raftId: number): Promise<void> {
    const { log, members, propose } = this.ports;
    if (!log.leads) throw new NotLeadingError('this replica does not lead');
    const member = members().get(raftId);
    if (!member || !this.#ids().has(raftId)) throw new Error('there is no such member');
    const voters = log.confState()?.voters ?? [];
    if (voters.length === 1 && voters[0] === raftId) throw new Error('the last voter cannot be removed');
    if (raftId === this.ports.own().raftId) {
      // A leader that takes itself out could leave the others without one that knows of it.
      await log.handOver();
      throw new NotLeadingError('this member led; leadership was handed over first, repeat the call');
    }
    // Said first, while this replica surely leads; an id that is marked and still votes is taken out by the next round.
    propose({ type: 'member', member: { ...member, removed: true } });
    await this.#change([{ type: ConfChangeType.RemoveNode, nodeId: raftId }]);
  }

  #ids(): Set<number> {
    const state = this.ports.log.confState();
    return new Set([...(state?.voters ?? []), ...(state?.learners ?? []), ...(state?.learnersNext ?? [])]);
  }

  async #round(): Promise<void> {
    const { log, members, own, logger } = this.ports;
    if (!log.leads || this.#changing) return;
    try {
      const self = own();
      if (!isRecorded(self, members().get(self.raftId))) await this.admit(self);
      this.#recordFormats();
      const gone = [...this.#ids()].find((id) => members().get(id)?.removed);
      if (gone !== undefined) await this.#change([{ type: ConfChangeType.RemoveNode, nodeId: gone }]);
      else await this.#promote();
    } catch (error) {
      logger.warn({ err: error }, 'a change of the membership did not go through; trying again');
    }
  }

  /**
   * The others announce themselves until their own ledgers know them. This leader's may know less: from a time when it ran an
   * earlier version, or from a snapshot that one could read.
   */
  #recordFormats(): void {
    for (const member of this.ports.members().values()) {
      const formatVersion = this.ports.heard(member.raftId)?.formatVersion ?? formatOf(member);
      if (member.removed || formatVersion === formatOf(member)) continue;
      this.ports.propose({ type: 'member', member: { ...member, formatVersion } });
    }
  }

  /** M2. */
  async #promote(): Promise<void> {
    const { log, logger } = this.ports;
    const ready = log.status()?.peers.find(
      // One that is still probed, or is given a snapshot, has nothing yet, however short the log is.
      ({ learner, state, match, recentActive }) =>
        learner && recentActive && state === 'StateReplicate' && log.lastIndex - match <= PROMOTION_LAG_MAX,
    );
    if (!ready) return;
    await this.#change([{ type: ConfChangeType.AddNode, nodeId: ready.id }]);
    logger.info({ raftId: ready.id }, 'a learner has caught up and votes now');
  }

  async #change(changes: readonly ConfChangeSingle[]): Promise<void> {
    if (this.#changing) throw new Error('another change of the membership is under way');
    this.#changing = true;
    try {
      const outcome = await this.ports.log.node?.proposeConfChange(confChange(changes));
      if (outcome?.outcome !== 'committed') throw new Error(`the change was not made: ${outcome?.outcome}`);
    } finally {
      this.#changing = false;
    }
  }
}
