/** What a follower does with messages of its own term; candidates use the handlers too once they follow. */
import { hup } from './election.js';
import { describeId as hex } from './format.js';
import { restoreSnapshot } from './membership.js';
import { Message, MessageType, NONE } from './messages.js';
import { Raft } from './raft.js';
import { Refusal } from './ready.js';

export function stepFollower(raft: Raft, message: Message): Refusal | undefined {
  switch (message.type) {
    case MessageType.Prop:
      return forwardProposal(raft, message);
    case MessageType.App:
      hearFromLeader(raft, message);
      handleAppend(raft, message);
      return undefined;
    case MessageType.Heartbeat:
      hearFromLeader(raft, message);
      handleHeartbeat(raft, message);
      return undefined;
    case MessageType.Snap:
      hearFromLeader(raft, message);
      handleSnapshot(raft, message);
      return undefined;
    case MessageType.TransferLeader:
      return forwardToLeader(raft, message, 'leader transfer msg');
    case MessageType.ReadIndex:
      return forwardToLeader(raft, message, 'index reading msg');
    case MessageType.ReadIndexResp:
      takeReadIndex(raft, message);
      return undefined;
    case MessageType.ForgetLeader:
      forgetLeader(raft);
      return undefined;
    case MessageType.TimeoutNow:
      raft.logger.info(
        () =>
          `${hex(raft.id)} [term ${raft.term}] received MsgTimeoutNow from ${hex(message.from)} and starts an election to get leadership.`,
      );
      // No pre-vote: the leader itself says that its time is over.
      hup(raft, 'transfer');
      return undefined;
    default:
      return undefined; // answers to requests of an earlier role
  }
}

function hearFromLeader(raft: Raft, message: Message): void {
  raft.electionElapsed = 0;
  raft.lead = message.from;
}

function forwardProposal(raft: Raft, message: Message): Refusal | undefined {
  const { logger, lead } = raft;
  if (lead === NONE) {
    logger.info(() => `${hex(raft.id)} no leader at term ${raft.term}; dropping proposal`);
    return 'no-leader';
  }
  if (raft.config.disableProposalForwarding) {
    logger.info(() => `${hex(raft.id)} not forwarding to leader ${hex(lead)} at term ${raft.term}; dropping proposal`);
    return 'forwarding-disabled';
  }
  raft.send({ type: message.type, to: lead, from: message.from, entries: message.entries });
  return undefined;
}

/** Not being able to forward these is no refusal towards a peer: it will ask again. Callers see it by `raft.lead`. */
function forwardToLeader(raft: Raft, message: Message, what: string): undefined {
  const { lead } = raft;
  if (lead === NONE) {
    raft.logger.info(() => `${hex(raft.id)} no leader at term ${raft.term}; dropping ${what}`);
    return undefined;
  }
  raft.send({ type: message.type, to: lead, from: message.from, entries: message.entries });
  return undefined;
}

function takeReadIndex(raft: Raft, message: Message): void {
  const [request] = message.entries;
  if (request === undefined || message.entries.length > 1) {
    raft.logger.error(
      () =>
        `${hex(raft.id)} invalid format of MsgReadIndexResp from ${hex(message.from)}, entries count: ${message.entries.length}`,
    );
    return;
  }
  raft.readStates.push({ index: message.index, context: request.data });
}

function forgetLeader(raft: Raft): void {
  // A lease promises the leader that nobody votes behind its back; forgetting it would break that promise.
  if (raft.config.readOnly === 'lease-based') {
    raft.logger.error(() => 'ignoring MsgForgetLeader due to ReadOnlyLeaseBased');
    return;
  }
  if (raft.lead === NONE) return;
  raft.logger.info(() => `${hex(raft.id)} forgetting leader ${hex(raft.lead)} at term ${raft.term}`);
  raft.lead = NONE;
}

export function handleAppend(raft: Raft, message: Message): void {
  const { log } = raft;
  const to = message.from;
  if (message.index < log.committed) {
    raft.send({ type: MessageType.AppResp, to, index: log.committed });
    return;
  }
  const lastNew = log.maybeAppend(message.index, message.logTerm, message.entries, message.commit);
  if (lastNew !== undefined) {
    raft.send({ type: MessageType.AppResp, to, index: lastNew });
    return;
  }
  raft.logger.debug(() => {
    const own = `[logterm: ${log.term(message.index) ?? 0}, index: ${message.index}]`;
    const theirs = `[logterm: ${message.logTerm}, index: ${message.index}]`;
    return `${hex(raft.id)} ${own} rejected MsgApp ${theirs} from ${hex(to)}`;
  });
  // The leader's log has no term above logTerm up to this index: neither can the part that is common.
  const hint = log.findConflictByTerm(Math.min(message.index, log.lastIndex), message.logTerm);
  raft.send({
    type: MessageType.AppResp,
    to,
    index: message.index,
    reject: true,
    rejectHint: hint.index,
    logTerm: hint.term,
  });
}

export function handleHeartbeat(raft: Raft, message: Message): void {
  raft.log.commitTo(message.commit);
  raft.send({ type: MessageType.HeartbeatResp, to: message.from, context: message.context });
}

export function handleSnapshot(raft: Raft, message: Message): void {
  const { log, logger } = raft;
  const { snapshot } = message;
  const { index, term } = snapshot ?? { index: 0, term: 0 };
  const restored = snapshot !== undefined && restoreSnapshot(raft, snapshot);
  const verb = restored ? 'restored' : 'ignored';
  logger.info(() => `${hex(raft.id)} [commit: ${log.committed}] ${verb} snapshot [index: ${index}, term: ${term}]`);
  raft.send({ type: MessageType.AppResp, to: message.from, index: restored ? log.lastIndex : log.committed });
}
