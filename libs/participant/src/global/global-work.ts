import { ConcurrencyLimit } from '../concurrency-limit.js';
import type { Connections } from '../connections.js';
import type { IsolationWork } from '../isolation.js';
import type { OperationRegistry } from '../operation-registry.js';
import type { ParticipantState } from '../participant-state.js';
import type { Replies } from '../replies.js';
import type { Surroundings } from '../surroundings.js';
import { ApiKeyFile } from './api-key-file.js';
import { GlobalBranches } from './branches.js';
import { readingDatabaseOf } from './database.js';
import { Executes } from './executes.js';
import { GlobalExecutor } from './executor.js';
import { GlobalFinaliser } from './finaliser.js';
import { Replicas } from './replicas.js';
import { Sessions } from './sessions.js';
import { SnapshotOperations } from './snapshot-operations.js';
import { EntityReader } from './snapshot-reader.js';
import { StatusClient } from './status-client.js';
import type { SnapshotReader } from './store.js';
import { VersionGarbage } from './version-garbage.js';
import { VersionedEntities } from './versioned-entities.js';

export interface GlobalInputs {
  readonly surroundings: Surroundings;
  readonly connections: Connections;
  readonly registry: OperationRegistry;
  readonly state: ParticipantState;
  readonly replies: Replies;
  /** Base URLs. */
  readonly coordinators: readonly string[];
  /** File with the API key to ask them with. */
  readonly coordinatorApiKeyFile?: string;
}

/** Global isolation: what the rest of a participant sees of it. */
export interface GlobalWork extends IsolationWork {
  readonly isolation: 'global';
  readonly entities: VersionedEntities;
  readonly statuses: StatusClient;
  readonly sessions: Sessions;
  readonly versionGarbage: VersionGarbage;
  /** Reads outside of transactions, at a snapshot or at the latest. */
  readerAt(snapshot: number | undefined): Promise<SnapshotReader>;
}

/** Puts global isolation together. */
export function globalWork(inputs: GlobalInputs): GlobalWork {
  const { surroundings, connections, registry, state, replies, coordinators, coordinatorApiKeyFile } = inputs;
  const { participant, limits, metrics, random } = surroundings;
  const entities = new VersionedEntities();
  const apiKey =
    coordinatorApiKeyFile === undefined ? undefined : new ApiKeyFile(coordinatorApiKeyFile, surroundings.clock);
  const replicas = new Replicas(coordinators, surroundings, apiKey);
  const statuses = new StatusClient(replicas, metrics, limits.statusesKnownMax);
  const sessions = new Sessions(limits.sessionsMax);
  const branches = new GlobalBranches(participant, connections.finalise, entities);
  const places = new ConcurrencyLimit(limits.prepareConcurrency);
  const sources = (pool: Connections['read']) => ({
    db: readingDatabaseOf(pool, random),
    statuses,
    participant,
    entities,
    scanCandidatesMax: limits.scanCandidatesMax,
  });
  const operations = new SnapshotOperations(sources(connections.prepare), statuses, state, surroundings);
  const finaliser = new GlobalFinaliser(connections.finalise, entities, statuses, sessions, state, surroundings);
  const shared = { registry, operations, sessions, places, state };
  const pool = connections.prepare;
  const executor = new GlobalExecutor({ ...shared, branches, finaliser, statuses, pool }, surroundings);
  const executes = new Executes({ ...shared, replies }, surroundings);
  const versionGarbage = new VersionGarbage(participant, connections.finalise, entities, limits.garbageBatchMax);
  const readSources = sources(connections.read);
  return {
    isolation: 'global',
    executor,
    finaliser,
    records: branches,
    executes,
    entities,
    statuses,
    sessions,
    versionGarbage,
    hear: ({ appliedCsn, watermark }) => {
      if (state.isPlausibleCsn(appliedCsn)) statuses.observe(appliedCsn);
      if (state.isPlausibleCsn(watermark)) versionGarbage.observe(watermark);
    },
    readerAt: async (wanted) => {
      const snapshot = wanted ?? (await statuses.latestCsn());
      await statuses.awaitApplied(snapshot); // S2
      return new EntityReader(readSources, snapshot);
    },
  };
}
