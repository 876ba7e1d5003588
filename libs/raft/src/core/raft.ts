/**
 * The state of one Raft node, and how it sends.
 *
 * Owns: every field that more than one role reads, and where outgoing messages wait. Does not own: what to do with a
 * message; that is in follower.ts, candidate.ts and leader.ts, reached through step.ts and tick.ts.
 *
 * R1 term never falls. vote is given once per term.
 * R2 An answer that promises something (a vote, an acknowledged append) leaves only after what it promises is durable:
 *    it waits in `messagesAfterAppend`. Everything else may overtake the disk and waits in `messages`.
 * R3 A leader never replaces entries of its own log.
 * R4 At most one configuration change is between being appended and being applied: `pendingConfIndex` is at or above its
 *    index, and none is proposed until that is applied.
 */

import { NewcomerTerms } from '../confchange/changer.js';
import { ClusterConfig } from '../confchange/cluster-config.js';
import { RaftLog } from '../log/raft-log.js';
import { ResolvedConfig } from './config.js';
import { violated } from './errors.js';
import { Inflights } from './inflights.js';
import { Logger } from './logger.js';
import { createMessage, HardState, Message, MessageFields, MessageType, NONE } from './messages.js';
import { Progress } from './progress.js';
import { ReadQueue } from './read-queue.js';
import { ReadState, Role, SoftState } from './ready.js';
import { Tracker } from './tracker.js';

export class Raft {
  readonly id: number;
  readonly config: ResolvedConfig;
  readonly logger: Logger;
  readonly log: RaftLog;
  readonly tracker = new Tracker();

  role: Role = Role.Follower;
  term = 0;
  vote = NONE;
  lead = NONE;

  /** Ready to be sent at once; never to ourselves. */
  messages: Message[] = [];
  /** To be sent once all that is unstable now is durable; possibly to ourselves (R2). */
  messagesAfterAppend: Message[] = [];
  readStates: ReadState[] = [];

  /** Index of the last snapshot taken from a leader: configuration changes up to there are in effect already. */
  restoredIndex = 0;
  /** Leader: who leadership is being handed to. */
  leadTransferee = NONE;
  /** Leader: see R4. */
  pendingConfIndex = 0;
  /** Leader: payload bytes appended in this term and not yet applied. Underestimates rather than overestimates. */
  uncommittedBytes = 0;
  /** Leader: reads that wait for a quorum to confirm the leadership. */
  reads: ReadQueue;
  /** Leader: reads that came before the first commit of the term. */
  earlyReads: Message[] = [];

  /** Ticks since a valid message of the leader (follower), since the campaign (candidate), since the last check (leader). */
  electionElapsed = 0;
  /** Leader: ticks since the last heartbeat. */
  heartbeatElapsed = 0;
  /** Drawn anew at each change of role. */
  randomizedElectionTicks = 0;

  constructor(config: ResolvedConfig) {
    this.id = config.id;
    this.config = config;
    this.logger = config.logger;
    this.log = new RaftLog(config.storage, config.logger, config.committedBytesPerReadyMax);
    this.reads = new ReadQueue();
  }

  softState(): SoftState {
    return { lead: this.lead, role: this.role };
  }

  hardState(): HardState {
    return { term: this.term, vote: this.vote, commit: this.log.committed };
  }

  get clusterConfig(): ClusterConfig {
    return this.tracker.config;
  }

  /** What newcomers to the configuration start with. */
  newcomerTerms(): NewcomerTerms {
    const { inflightMessagesMax, inflightBytesMax } = this.config;
    return { lastIndex: this.log.lastIndex, inflightMessagesMax, inflightBytesMax };
  }

  /** True where this node may campaign: a voter, and not in the middle of installing a snapshot. */
  isPromotable(): boolean {
    const own = this.tracker.get(this.id);
    return own !== undefined && !own.isLearner && !this.log.hasSnapshotInHand();
  }

  /** True once an entry of the own term is committed: only then is the commit index known to be current. */
  hasCommittedInTerm(): boolean {
    return this.log.term(this.log.committed) === this.term;
  }

  /** Queues a message in the current term. Votes carry a term of their own; see `sendVote`. */
  send(fields: MessageFields): void {
    const carriesNoTerm = fields.type === MessageType.Prop || fields.type === MessageType.ReadIndex;
    this.#enqueue(fields, carriesNoTerm ? 0 : this.term);
  }

  /** Queues a vote request or answer for `term`, which for pre-votes is not the current one. */
  sendVote(fields: MessageFields, term: number): void {
    if (term === 0) violated('a vote without a term');
    this.#enqueue(fields, term);
  }

  #enqueue(fields: MessageFields, term: number): void {
    const message = createMessage(fields, fields.from || this.id, term);
    switch (message.type) {
      case MessageType.AppResp:
      case MessageType.VoteResp:
      case MessageType.PreVoteResp:
        this.messagesAfterAppend.push(message); // R2
        break;
      default:
        if (message.to === this.id) violated('a message to itself');
        this.messages.push(message);
    }
  }

  /** Begins a term, or the same one in another role: nothing that belonged to the old role stays. */
  reset(term: number): void {
    if (this.term !== term) {
      this.term = term;
      this.vote = NONE;
    }
    this.lead = NONE;
    this.electionElapsed = 0;
    this.heartbeatElapsed = 0;
    this.drawElectionTicks();
    this.abortLeaderTransfer();
    this.tracker.resetVotes();
    this.#resetProgress();
    this.pendingConfIndex = 0;
    this.uncommittedBytes = 0;
    this.reads = new ReadQueue();
  }

  abortLeaderTransfer(): void {
    this.leadTransferee = NONE;
  }

  drawElectionTicks(): void {
    const { electionTicks, random } = this.config;
    this.randomizedElectionTicks = electionTicks + random(electionTicks);
  }

  #resetProgress(): void {
    const { inflightMessagesMax, inflightBytesMax } = this.config;
    const fresh = new Map<number, Progress>();
    const next = this.log.lastIndex + 1;
    for (const [id, peer] of this.tracker.progress) {
      const inflights = new Inflights(inflightMessagesMax, inflightBytesMax);
      const reset = new Progress(next, inflights, peer.isLearner);
      if (id === this.id) reset.match = this.log.lastIndex;
      fresh.set(id, reset);
    }
    this.tracker.progress = fresh;
  }
}
