import { randomUUID } from 'node:crypto';
import type { Transport } from '@concordat/transport';
import type { DataSource } from 'typeorm';
import { BranchGarbage } from './branch-garbage.js';
import { BranchReports } from './branch-reports.js';
import { BranchStore } from './branch-store.js';
import { CommandDispatcher } from './command-dispatcher.js';
import type { Connections } from './connections.js';
import { Finaliser } from './finalise.js';
import { HeartbeatSender } from './heartbeat.js';
import type { OperationRegistry } from './operation-registry.js';
import { OrphanSweep } from './orphan-sweep.js';
import { ParticipantState } from './participant-state.js';
import { PrepareExecutor } from './prepare.js';
import { PrepareSessions } from './prepare-session.js';
import { PreparedBranches } from './prepared-branches.js';
import { Replies } from './replies.js';
import type { Surroundings } from './surroundings.js';
import { VoteRepeater } from './vote-repeater.js';

export interface ParticipantInputs {
  readonly surroundings: Surroundings;
  readonly connections: Connections;
  readonly dataSource: DataSource;
  readonly transport: Transport;
  readonly registry: OperationRegistry;
}

export type ParticipantParts = ReturnType<typeof compose>;

/** Puts a participant together. The only place that knows all of its parts; nothing runs yet. */
export function compose({ surroundings, connections, dataSource, transport, registry }: ParticipantInputs) {
  const { participant, clock, limits } = surroundings;
  const store = new BranchStore(participant, connections);
  const state = new ParticipantState(participant, connections.finalise, clock);
  const replies = new Replies(transport, surroundings);
  const prepared = new PreparedBranches();
  const repeater = new VoteRepeater(prepared, replies, surroundings);
  const sessions = new PrepareSessions(store, dataSource, surroundings);
  const executor = new PrepareExecutor(registry, sessions, state, surroundings);
  const finaliser = new Finaliser(store, state, surroundings);
  const reports = new BranchReports(store, state, replies, surroundings);
  const parts = { executor, finaliser, prepared, repeater, state, replies, reports };
  const dispatcher = new CommandDispatcher(parts, surroundings);
  const isExecuting = (transactionId: string) => dispatcher.isExecuting(transactionId);
  const sweep = new OrphanSweep(store, prepared, repeater, isExecuting, surroundings);
  const garbage = new BranchGarbage(participant, connections.finalise, state, limits.garbageBatchMax);
  const announcement = { instance: randomUUID(), isolation: 'local' as const, operations: registry.descriptors };
  const heartbeat = new HeartbeatSender(announcement, prepared, replies, surroundings);
  return { ...parts, store, dispatcher, sweep, garbage, heartbeat };
}
