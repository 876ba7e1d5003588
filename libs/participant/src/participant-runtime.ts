import { setTimeout as sleep } from 'node:timers/promises';
import {
  CLUSTER_TOPICS,
  ConcordatError,
  commandsTopic,
  HEARTBEAT_INTERVAL_MS,
  participantTopics,
  REPLIES_TOPIC,
} from '@concordat/protocol';
import { type IncomingMessage, SignatureError, type Subscription, type Transport } from '@concordat/transport';
import type { DataSource } from 'typeorm';
import { backoffMs } from './backoff.js';
import { compose, type ParticipantParts } from './composition.js';
import { type Connections, openConnections } from './connections.js';
import type { SnapshotReader } from './global/store.js';
import { migrate } from './migrate.js';
import { IsolationError } from './operation-context.js';
import type { OperationRegistry } from './operation-registry.js';
import type { IsolationOptions } from './options.js';
import { PeriodicTask } from './periodic-task.js';
import { checkServer } from './preflight.js';
import type { Replies } from './replies.js';
import { classifyDatabaseError, sqlStateOf } from './sql-state.js';
import type { Surroundings } from './surroundings.js';

export interface RuntimeResources {
  /** Of the participant's database. */
  readonly url: string;
  readonly dataSource: DataSource;
  readonly transport: Transport;
  readonly isolation: IsolationOptions;
  /** Whether the transport ends with the runtime. */
  readonly ownsTransport: boolean;
}

export interface ParticipantHealth {
  readonly ready: boolean;
  readonly started: boolean;
  readonly postgres: boolean;
  readonly kafka: boolean;
}

const START_RETRY_BASE_MS = 250;
const START_RETRY_CAP_MS = 5000;
const REPEAT_TURN_MS = 200;
const PING_TIMEOUT_MS = 2000;
/** Commands read and not handled; prepares leave this number as soon as they are accepted. */
const OUTSTANDING_MAX = 4096;
/** Of the cluster's topics the only one that a participant uses, and needs a right to. */
const REPLIES = CLUSTER_TOPICS.filter(({ name }) => name === REPLIES_TOPIC);
/** The database of a participant may be created a little later than the participant is started. */
const DATABASE_MISSING = '3D000';

/** Starts a participant, keeps it going and stops it. Postgres and Kafka may come later, go away, and come back. */
export class ParticipantRuntime {
  readonly #stopping = new AbortController();
  readonly #tasks: PeriodicTask[] = [];
  #connections: Connections | undefined;
  #parts: ParticipantParts | undefined;
  #subscription: Subscription | undefined;
  #start: Promise<void> | undefined;
  #stop: Promise<void> | undefined;
  #started = false;

  constructor(
    private readonly resources: RuntimeResources,
    private readonly surroundings: Surroundings,
  ) {}

