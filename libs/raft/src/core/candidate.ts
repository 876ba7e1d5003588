/** What candidates and pre-candidates do with messages of their own term. */
import { campaign } from './election.js';
import { handleAppend, handleHeartbeat, handleSnapshot } from './follower.js';
import { describeId as hex, messageTypeNames } from './format.js';
import { Message, MessageType, NONE } from './messages.js';
import { Raft } from './raft.js';
import { Refusal, Role } from './ready.js';
import { broadcastAppend } from './replication.js';
import { becomeFollower, becomeLeader } from './roles.js';
import { roleNames } from './status.js';

export function stepCandidate(raft: Raft, message: Message): Refusal | undefined {
  switch (message.type) {
    case MessageType.Prop:
      raft.logger.info(() => `${hex(raft.id)} no leader at term ${raft.term}; dropping proposal`);
      return 'no-leader';
    // Whoever sends one of these in our term has won it.
    case MessageType.App:
      becomeFollower(raft, message.term, message.from);
      handleAppend(raft, message);
      return undefined;
    case MessageType.Heartbeat:
      becomeFollower(raft, message.term, message.from);
      handleHeartbeat(raft, message);
      return undefined;
    case MessageType.Snap:
      becomeFollower(raft, message.term, message.from);
      handleSnapshot(raft, message);
      return undefined;
    case MessageType.PreVoteResp:
      if (raft.role === Role.PreCandidate) countVote(raft, message);
      return undefined;
    case MessageType.VoteResp:
      if (raft.role === Role.Candidate) countVote(raft, message);
      return undefined;
    case MessageType.TimeoutNow:
      raft.logger.debug(() => {
        const state = `[term ${raft.term} state ${roleNames[raft.role]}]`;
        return `${hex(raft.id)} ${state} ignored MsgTimeoutNow from ${hex(message.from)}`;
      });
      return undefined;
    default:
      return undefined; // needs a leader, or answers a request of an earlier role
  }
}

function countVote(raft: Raft, message: Message): void {
  const { logger, tracker } = raft;
  const type = messageTypeNames[message.type];
  const kind = message.reject ? `${type} rejection` : type;
  logger.info(() => `${hex(raft.id)} received ${kind} from ${hex(message.from)} at term ${raft.term}`);
  tracker.recordVote(message.from, !message.reject);
  const { granted, rejected, result } = tracker.tallyVotes();
  logger.info(() => `${hex(raft.id)} has received ${granted} ${type} votes and ${rejected} vote rejections`);
  switch (result) {
    case 'won':
      if (raft.role === Role.PreCandidate) {
        campaign(raft, 'election');
      } else {
        becomeLeader(raft);
        broadcastAppend(raft);
      }
      break;
    case 'lost':
      becomeFollower(raft, raft.term, NONE);
      break;
    case 'pending':
      break;
  }
}
