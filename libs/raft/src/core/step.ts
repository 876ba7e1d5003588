/**
 * The entrance for every message: first the term, then the few messages that all roles treat alike, then the role.
 */
import { entriesApplied, snapshotApplied } from './applied.js';
import { stepCandidate } from './candidate.js';
import { castVote, isWithinLease, rejectVote } from './election.js';
import { violated } from './errors.js';
import { stepFollower } from './follower.js';
import { describeId as hex, messageTypeNames } from './format.js';
import { stepLeader } from './leader.js';
import { Message, MessageType, NONE } from './messages.js';
import { Raft } from './raft.js';
import { Refusal, Role } from './ready.js';
import { becomeFollower } from './roles.js';

export function step(raft: Raft, message: Message): Refusal | undefined {
  if (message.term > raft.term) {
    if (isVoteRequest(message) && isWithinLease(raft, message)) return undefined;
    takeHigherTerm(raft, message);
  } else if (message.term < raft.term && message.term !== 0) {
    handleLowerTerm(raft, message);
    return undefined;
  }
  switch (message.type) {
    case MessageType.Vote:
    case MessageType.PreVote:
      castVote(raft, message);
      return undefined;
    case MessageType.StorageAppendResp:
      if (message.index !== 0) raft.log.unstable.stableTo(message.index, message.logTerm);
      if (message.snapshot) snapshotApplied(raft, message.snapshot);
      return undefined;
    case MessageType.StorageApplyResp:
      entriesApplied(raft, message.entries);
      return undefined;
    default:
      return stepRole(raft, message);
  }
}

function stepRole(raft: Raft, message: Message): Refusal | undefined {
  switch (raft.role) {
    case Role.Leader:
      return stepLeader(raft, message);
    case Role.Follower:
      return stepFollower(raft, message);
    case Role.Candidate:
    case Role.PreCandidate:
      return stepCandidate(raft, message);
    default:
      return violated(`unknown role ${raft.role satisfies never}`);
  }
}

function isVoteRequest({ type }: Message): boolean {
  return type === MessageType.Vote || type === MessageType.PreVote;
}

function takeHigherTerm(raft: Raft, message: Message): void {
  const { type, from, term } = message;
  // A pre-vote is for a term that may never be; so is the answer that grants one. A refusal carries a real term.
  if (type === MessageType.PreVote || (type === MessageType.PreVoteResp && !message.reject)) return;
  raft.logger.info(() => {
    const what = `received a ${messageTypeNames[type]} message with higher term from ${hex(from)} [term: ${term}]`;
    return `${hex(raft.id)} [term: ${raft.term}] ${what}`;
  });
  const isFromLeader = type === MessageType.App || type === MessageType.Heartbeat || type === MessageType.Snap;
  becomeFollower(raft, term, isFromLeader ? from : NONE);
}

function handleLowerTerm(raft: Raft, message: Message): void {
  const { config, logger } = raft;
  const { type, from, term } = message;
  switch (type) {
    case MessageType.App:
    case MessageType.Heartbeat:
      if (config.checkQuorum || config.preVote) {
        // A leader of an old term, while we cannot make it step down by asking for votes: our requests are ignored or
        // never get past the pre-vote. This answer carries our term and frees both of us.
        raft.send({ type: MessageType.AppResp, to: from });
        return;
      }
      break;
    case MessageType.PreVote:
      // A node that learnt of pre-votes late may ask with an old term and a longer log; silence would leave it stuck.
      rejectVote(raft, message);
      return;
    case MessageType.StorageAppendResp:
      // Entries written in an earlier term may have been replaced since, and the replacement may still be on its way to
      // the disk; only a write of this term tells. A snapshot is committed state, which no term can take back.
      if (message.index !== 0) {
        logger.info(() => {
          const what = `ignored entry appends from a ${messageTypeNames[type]} message with lower term [term: ${term}]`;
          return `${hex(raft.id)} [term: ${raft.term}] ${what}`;
        });
      }
      if (message.snapshot) snapshotApplied(raft, message.snapshot);
      return;
    default:
      break;
  }
  logger.info(() => {
    const what = `ignored a ${messageTypeNames[type]} message with lower term from ${hex(from)} [term: ${term}]`;
    return `${hex(raft.id)} [term: ${raft.term}] ${what}`;
  });
}