  /**
   * Resolves when the participant takes commands, or when it was stopped before it could; rejects when it never can (see
   * `PreflightError`), with everything given back.
   */
  start(registry: OperationRegistry): Promise<void> {
    this.#start ??= this.#doStart(registry).catch(async (error) => {
      if (this.#stopping.signal.aborted) return;
      await this.#release();
      throw error;
    });
    return this.#start;
  }

  /** Stops reading, finishes what runs, says goodbye, closes. */
  stop(): Promise<void> {
    this.#stop ??= this.#doStop();
    return this.#stop;
  }

  /** Reads at a snapshot, or at the latest; see `SnapshotReads`. */
  async readerAt(snapshot?: number): Promise<SnapshotReader> {
    if (this.resources.isolation.isolation !== 'global') {
      throw new IsolationError('A participant with local isolation has no snapshots to read at.');
    }
    if (this.#parts?.global === undefined) {
      throw new ConcordatError('snapshot-unavailable', 'The participant has not started yet.', { retryAfterMs: 1000 });
    }
    return this.#parts.global.readerAt(snapshot);
  }

  async health(): Promise<ParticipantHealth> {
    const ping = this.#parts?.records.ping().then(
      () => true,
      () => false,
    );
    const postgres = ping ? await Promise.race([ping, sleep(PING_TIMEOUT_MS, false, { ref: false })]) : false;
    const kafka = this.resources.transport.available;
    return { ready: this.#started && !this.#stop && postgres && kafka, started: this.#started, postgres, kafka };
  }

  async #doStart(registry: OperationRegistry): Promise<void> {
    const { surroundings, resources } = this;
    const { participant, limits, logger } = surroundings;
    const { url, dataSource, transport, isolation } = resources;
    const connections = openConnections({ ...limits, url, participant, isolation: isolation.isolation, logger });
    this.#connections = connections;
    const parts = compose({ surroundings, connections, dataSource, transport, registry, isolation });
    await this.#persistently('Postgres', isPostgresComing, async () => {
      await checkServer(connections.finalise, limits, isolation.isolation);
      await migrate({ url, host: dataSource, participant, entities: parts.global?.entities });
      await parts.state.load();
      await parts.sweep.sweep();
    });
    this.#parts = parts;
    this.#observe(parts);
    await this.#persistently('Kafka', isKafkaComing, async () => {
      await transport.connect();
      await transport.ensureTopics([...REPLIES, ...participantTopics(participant)]);
      this.#subscription = await transport.subscribe({
        topic: commandsTopic(participant),
        groupId: `concordat.participant.${participant}`,
        from: 'committed',
        outstandingMax: OUTSTANDING_MAX,
        onMessage: (message) => parts.dispatcher.accept(message),
        onError: (error, message) => this.#onTrouble(parts.replies, error, message),
      });
    });
    this.#startTasks(parts);
    this.#started = true;
    logger.info({ operations: registry.descriptors.map(({ name }) => name) }, 'participant ready');
  }

  #onTrouble(replies: Replies, error: unknown, message?: IncomingMessage): void {
    if (message && error instanceof SignatureError) {
      void replies.deadLetter(message, 'signature', error.message);
      return;
    }
    const level = message ? 'error' : 'warn';
    this.surroundings.logger[level]({ err: error, offset: message?.offset }, 'trouble with the commands topic');
  }

  #observe({ prepared, dispatcher, global, sweep }: ParticipantParts): void {
    const { metrics, clock, logger } = this.surroundings;
    metrics.observe({
      prepared: () => prepared.size,
      foreignPrepared: () => sweep.foreign,
      oldestPreparedMs: () => prepared.oldestMs(clock.nowMs()),
      executing: () => dispatcher.executing,
      sessions: () => global?.sessions.size ?? 0,
      appliedCsn: () => global?.statuses.appliedCsn ?? 0,
      kafkaAvailable: () => this.resources.transport.available,
      reading: () => this.#subscription?.reading(),
    });
    this.resources.transport.onAvailability((available) => {
      logger[available ? 'info' : 'warn']({ available }, available ? 'Kafka is back' : 'Kafka cannot be reached');
    });
  }

  #startTasks({ repeater, sweep, garbage, heartbeat, global }: ParticipantParts): void {
    const { limits, clock, metrics } = this.surroundings;
    const { transport } = this.resources;
    this.#every(REPEAT_TURN_MS, 'repeating votes', () => transport.available && repeater.turn(clock.nowMs()));
    this.#every(limits.sweepIntervalMs, 'the sweep of prepared transactions', () => sweep.sweep());
    this.#every(limits.garbageIntervalMs, 'the collection of branch rows', async () => {
      metrics.rowsCollected.inc(await garbage.collect());
    });
    if (global) {
      this.#every(limits.garbageIntervalMs, 'the collection of versions', async () => {
        metrics.versionsCollected.inc(await global.versionGarbage.collect());
      });
    }
    this.#every(HEARTBEAT_INTERVAL_MS, 'the heartbeat', () => heartbeat.beat());
    heartbeat.beat();
  }

  #every(intervalMs: number, what: string, task: () => unknown): void {
    const report = (error: unknown) => this.surroundings.logger.warn({ err: error }, `${what} failed`);
    const periodic = new PeriodicTask(intervalMs, task, report);
    this.#tasks.push(periodic);
    periodic.start();
  }

  /** Tries until it succeeds, the failure is of no passing kind, or the participant stops. */
  async #persistently(what: string, isPassing: (error: unknown) => boolean, work: () => Promise<void>): Promise<void> {
    const { logger, random } = this.surroundings;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        if (!isPassing(error) || this.#stopping.signal.aborted) throw error;
        const pauseMs = backoffMs(attempt, START_RETRY_BASE_MS, START_RETRY_CAP_MS, random);
        logger.warn({ err: error, pauseMs: Math.round(pauseMs) }, `${what} is not there yet`);
        await sleep(pauseMs, undefined, { signal: this.#stopping.signal });
      }
    }
  }

  async #doStop(): Promise<void> {
    const { logger, limits } = this.surroundings;
    this.#stopping.abort();
    const failed = await this.#start?.then(
      () => false,
      () => true, // whoever started it was told
    );
    if (failed) return;
    await this.#subscription?.close().catch((error) => logger.warn({ err: error }, 'the subscription did not close'));
    await this.#parts?.dispatcher.drain(limits.stopGraceMs);
    await Promise.all(this.#tasks.map((task) => task.stop()));
    if (this.#started) await this.#parts?.heartbeat.sayStopping();
    await this.#release();
    logger.info('participant stopped');
  }

  async #release(): Promise<void> {
    const { transport, ownsTransport, dataSource } = this.resources;
    const { logger } = this.surroundings;
    if (ownsTransport) await transport.close().catch((error) => logger.warn({ err: error }, 'Kafka did not close'));
    await this.#connections?.close();
    if (dataSource.isInitialized) await dataSource.destroy();
  }
}

const isPostgresComing = (error: unknown): boolean =>
  classifyDatabaseError(error) === 'connection' || sqlStateOf(error) === DATABASE_MISSING;

const isKafkaComing = (error: unknown): boolean => (error as { retryable?: unknown })?.retryable === true;
