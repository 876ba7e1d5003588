/** What the passing of time does. */
import { campaignKind, hup } from './election.js';
import { checkQuorum } from './leader.js';
import { NONE } from './messages.js';
import { Raft } from './raft.js';
import { Role } from './ready.js';
import { broadcastHeartbeat } from './replication.js';

export function tick(raft: Raft): void {
  if (raft.role === Role.Leader) tickLeader(raft);
  else tickElection(raft);
}

function tickElection(raft: Raft): void {
  raft.electionElapsed++;
  if (raft.electionElapsed < raft.randomizedElectionTicks || !raft.isPromotable()) return;
  raft.electionElapsed = 0;
  hup(raft, campaignKind(raft));
}

function tickLeader(raft: Raft): void {
  raft.heartbeatElapsed++;
  raft.electionElapsed++;
  if (raft.electionElapsed >= raft.config.electionTicks) {
    raft.electionElapsed = 0;
    if (raft.config.checkQuorum) checkQuorum(raft);
    if (raft.role === Role.Leader && raft.leadTransferee !== NONE) raft.abortLeaderTransfer();
  }
  if (raft.role !== Role.Leader || raft.heartbeatElapsed < raft.config.heartbeatTicks) return;
  raft.heartbeatElapsed = 0;
  broadcastHeartbeat(raft);
}
