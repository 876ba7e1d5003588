/** Standing for election, and voting. */
import { describeId as hex, messageTypeNames } from './format.js';
import { EntryType, Message, MessageType, NO_BYTES, NONE } from './messages.js';
import { Raft } from './raft.js';
import { Role } from './ready.js';
import { becomeCandidate, becomePreCandidate, voteResponseType } from './roles.js';

/** 'transfer' is a real election that others grant although they hear from a leader: it asked for it. */
export type CampaignKind = 'pre-election' | 'election' | 'transfer';

type VoteRequestType = typeof MessageType.Vote | typeof MessageType.PreVote;

/**
 * Heartbeats that a leader whose connection broke is given to be heard again, and that members leave between each other
 * when they stand in its place. A living leader needs less than two: the pause before it connects anew, and the next beat.
 */
const SUSPICION_HEARTBEATS = 3;

/** Marks the vote requests of a transfer. */
const TRANSFER_CONTEXT: Uint8Array = Uint8Array.from([...'CampaignTransfer'].map((char) => char.charCodeAt(0)));

/** Starts an election, unless this node leads already or must not. */
export function hup(raft: Raft, kind: CampaignKind): void {
  const { logger } = raft;
  if (raft.role === Role.Leader) {
    logger.debug(() => `${hex(raft.id)} ignoring MsgHup because already leader`);
    return;
  }
  if (!raft.isPromotable()) {
    logger.warn(() => `${hex(raft.id)} is unpromotable and can not campaign`);
    return;
  }
  if (hasUnappliedConfChange(raft)) {
    const why = 'since there are still pending configuration changes to apply';
    logger.warn(() => `${hex(raft.id)} cannot campaign at term ${raft.term} ${why}`);
    return;
  }
  logger.info(() => `${hex(raft.id)} is starting a new election at term ${raft.term}`);
  campaign(raft, kind);
}

/** How an election begins by itself: with a pre-election, if configured. */
export function campaignKind(raft: Raft): CampaignKind {
  return raft.config.preVote ? 'pre-election' : 'election';
}

/** Asks every voter, itself included, for its vote. */
export function campaign(raft: Raft, kind: CampaignKind): void {
  const isPre = kind === 'pre-election';
  if (isPre) becomePreCandidate(raft);
  else becomeCandidate(raft);
  const type = isPre ? MessageType.PreVote : MessageType.Vote;
  const term = isPre ? raft.term + 1 : raft.term; // a pre-election is for the term it may lead to
  const context = kind === 'transfer' ? TRANSFER_CONTEXT : NO_BYTES;
  const { lastIndex: index, lastTerm: logTerm } = raft.log;
  for (const to of raft.clusterConfig.voters.ids) {
    if (to === raft.id) {
      // The own vote counts once it is durable, like anybody's (R2).
      raft.sendVote({ type: voteResponseType(type), to }, term);
      continue;
    }
    raft.logger.info(
      () =>
        `${hex(raft.id)} [logterm: ${logTerm}, index: ${index}] sent ${messageTypeNames[type]} request to ${hex(to)} at term ${raft.term}`,
    );
    raft.sendVote({ type, to, index, logTerm, context }, term);
  }
}

/**
 * True where a vote request of a higher term is to be ignored altogether: this node has heard from a leader within the
 * minimum election timeout, so whoever asks is cut off from it or no longer a member.
 */
export function isWithinLease(raft: Raft, request: Message): boolean {
  if (!raft.config.checkQuorum || raft.lead === NONE || isTransfer(request)) return false;
  const remaining = raft.config.electionTicks - raft.electionElapsed;
  if (remaining <= 0) return false;
  raft.logger.info(
    () => `${describeVote(raft, 'ignored', request)}: lease is not expired (remaining ticks: ${remaining})`,
  );
  return true;
}

/**
 * The leader's connection broke. It counts as silent for the minimum election timeout from now on, so that others' votes are
 * not ignored for its sake, and is succeeded unless it is heard soon: by the first of the other voters after
 * SUSPICION_HEARTBEATS, by the second after twice as many, and so on. All of them hear of it at the same moment; dice would
 * now and then make two stand at once. Nothing of safety rests on this: it is an election timeout that ends early, and a
 * pre-vote still asks a quorum whether it hears a leader.
 */
export function suspectLeader(raft: Raft, peer: number): void {
  const { electionTicks, heartbeatTicks, readOnly } = raft.config;
  if (raft.role !== Role.Follower || raft.lead !== peer || raft.electionElapsed >= electionTicks) return;
  // A lease promises the leader that nobody votes behind its back.
  if (readOnly === 'lease-based') return;
  const rank = raft.clusterConfig.voters.ids.filter((id) => id !== peer && id < raft.id).length;
  raft.electionElapsed = electionTicks;
  const graceTicks = SUSPICION_HEARTBEATS * heartbeatTicks * (rank + 1);
  raft.randomizedElectionTicks = Math.min(electionTicks + graceTicks, 2 * electionTicks - 1);
  raft.logger.info(() => `${hex(raft.id)} suspects leader ${hex(peer)} at term ${raft.term}: its connection broke`);
}

/** Grants or refuses a vote (or pre-vote) of the own term or a later one. */
export function castVote(raft: Raft, request: Message): void {
  const requestType = request.type as VoteRequestType;
  const type = voteResponseType(requestType);
  const to = request.from;
  const isFree =
    raft.vote === request.from ||
    (raft.vote === NONE && raft.lead === NONE) ||
    (requestType === MessageType.PreVote && request.term > raft.term);
  // Learners vote too: the candidate may know of a promotion that has not reached this node yet.
  if (!isFree || !raft.log.isUpToDate(request.index, request.logTerm)) {
    rejectVote(raft, request);
    return;
  }
  raft.logger.info(() => describeVote(raft, 'cast', request));
  // In the request's term, not the own: a pre-candidate asks for a later term and would ignore an answer in ours.
  raft.sendVote({ type, to }, request.term);
  if (requestType === MessageType.Vote) {
    raft.electionElapsed = 0;
    raft.vote = request.from;
  }
}

/** Refuses a vote in the own term. */
export function rejectVote(raft: Raft, request: Message): void {
  raft.logger.info(() => describeVote(raft, 'rejected', request));
  const type = voteResponseType(request.type as VoteRequestType);
  raft.sendVote({ type, to: request.from, reject: true }, raft.term);
}

function isTransfer({ context }: Message): boolean {
  return context.length === TRANSFER_CONTEXT.length && context.every((byte, at) => byte === TRANSFER_CONTEXT[at]);
}

/** A configuration change that is committed but not applied could make this node something else than it believes. */
function hasUnappliedConfChange({ log, config }: Raft): boolean {
  for (let lo = log.applied + 1; lo <= log.committed; ) {
    const page = log.slice(lo, log.committed + 1, config.committedBytesPerReadyMax) ?? [];
    if (page.some(({ type }) => type !== EntryType.Normal)) return true;
    if (page.length === 0) return false;
    lo += page.length;
  }
  return false;
}

function describeVote(raft: Raft, verb: 'cast' | 'rejected' | 'ignored', request: Message): string {
  const { log } = raft;
  const own = `[logterm: ${log.lastTerm}, index: ${log.lastIndex}, vote: ${hex(raft.vote)}]`;
  const theirs = `[logterm: ${request.logTerm}, index: ${request.index}]`;
  const preposition = verb === 'cast' ? 'for' : 'from';
  const type = messageTypeNames[request.type];
  return `${hex(raft.id)} ${own} ${verb} ${type} ${preposition} ${hex(request.from)} ${theirs} at term ${raft.term}`;
}
