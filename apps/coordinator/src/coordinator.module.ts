import { join } from 'node:path';
import { createTransport } from '@concordat/transport';
import { type DynamicModule, Module } from '@nestjs/common';
import type { Config } from './config/config.js';
import { CoordinatorProcess } from './coordinator-process.js';
import { SingleNodeLog } from './decision-log/single-node-log.js';
import { COORDINATOR_API } from './engine/api.js';
import { EventStreams } from './http/event-streams.js';
import { HTTP_CONTROLLERS } from './http/http-controllers.js';
import { CoordinatorMetrics } from './observability/engine-metrics.js';
import type { Logger } from './observability/logger.js';
import { MetricsRegistry } from './observability/metrics-registry.js';
import { PostgresStore } from './postgres/postgres-store.js';
import { StartingCoordinator } from './starting-coordinator.js';

@Module({})
class CoordinatorModule {}

/** The composition root: the only place that binds ports to adapters. `onFatal`: the process cannot go on. */
export function coordinatorModule(config: Config, logger: Logger, onFatal: (error: Error) => void): DynamicModule {
  const registry = new MetricsRegistry();
  const api = new StartingCoordinator();
  const life = new CoordinatorProcess({
    config,
    logger,
    registry,
    metrics: new CoordinatorMetrics(registry),
    store: new PostgresStore({
      databaseUrl: config.databaseUrl,
      onWaiting: (error) => logger.warn({ err: error }, 'Postgres cannot be reached yet'),
    }),
    transport: createTransport({
      brokers: [...config.kafkaBrokers],
      clientId: `concordat-coordinator-${config.nodeId}`,
      ...(config.kafkaClient === undefined ? {} : { client: config.kafkaClient }),
      logger,
    }),
    openLog: () => SingleNodeLog.open(join(config.dataDirectory, 'log')),
    api,
    onFatal,
  });
  return {
    module: CoordinatorModule,
    controllers: HTTP_CONTROLLERS,
    providers: [
      EventStreams,
      { provide: MetricsRegistry, useValue: registry },
      { provide: COORDINATOR_API, useValue: api },
      { provide: CoordinatorProcess, useValue: life },
    ],
  };
}
