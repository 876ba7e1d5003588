import type { KafkaSecurity, SigningMode, Transport, TransportClient } from '@concordat/transport';
import type { Logger } from 'pino';
import type { DataSource, EntitySchema, MigrationInterface, MixedList } from 'typeorm';
import type { ParticipantLimits } from './limits.js';

/** The tables of the host application, in the terms of TypeORM. The DataSource is made from this. */
export interface ParticipantDatabase {
  /** `postgres://user:password@host:port/database`, straight to the server (no pooler that swaps sessions). */
  readonly url: string;
  // biome-ignore lint/complexity/noBannedTypes: TypeORM's own type of an entity class
  readonly entities?: MixedList<Function | string | EntitySchema>;
  /** Run at start. */
  readonly migrations?: (new () => MigrationInterface)[];
  /** Connections for the host application's own queries, beside those of the participant. */
  readonly hostConnections?: number;
}

/** Instead of `ParticipantDatabase`: a DataSource that the host application has already. It must give a `url`. */
export interface HostDataSource {
  readonly dataSource: DataSource;
}

export interface ParticipantKafka {
  /** `host:port`, several separated by commas. */
  readonly brokers: string;
  readonly client?: TransportClient;
  /** How the broker knows this participant, and it the broker; `readTransportEnvironment` reads it. */
  readonly security?: KafkaSecurity | undefined;
}

/** Instead of `ParticipantKafka`: a transport that the host application has already and closes itself. */
export interface HostTransport {
  readonly transport: Transport;
}

/** Existing tables as they are: atomic across participants, first committer wins within one. */
export interface LocalIsolation {
  readonly isolation: 'local';
}

/** Entities with `@VersionedEntity()`: one snapshot across all participants, first committer wins. */
export interface GlobalIsolation {
  readonly isolation: 'global';
  /** Base URLs of coordinators, asked for outcomes: `http://coordinator-1:8080`. Any replica will do. */
  readonly coordinators: readonly string[];
  /** File with the API key (role `participant`) to ask them with; none where coordinators let in everybody. */
  readonly coordinatorApiKeyFile?: string;
}

export type IsolationOptions = LocalIsolation | GlobalIsolation;

export type ParticipantOptions = CommonOptions & IsolationOptions;

interface CommonOptions {
  /** Lower-case letters, digits and hyphens; names topics, prepared transactions and REST resources. */
  readonly name: string;
  readonly database: ParticipantDatabase | HostDataSource;
  readonly kafka: ParticipantKafka | HostTransport;
  /**
   * The file with this participant's keys, shared with the coordinator: with it every reply is signed, and no command is
   * believed that the coordinator did not sign. See docs/security-kafka.md.
   */
  readonly messageKeys?: { readonly file: string; readonly mode: SigningMode } | undefined;
  readonly limits?: Partial<ParticipantLimits>;
  /** By default one is made, with the level of `LOG_LEVEL` or `info`. */
  readonly logger?: Logger;
}
