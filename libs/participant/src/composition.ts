import { randomUUID } from 'node:crypto';
import type { Transport } from '@concordat/transport';
import type { DataSource } from 'typeorm';
import { BranchGarbage } from './branch-garbage.js';
import { BranchReports } from './branch-reports.js';
import { CommandDispatcher } from './command-dispatcher.js';
import type { Connections } from './connections.js';
import { type GlobalWork, globalWork } from './global/global-work.js';
import { HeartbeatSender } from './heartbeat.js';
import type { IsolationWork } from './isolation.js';
import { localWork } from './local-work.js';
import type { OperationRegistry } from './operation-registry.js';
import type { IsolationOptions } from './options.js';
import { OrphanSweep } from './orphan-sweep.js';
import { ParticipantState } from './participant-state.js';
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
  readonly isolation: IsolationOptions;
}

export type ParticipantParts = ReturnType<typeof compose>;

/** Puts a participant together. The only place that knows all of its parts; nothing runs yet. */
export function compose(inputs: ParticipantInputs) {
  const { surroundings, connections, transport, registry, isolation } = inputs;
  const { participant, clock, limits } = surroundings;
  const state = new ParticipantState(participant, connections.finalise, clock);
  const replies = new Replies(transport, surroundings);
  const shared = { ...inputs, state, replies };
  const global: GlobalWork | undefined =
    isolation.isolation === 'global' ? globalWork({ ...shared, ...isolation }) : undefined;
  const work: IsolationWork = global ?? localWork(shared);
  const { records } = work;
  const prepared = new PreparedBranches();
  const repeater = new VoteRepeater(prepared, replies, surroundings);
  const reports = new BranchReports(records, state, replies, surroundings);
  const parts = { work, prepared, repeater, state, replies, reports };
  const dispatcher = new CommandDispatcher(parts, surroundings);
  const isExecuting = (transactionId: string) => dispatcher.isExecuting(transactionId);
  const sweep = new OrphanSweep(records, prepared, repeater, isExecuting, surroundings);
  const garbage = new BranchGarbage(participant, connections.finalise, state, limits.garbageBatchMax);
  const announcement = { instance: randomUUID(), isolation: work.isolation, operations: registry.descriptors };
  const heartbeat = new HeartbeatSender(announcement, prepared, sweep, state.troubles, replies, surroundings);
  return { ...parts, global, records, dispatcher, sweep, garbage, heartbeat };
}
