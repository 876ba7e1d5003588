import { participantNameSchema } from '@concordat/protocol';
import { createTransport, openMessageSigning, SignedTransport } from '@concordat/transport';
import { type DynamicModule, Inject, Module, type OnModuleInit, type Provider } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { type Logger, pino } from 'pino';
import { DataSource } from 'typeorm';
import { systemClock } from './backoff.js';
import { ParticipantEndpoints } from './endpoints.controller.js';
import { DEFAULT_LIMITS } from './limits.js';
import { ownerOfTopic } from './message-trust.js';
import { ParticipantMetrics } from './metrics.js';
import { OperationDiscovery } from './operation-discovery.js';
import type { ParticipantOptions } from './options.js';
import { ParticipantRuntime, type RuntimeResources } from './participant-runtime.js';
import { SnapshotReads } from './snapshot-reads.js';
import { ParticipantStrategy } from './strategy.js';
import type { Surroundings } from './surroundings.js';
import { tracedLogger } from './tracing.js';

const OPTIONS = Symbol('concordat:participant-options');
/** Token of the participant's pino logger. */
export const PARTICIPANT_LOGGER = Symbol('concordat:participant-logger');

const HOST_CONNECTIONS = 5;
const CONNECT_TIMEOUT_MS = 5000;

/** Parts of the module itself rather than of the participant. */
export interface ParticipantModuleExtras {
  /** Adds `GET /health/live`, `/health/ready` and `/metrics` to the application. */
  readonly endpoints?: boolean;
}

export interface ParticipantAsyncOptions extends ParticipantModuleExtras {
  readonly imports?: DynamicModule['imports'];
  // biome-ignore lint/suspicious/noExplicitAny: the tokens decide what the factory gets, as everywhere in Nest
  readonly inject?: any[];
  // biome-ignore lint/suspicious/noExplicitAny: see above
  readonly useFactory: (...dependencies: any[]) => ParticipantOptions | Promise<ParticipantOptions>;
}

/**
 * Makes a Nest application a participant. Its providers and controllers may have methods with `@Operation()`; it exports
 * the `DataSource` of the participant's database, `SnapshotReads`, the `ParticipantStrategy` to be connected, and the
 * metrics.
 */
@Module({})
export class ParticipantModule implements OnModuleInit {
  constructor(@Inject(OperationDiscovery) private readonly discovery: OperationDiscovery) {}

  static forRoot(options: ParticipantOptions & ParticipantModuleExtras): DynamicModule {
    return ParticipantModule.forRootAsync({ endpoints: options.endpoints ?? false, useFactory: () => options });
  }

  static forRootAsync({ imports = [], inject = [], useFactory, endpoints }: ParticipantAsyncOptions): DynamicModule {
    return {
      module: ParticipantModule,
      imports: [DiscoveryModule, ...imports],
      controllers: endpoints ? [ParticipantEndpoints] : [],
      providers: [{ provide: OPTIONS, inject, useFactory }, ...PROVIDERS],
      exports: [
        DataSource,
        SnapshotReads,
        ParticipantStrategy,
        ParticipantRuntime,
        ParticipantMetrics,
        PARTICIPANT_LOGGER,
      ],
    };
  }

  /** Start-up fails here unless each operation name has exactly one handler. */
  onModuleInit(): void {
    this.discovery.discover();
  }
}

const PROVIDERS: Provider[] = [
  OperationDiscovery,
  {
    provide: PARTICIPANT_LOGGER,
    inject: [OPTIONS],
    useFactory: ({ name, logger }: ParticipantOptions) =>
      tracedLogger(logger ?? pino({ level: process.env.LOG_LEVEL ?? 'info' }), { participant: name }),
  },
  {
    provide: DataSource,
    inject: [OPTIONS],
    useFactory: ({ database }: ParticipantOptions) =>
      'dataSource' in database ? database.dataSource : makeDataSource(database),
  },
  {
    provide: ParticipantMetrics,
    inject: [OPTIONS],
    useFactory: ({ name }: ParticipantOptions) => new ParticipantMetrics(participantNameSchema.parse(name)),
  },
  {
    provide: ParticipantRuntime,
    inject: [OPTIONS, DataSource, PARTICIPANT_LOGGER, ParticipantMetrics],
    useFactory: makeRuntime,
  },
  {
    provide: SnapshotReads,
    inject: [ParticipantRuntime],
    useFactory: (runtime: ParticipantRuntime) => new SnapshotReads(runtime),
  },
  {
    provide: ParticipantStrategy,
    inject: [ParticipantRuntime, OperationDiscovery],
    useFactory: (runtime: ParticipantRuntime, discovery: OperationDiscovery) =>
      new ParticipantStrategy(runtime, discovery),
  },
];

/** Not connected yet: the participant connects it when Postgres is there, and never lets it change the schema. */
function makeDataSource(database: Exclude<ParticipantOptions['database'], { dataSource: DataSource }>): DataSource {
  return new DataSource({
    type: 'postgres',
    url: database.url,
    entities: database.entities ?? [],
    migrations: database.migrations ?? [],
    poolSize: database.hostConnections ?? HOST_CONNECTIONS,
    connectTimeoutMS: CONNECT_TIMEOUT_MS,
    synchronize: false,
  });
}

function makeRuntime(
  options: ParticipantOptions,
  dataSource: DataSource,
  logger: Logger,
  metrics: ParticipantMetrics,
): ParticipantRuntime {
  const { name: participant, limits, kafka, messageKeys, ...isolation } = options;
  const surroundings: Surroundings = {
    participant,
    limits: { ...DEFAULT_LIMITS, ...limits },
    clock: systemClock,
    random: Math.random,
    metrics,
    logger,
  };
  const ownsTransport = !('transport' in kafka);
  const carrier = 'transport' in kafka ? kafka.transport : makeTransport(participant, kafka, logger);
  const ownerOf = ownerOfTopic(participant);
  const transport = messageKeys
    ? new SignedTransport(carrier, openMessageSigning({ ...messageKeys, ownerOf, logger }))
    : carrier;
  const url = urlOf(options, dataSource);
  const resources: RuntimeResources = { url, dataSource, transport, isolation, ownsTransport };
  return new ParticipantRuntime(resources, surroundings);
}

function makeTransport(
  participant: string,
  { brokers, client, security }: Exclude<ParticipantOptions['kafka'], { transport: unknown }>,
  logger: Logger,
) {
  const addresses = brokers.split(',').map((broker) => broker.trim());
  return createTransport({ brokers: addresses, clientId: `concordat-${participant}`, client, security, logger });
}

function urlOf({ database }: ParticipantOptions, dataSource: DataSource): string {
  if ('url' in database) return database.url;
  const { options } = dataSource;
  if (options.type === 'postgres' && options.url) return options.url;
  throw new TypeError('The DataSource of a participant must be of type "postgres" and have a "url".');
}
