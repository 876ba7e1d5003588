/**
 * The transitions between roles.
 *
 *     follower ──▶ pre-candidate ──▶ candidate ──▶ leader
 *        ▲ ─────────────────▶────────────┘            │
 *        └── from anywhere: a higher term, a leader of the same term, a lost vote, a silent quorum
 */
import { violated } from './errors.js';
import { describeId } from './format.js';
import { MessageType, NONE } from './messages.js';
import { Raft } from './raft.js';
import { Role } from './ready.js';
import { appendOwn, EMPTY_PROPOSAL } from './replication.js';

export function becomeFollower(raft: Raft, term: number, lead: number): void {
  raft.reset(term);
  raft.lead = lead;
  raft.role = Role.Follower;
  raft.logger.info(() => `${describeId(raft.id)} became follower at term ${raft.term}`);
}

/** Neither term nor vote change: nobody is disturbed by an election that cannot be won. */
export function becomePreCandidate(raft: Raft): void {
  if (raft.role === Role.Leader) violated('invalid transition [leader -> pre-candidate]');
  raft.tracker.resetVotes();
  raft.lead = NONE;
  raft.role = Role.PreCandidate;
  raft.logger.info(() => `${describeId(raft.id)} became pre-candidate at term ${raft.term}`);
}

export function becomeCandidate(raft: Raft): void {
  if (raft.role === Role.Leader) violated('invalid transition [leader -> candidate]');
  raft.reset(raft.term + 1);
  raft.vote = raft.id;
  raft.role = Role.Candidate;
  raft.logger.info(() => `${describeId(raft.id)} became candidate at term ${raft.term}`);
}

export function becomeLeader(raft: Raft): void {
  if (raft.role === Role.Follower) violated('invalid transition [follower -> leader]');
  raft.reset(raft.term);
  raft.lead = raft.id;
  raft.role = Role.Leader;
  const own = raft.tracker.get(raft.id) ?? violated('a leader outside its configuration');
  own.becomeReplicate();
  own.recentActive = true;
  // There may be an unapplied configuration change anywhere in the log. Rather than look for it, wait for it all (R4).
  raft.pendingConfIndex = raft.log.lastIndex;
  // Entries of earlier terms commit only together with one of this term (Raft §5.4.2).
  if (!appendOwn(raft, [EMPTY_PROPOSAL])) violated('the empty entry of a new leader was refused');
  raft.logger.info(() => `${describeId(raft.id)} became leader at term ${raft.term}`);
}

/** The type of answer to a vote request. */
export function voteResponseType(request: typeof MessageType.Vote | typeof MessageType.PreVote) {
  return request === MessageType.Vote ? MessageType.VoteResp : MessageType.PreVoteResp;
}
