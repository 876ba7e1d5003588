export { ConcordatError, ERRORS } from '@concordat/protocol';
export { readTransportEnvironment, type TransportEnvironment } from '@concordat/transport';
export { FencedResource } from './fence.js';
export type {
  Condition,
  EntityClass,
  FindOptions,
  Key,
  SnapshotReader,
  SnapshotStore,
  Where,
} from './global/store.js';
export { VersionedEntityError } from './global/versioned-entities.js';
export { VersionedEntity, type VersionedEntityOptions } from './global/versioned-entity.decorator.js';
export { DEFAULT_LIMITS, type ParticipantLimits } from './limits.js';
export { ParticipantMetrics } from './metrics.js';
export { PARTICIPANT_MIGRATIONS } from './migrate.js';
export { nestLogger } from './nest-logger.js';
export { Operation, type OperationOptions } from './operation.decorator.js';
export { IsolationError, type OperationContext } from './operation-context.js';
export { OperationRegistrationError } from './operation-registry.js';
export type {
  GlobalIsolation,
  HostDataSource,
  HostTransport,
  LocalIsolation,
  ParticipantDatabase,
  ParticipantKafka,
  ParticipantOptions,
} from './options.js';
export {
  PARTICIPANT_LOGGER,
  type ParticipantAsyncOptions,
  ParticipantModule,
  type ParticipantModuleExtras,
} from './participant.module.js';
export { type ParticipantHealth, ParticipantRuntime } from './participant-runtime.js';
export { PreflightError } from './preflight.js';
export { Refusal } from './refusal.js';
export { SnapshotReads } from './snapshot-reads.js';
export { isDatabaseUnavailable } from './sql-state.js';
export { ParticipantStrategy } from './strategy.js';
