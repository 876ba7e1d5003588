import type { DataSource } from 'typeorm';
import { BranchStore } from './branch-store.js';
import type { Connections } from './connections.js';
import { Finaliser } from './finalise.js';
import type { IsolationWork } from './isolation.js';
import type { OperationRegistry } from './operation-registry.js';
import type { ParticipantState } from './participant-state.js';
import { PrepareExecutor } from './prepare.js';
import { PrepareSessions } from './prepare-session.js';
import { RefusedExecutes } from './refused-executes.js';
import type { Replies } from './replies.js';
import type { Surroundings } from './surroundings.js';

export interface LocalInputs {
  readonly surroundings: Surroundings;
  readonly connections: Connections;
  readonly dataSource: DataSource;
  readonly registry: OperationRegistry;
  readonly state: ParticipantState;
  readonly replies: Replies;
}

/** Puts local isolation together: Postgres' own two-phase commit, on tables as they are. */
export function localWork(inputs: LocalInputs): IsolationWork {
  const { surroundings, connections, dataSource, registry, state, replies } = inputs;
  const store = new BranchStore(surroundings.participant, connections);
  const sessions = new PrepareSessions(store, dataSource, surroundings);
  return {
    isolation: 'local',
    executor: new PrepareExecutor(registry, sessions, state, surroundings),
    finaliser: new Finaliser(store, state, surroundings),
    records: store,
    executes: new RefusedExecutes(replies),
    hear: () => undefined, // applied numbers and watermarks mean nothing to tables as they are
  };
}
