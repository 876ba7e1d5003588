import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { createTransport, openMessageSigning } from '@concordat/transport';
import { type DynamicModule, Module } from '@nestjs/common';
import { Audits } from './audit/audits.js';
import { ClusterNode } from './cluster/cluster-node.js';
import { ClusterService } from './cluster/cluster-service.js';
import { ReloadedTls } from './cluster/reloaded-tls.js';
import type { Config } from './config/config.js';
import { CoordinatorProcess } from './coordinator-process.js';
import { COORDINATOR_API } from './engine/api.js';
import { AUDIT_API } from './engine/audit-api.js';
import { CLUSTER_API } from './engine/cluster-api.js';
import { Liveness } from './engine/liveness.js';
import type { TransactionTracing } from './engine/tracing.js';
import { EventStreams } from './http/event-streams.js';
import { HTTP_CONTROLLERS } from './http/http-controllers.js';
import { ownerOfTopic } from './kafka/message-owners.js';
import { CoordinatorMetrics } from './observability/engine-metrics.js';
import type { Logger } from './observability/logger.js';
import { MetricsRegistry } from './observability/metrics-registry.js';
import { PostgresStore } from './postgres/postgres-store.js';
import { StartingCoordinator } from './starting-coordinator.js';

@Module({})
class CoordinatorModule {}

/** The composition root: the only place that binds ports to adapters. `onFatal`: the process cannot go on. */
export function coordinatorModule(
  config: Config,
  logger: Logger,
  tracing: TransactionTracing,
  onFatal: (error: Error) => void,
): DynamicModule {
  const registry = new MetricsRegistry();
  const api = new StartingCoordinator();
  const cluster = new ClusterService(config.electionTimeoutMs);
  const liveness = new Liveness();
  const audits = createAudits(config, logger, cluster);
  const life = new CoordinatorProcess({
    config,
    logger,
    registry,
    metrics: new CoordinatorMetrics(registry),
    tracing,
    store: new PostgresStore({
      databaseUrl: config.databaseUrl,
      onWaiting: (error) => logger.warn({ err: error }, 'Postgres cannot be reached yet'),
    }),
    transport: createTransport({
      brokers: [...config.kafkaBrokers],
      clientId: `concordat-coordinator-${config.nodeId}`,
      ...(config.kafkaClient === undefined ? {} : { client: config.kafkaClient }),
      ...(config.kafkaSecurity && { security: config.kafkaSecurity }),
      ...(config.messageKeys && {
        signing: openMessageSigning({ ...config.messageKeys, ownerOf: ownerOfTopic, logger }),
      }),
      logger,
    }),
    openCluster: (url) =>
      ClusterNode.open({
        nodeId: config.nodeId,
        peers: config.peers,
        listen: config.raftListen,
        url: config.advertisedUrl ?? url,
        directory: join(config.dataDirectory, 'log'),
        electionTimeoutMs: config.electionTimeoutMs,
        ...(config.tlsFiles && { tls: new ReloadedTls(config.tlsFiles, logger) }),
        logger,
        now: () => performance.now(), // never set back
        onWaiting: (reason) => api.waitsFor(`looking for its cluster: ${reason}`),
      }),
    api,
    cluster,
    audits,
    liveness,
    onFatal,
  });
  return {
    module: CoordinatorModule,
    controllers: HTTP_CONTROLLERS,
    providers: [
      EventStreams,
      { provide: MetricsRegistry, useValue: registry },
      { provide: COORDINATOR_API, useValue: api },
      { provide: CLUSTER_API, useValue: cluster },
      { provide: AUDIT_API, useValue: audits },
      { provide: Liveness, useValue: liveness },
      { provide: CoordinatorProcess, useValue: life },
    ],
  };
}

/** Threads of an audit: as many as there are processors, and no more than this. */
const AUDIT_WORKERS_MAX = 4;

function createAudits(config: Config, logger: Logger, cluster: ClusterService): Audits {
  const { dataDirectory, nodeId, kafkaBrokers, kafkaSecurity, messageKeys, databaseUrl } = config;
  return new Audits(join(dataDirectory, 'audits'), nodeId, {
    brokers: kafkaBrokers,
    clientId: `concordat-audit-${nodeId}`,
    ...(kafkaSecurity && { security: kafkaSecurity }),
    ...(messageKeys && { messageKeys }),
    databaseUrl,
    workers: Math.min(AUDIT_WORKERS_MAX, availableParallelism()),
    workerFile: new URL('./audit-worker.js', import.meta.url),
    confirmApplied: async () => {
      await cluster.view('linearizable');
      return cluster.appliedIndex;
    },
    logger,
  });
}
