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
import type { DecisionLog } from './engine/decision-log.js';
import type { Liveness } from './engine/liveness.js';
import { Replica, type ReplicaPorts } from './engine/replica.js';
import { SteadyClock } from './engine/steady-clock.js';
import type { TransactionStore } from './engine/store.js';
import { KafkaMessenger } from './kafka/kafka-messenger.js';
import { ReplyReader } from './kafka/reply-reader.js';
import type { CoordinatorMetrics } from './observability/engine-metrics.js';
import { exposeDoubts } from './observability/in-doubt-metrics.js';
import type { Logger } from './observability/logger.js';
import type { MetricsRegistry } from './observability/metrics-registry.js';
import type { StartingCoordinator } from './starting-coordinator.js';

const KAFKA_RETRY_MIN_MS = 200;
const KAFKA_RETRY_MAX_MS = 5_000;

/** The adapters, bound in coordinator.module.ts. */
export interface ProcessParts {
  readonly config: Config;
  readonly logger: Logger;
  readonly registry: MetricsRegistry;
  readonly metrics: CoordinatorMetrics;
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
    const { api, logger, metrics, store, transport, config } = this.parts;
    api.waitsFor('opening the decision log');
    const cluster = await this.parts.openCluster(url);
    this.cluster = cluster;
    const messenger = new KafkaMessenger(transport, logger, () => this.reader?.unreadMs ?? Number.POSITIVE_INFINITY);
    const ports: ReplicaPorts = {
      log: cluster.log,
      store,
      messenger,
      observers: cluster,
      metrics,
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
    this.reader = new ReplyReader(transport, this.coordinator, logger, () => metrics.deadLetter());
    await replica.start(this.coordinator);
    cluster.attach({
      members: () => replica.ledger.members,
      persistedIndex: () => replica.persister.persistedIndex,
      observation: () => coordinator.observation(),
      propose: (entry) => replica.propose(entry),
    });
    this.parts.cluster.become(cluster);
    api.become(this.coordinator);
    this.exposeState(replica, cluster.log);
    exposeAdmission(this.parts.registry, replica, coordinator);
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

  private exposeState(replica: Replica, log: DecisionLog): void {
    const { registry, transport, store, api } = this.parts;
    const flag = (value: boolean): number => (value ? 1 : 0);
    registry.gauge('concordat_ready', 'Whether this replica takes work.', () => flag(api.readiness().ready));
    registry.gauge('concordat_in_flight', 'Transactions not finished.', () => replica.leader?.inFlight ?? 0);
    registry.gauge('concordat_undecided', 'Transactions not decided.', () => replica.leader?.undecided ?? 0);
    registry.gauge('concordat_reconciliation_pending', 'Whether a restore still waits for participants.', () =>
      flag(replica.ledger.reconciliation === 'pending'),
    );
    exposeDoubts(registry, replica, () => Date.now());
    registry.gauge('concordat_leased_snapshots', 'Read snapshots that are leased.', () => replica.ledger.leases.size);
    registry.gauge(
      'concordat_watermark_lag_entries',
      'Log entries between the oldest snapshot in use, below which versions are collected, and what is applied.',
      () => (replica.leader ? replica.ledger.appliedCsn - replica.leader.watermark : 0),
    );
    registry.gauges(
      'concordat_participant_suspicion',
      'Phi: minus the decimal logarithm of how often a living participant would be silent for so long, by this replica.',
      'participant',
      () => api.participants().map(({ name, suspicion }) => [name, suspicion ?? 0]),
    );
    registry.gauges('concordat_participant_up', 'Whether work for the participant is taken.', 'participant', () =>
      api.participants().map(({ name, health }) => [name, flag(health !== 'down')]),
    );
    registry.gauge('concordat_kafka_available', 'Whether Kafka answers.', () => flag(transport.available));
    registry.gauge('concordat_postgres_available', 'Whether Postgres answers.', () => flag(store.available));
    registry.gauge(
      'concordat_persistence_backlog',
      'Changed records that wait for Postgres.',
      () => replica.persister.backlog,
    );
    registry.gauge(
      'concordat_persistence_lag_entries',
      'Log entries that are applied and not yet in Postgres.',
      () => replica.ledger.appliedIndex - replica.persister.persistedIndex,
    );
    registry.counterFrom('concordat_log_fsyncs_total', 'fdatasync calls of the decision log.', () => log.fsyncCount);
    registry.counterFrom('concordat_log_bytes_total', 'Bytes written to the decision log.', () => log.bytesWritten);
    registry.counterFrom(
      'concordat_kafka_messages_sent_total',
      'Messages sent to Kafka.',
      () => transport.statistics.messagesSent,
    );
    registry.counterFrom(
      'concordat_kafka_batches_sent_total',
      'Produce requests to Kafka.',
      () => transport.statistics.batchesSent,
    );
    registry.counterFrom(
      'concordat_kafka_messages_received_total',
      'Messages received from Kafka.',
      () => transport.statistics.messagesReceived,
    );
    registry.counterFrom(
      'concordat_messages_refused_total',
      'Messages whose signature was missing or wrong. Alert on any.',
      () => transport.statistics.messagesRefused ?? 0,
    );
    registry.counterFrom(
      'concordat_messages_unsigned_total',
      'Messages accepted unsigned, while MESSAGE_KEYS_MODE is migrate.',
      () => transport.statistics.messagesUnsigned ?? 0,
    );
  }
}

/** How much is taken on, and how much could be. */
function exposeAdmission(registry: MetricsRegistry, replica: Replica, { admission }: Coordinator): void {
  const load = () => replica.leader?.load;
  const names = (): string[] => [...replica.ledger.participants.keys()];
  registry.gauge(
    'concordat_admission_places',
    'Places for work under way, as many as the decision log keeps up with.',
    () => load()?.places ?? 0,
  );
  registry.gauge('concordat_admission_working', 'Places that are taken.', () => admission.working);
  registry.gauge('concordat_admission_waiting', 'Calls that wait for their turn.', () => admission.waiting);
  registry.gauges('concordat_participant_lag', 'Commands that are not answered yet.', 'participant', () =>
    names().map((name) => [name, load()?.lagOf(name) ?? 0]),
  );
  registry.gauges('concordat_participant_lag_max', 'With so many it is asked for no more.', 'participant', () =>
    names().map((name) => [name, load()?.lagMaxOf(name) ?? 0]),
  );
}
