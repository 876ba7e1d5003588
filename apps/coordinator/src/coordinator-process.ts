/**
 * The life of one coordinator process: recover, lead, serve, stop. Owns the order in which the parts come and go, and
 * nothing of what they do.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Transport } from '@concordat/transport';
import type { Audits } from './audit/audits.js';
import type { ClusterNode } from './cluster/cluster-node.js';
import type { ClusterService } from './cluster/cluster-service.js';
import type { Config } from './config/config.js';
import { Coordinator } from './engine/coordinator.js';
import type { Liveness } from './engine/liveness.js';
import { Replica, type ReplicaPorts } from './engine/replica.js';
import { SteadyClock } from './engine/steady-clock.js';
import type { TransactionStore } from './engine/store.js';
import type { TransactionTracing } from './engine/tracing.js';
import { KafkaMessenger } from './kafka/kafka-messenger.js';
import { ReplyReader } from './kafka/reply-reader.js';
import type { CoordinatorMetrics } from './observability/engine-metrics.js';
import type { Logger } from './observability/logger.js';
import type { MetricsRegistry } from './observability/metrics-registry.js';
import { exposeState } from './observability/state-metrics.js';
import type { StartingCoordinator } from './starting-coordinator.js';

const KAFKA_RETRY_MIN_MS = 200;
const KAFKA_RETRY_MAX_MS = 5_000;

/** The adapters, bound in coordinator.module.ts. */
export interface ProcessParts {
  readonly config: Config;
  readonly logger: Logger;
  readonly registry: MetricsRegistry;
  readonly metrics: CoordinatorMetrics;
  readonly tracing: TransactionTracing;
  readonly store: TransactionStore;
  readonly transport: Transport;
  /** Opens the log and finds the cluster; `url` is where this process listens. */
  readonly openCluster: (url: string) => Promise<ClusterNode>;
  readonly api: StartingCoordinator;
  readonly cluster: ClusterService;
  readonly audits: Audits;
  readonly liveness: Liveness;
  /** The process cannot go on; a restart recovers. */
  readonly onFatal: (error: Error) => void;
}

export class CoordinatorProcess {
  private cluster: ClusterNode | undefined;
  private coordinator: Coordinator | undefined;
  private reader: ReplyReader | undefined;
  private stopping = false;

  constructor(private readonly parts: ProcessParts) {}

  /** Recovers and begins to lead. Resolves when requests are answered; Kafka is joined as soon as it is there. */
  async start(url: string): Promise<void> {
    const { api, logger, metrics, tracing, store, transport, config } = this.parts;
    api.waitsFor('opening the decision log');
    const cluster = await this.parts.openCluster(url);
    this.cluster = cluster;
    cluster.log.onFlush = (durationMs) => metrics.logFlushed(durationMs);
    const unreadMs = () => this.reader?.unreadMs ?? Number.POSITIVE_INFINITY;
    const messenger = new KafkaMessenger(transport, logger, tracing, unreadMs);
    const ports: ReplicaPorts = {
      log: cluster.log,
      store,
      messenger,
      observers: cluster,
      metrics,
      tracing,
      logger,
      clock: new SteadyClock(), // never set back, so that no deadline waits for the clock
      random: () => Math.random(),
      retentionMs: config.retentionMs,
      idempotencyKeyMs: config.idempotencyKeyMs,
      inFlightMax: config.inFlightMax,
      opening: cluster.opening,
      onFatal: this.parts.onFatal,
    };
    api.waitsFor('waiting for Postgres');
    const replica = await Replica.open(ports);
    const coordinator = new Coordinator(replica, ports, config);
    this.coordinator = coordinator;
    this.reader = new ReplyReader(transport, this.coordinator, logger, tracing, () => metrics.deadLetter());
    await replica.start(this.coordinator);
    cluster.attach({
      members: () => replica.ledger.members,
      persistedIndex: () => replica.persister.persistedIndex,
      observation: () => coordinator.observation(),
      propose: (entry) => replica.propose(entry),
    });
    this.parts.cluster.become(cluster);
    api.become(this.coordinator);
    exposeState(this.parts.registry, { ...this.parts, replica, coordinator, members: cluster, log: cluster.log });
    this.parts.liveness.watch(cluster.log, replica.persister);
    void this.coordinator.keepContact();
    await this.parts.audits.open();
    void this.joinKafka(messenger, cluster.log.memberId);
  }

  /** D10: admits nothing new and lets what is in flight be decided. HTTP is closed between this and `close`. */
  async drain(): Promise<void> {
    this.stopping = true;
    await this.coordinator?.stop(this.parts.config.stopGraceMs);
  }

  /** Lets go of everything. */
  async close(): Promise<void> {
    this.stopping = true;
    await this.parts.audits.close();
    this.cluster?.close();
    await this.reader?.stop();
    await this.parts.transport.close();
    await this.parts.store.close();
  }

  /** Retries until it works: a transaction that was prepared before the start is waited for, not lost. */
  private async joinKafka(messenger: KafkaMessenger, memberId: string): Promise<void> {
    const { transport, logger } = this.parts;
    for (let waitMs = KAFKA_RETRY_MIN_MS; !this.stopping; waitMs = Math.min(waitMs * 2, KAFKA_RETRY_MAX_MS)) {
      try {
        await transport.connect();
        await messenger.ensureClusterTopics();
        await this.reader?.start(memberId);
        messenger.joined = true;
        return;
      } catch (error) {
        logger.warn({ err: error }, 'Kafka cannot be joined yet');
        await delay(waitMs);
      }
    }
  }
}
