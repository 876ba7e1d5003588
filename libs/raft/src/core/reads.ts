/**
 * Linearizable reads. A read may be answered at the commit index of the moment it came in, once it is certain that this
 * node was still the leader then: by a round of heartbeats, or on the word of the lease.
 */
import { violated } from './errors.js';
import { Entry, Message, MessageType, NONE } from './messages.js';
import { Raft } from './raft.js';
import { decodeReadNumber } from './read-queue.js';
import { broadcastHeartbeat } from './replication.js';

/**
 * Bound on reads that wait, for the first commit of a term or for their confirmation. Beyond it they are dropped, as by a
 * node without a leader: whoever asked asks again.
 */
const WAITING_READS_MAX = 65_536;

export function requestRead(raft: Raft, request: Message): void {
  if (raft.config.etcdCompatibility && raft.clusterConfig.isSingleton) {
    answer(raft, request, raft.log.committed);
    return;
  }
  // Until then more may be committed, and acknowledged, than this node knows of: by an earlier leader, or by itself before
  // a crash that set its commit index back. That holds for a single voter, too.
  if (!raft.hasCommittedInTerm()) {
    if (raft.earlyReads.length < WAITING_READS_MAX) raft.earlyReads.push(request);
    return;
  }
  confirmAndAnswer(raft, request);
}

/** The only voter confirms itself. A leader that has removed itself must ask whoever is left, like any other. */
function decidesAlone({ clusterConfig, config, id }: Raft): boolean {
  return clusterConfig.isSingleton && clusterConfig.voters.has(id) && !config.etcdCompatibility;
}

/** The first commit of the term has happened: the reads that waited for it go on. */
export function releaseEarlyReads(raft: Raft): void {
  if (raft.earlyReads.length === 0) return;
  if (!raft.hasCommittedInTerm()) {
    raft.logger.error(() => 'pending MsgReadIndex should be released only after first commit in current term');
    return;
  }
  const released = raft.earlyReads;
  raft.earlyReads = [];
  for (const request of released) confirmAndAnswer(raft, request);
}

/** A peer has answered a heartbeat: the reads whose quorum that completes are answered. */
export function confirmReads(raft: Raft, response: Message): void {
  if (raft.config.readOnly !== 'safe' || response.context.length === 0) return;
  raft.reads.acknowledge(response.from, decodeReadNumber(response.context));
  for (const { request, index } of raft.reads.takeConfirmed(raft.clusterConfig.voters)) answer(raft, request, index);
}

function confirmAndAnswer(raft: Raft, request: Message): void {
  if (decidesAlone(raft)) {
    answer(raft, request, raft.log.committed);
    return;
  }
  switch (raft.config.readOnly) {
    case 'safe':
      if (raft.reads.length >= WAITING_READS_MAX) return;
      raft.reads.add(request, raft.log.committed);
      raft.reads.acknowledge(raft.id, raft.reads.newest);
      broadcastHeartbeat(raft);
      break;
    case 'lease-based':
      answer(raft, request, raft.log.committed);
      break;
    default:
      violated(`unknown read mode ${raft.config.readOnly satisfies never}`);
  }
}

function answer(raft: Raft, request: Message, index: number): void {
  if (request.from === NONE || request.from === raft.id) {
    raft.readStates.push({ index, context: (request.entries[0] as Entry).data });
  } else {
    raft.send({ type: MessageType.ReadIndexResp, to: request.from, index, entries: request.entries });
  }
}
