import {
  type Command,
  type CommitCommand,
  commandsTopic,
  type DeadLetter,
  type Done,
  decodeDeadLetter,
  decodeReply,
  type ExecuteCommand,
  type Executed,
  formatTransactionId,
  type OperationCall,
  type PrepareCommand,
  REPLIES_TOPIC,
  type Reply,
  type Vote,
} from '@concordat/protocol';
import { pino } from 'pino';
import { DataSource, type EntityManager } from 'typeorm';
import { z } from 'zod';
import { systemClock } from '../src/backoff.js';
import { compose, type ParticipantParts } from '../src/composition.js';
import { openConnections } from '../src/connections.js';
import { DEFAULT_LIMITS, type ParticipantLimits } from '../src/limits.js';
import { ParticipantMetrics } from '../src/metrics.js';
import { migrate } from '../src/migrate.js';
import type { OperationContext } from '../src/operation-context.js';
import { OperationRegistry, type RegisteredOperation } from '../src/operation-registry.js';
import type { IsolationOptions } from '../src/options.js';
import { MemoryTransport } from './memory-transport.js';

export type Handler = (input: { id: string }, context: OperationContext) => Promise<unknown>;

export interface TestParticipantOptions {
  readonly url: string;
  readonly name?: string;
  readonly operations?: Record<string, Handler>;
  readonly readOnlyOperations?: Record<string, Handler>;
  readonly limits?: Partial<ParticipantLimits>;
  /** Global isolation with these coordinators and entities; local where left out. */
  readonly global?: { readonly coordinators: readonly string[]; readonly entities: (new () => object)[] };
}

const WAIT_MS = 15_000;
const POLL_MS = 10;

/** A whole participant on a real Postgres, whose broker is the test. */
export class TestParticipant {
  private constructor(
    readonly name: string,
    readonly parts: ParticipantParts,
    readonly dataSource: DataSource,
    readonly transport: MemoryTransport,
    readonly metrics: ParticipantMetrics,
    private readonly closeConnections: () => Promise<void>,
  ) {}

  static async start(options: TestParticipantOptions): Promise<TestParticipant> {
    const { url, name = 'accounts' } = options;
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    const logger = pino({ level: process.env.TEST_LOG_LEVEL ?? 'silent' });
    const metrics = new ParticipantMetrics(name);
    const surroundings = { participant: name, limits, clock: systemClock, random: Math.random, metrics, logger };
    const { global } = options;
    const dataSource = new DataSource({ type: 'postgres', url, entities: global?.entities ?? [] });
    const isolation: IsolationOptions = global
      ? { isolation: 'global', coordinators: global.coordinators }
      : { isolation: 'local' };
    const connections = openConnections({ ...limits, ...isolation, url, participant: name, logger });
    const transport = new MemoryTransport();
    const registry = new OperationRegistry(registered(options));
    const parts = compose({ surroundings, connections, dataSource, transport, registry, isolation });
    try {
      await migrate({ url, host: dataSource, participant: name, entities: parts.global?.entities });
    } catch (error) {
      await connections.close();
      if (dataSource.isInitialized) await dataSource.destroy();
      throw error;
    }
    await dataSource.query('CREATE TABLE IF NOT EXISTS item (id text PRIMARY KEY, n int NOT NULL DEFAULT 0)');
    await parts.state.load();
    await parts.sweep.sweep();
    return new TestParticipant(name, parts, dataSource, transport, metrics, () => connections.close());
  }

  /** Resolves when the transport may count the message as handled. */
  async deliver(command: Command): Promise<void> {
    await this.deliverRaw(command.transactionId, JSON.stringify(command));
  }

  async deliverRaw(key: string, value: string | Buffer): Promise<void> {
    await this.parts.dispatcher.accept(this.transport.incoming(commandsTopic(this.name), key, value));
  }

  /** Delivers a prepare and waits for the first vote after it. */
  async prepare(command: PrepareCommand): Promise<Vote> {
    const before = this.votes(command.transactionId).length;
    await this.deliver(command);
    return until(() => this.votes(command.transactionId)[before]);
  }

  /** Delivers a decision and waits until it is handled. Answers the DONE that it led to, if any. */
  async decide(command: Command): Promise<Done | undefined> {
    const before = this.dones(command.transactionId).length;
    await this.deliver(command);
    return this.dones(command.transactionId)[before];
  }

  votes(transactionId: string): Vote[] {
    return this.replies().filter(
      (reply): reply is Vote => reply.type === 'vote' && reply.transactionId === transactionId,
    );
  }

  executed(transactionId: string): Executed[] {
    return this.replies().filter(
      (reply): reply is Executed => reply.type === 'executed' && reply.transactionId === transactionId,
    );
  }

  /** Delivers an execute and waits for the first answer after it. */
  async execute(command: ExecuteCommand): Promise<Executed> {
    const before = this.executed(command.transactionId).length;
    await this.deliver(command);
    return until(() => this.executed(command.transactionId)[before]);
  }

  dones(transactionId: string): Done[] {
    return this.replies().filter(
      (reply): reply is Done => reply.type === 'done' && reply.transactionId === transactionId,
    );
  }

  replies(): Reply[] {
    return this.transport.sent.flatMap(({ topic, value }) => {
      if (topic !== REPLIES_TOPIC) return [];
      const decoded = decodeReply(Buffer.from(value));
      if (!decoded.ok) throw new Error(`a reply is not valid: ${decoded.error}`);
      return [decoded.message];
    });
  }

  deadLetters(): DeadLetter[] {
    return this.transport.sent.flatMap(({ topic, value }) => {
      if (!topic.startsWith('concordat.dead-letters.')) return [];
      const decoded = decodeDeadLetter(Buffer.from(value));
      if (!decoded.ok) throw new Error(`a dead letter is not valid: ${decoded.error}`);
      return [decoded.message];
    });
  }

  /** Waits until no prepare is running. */
  async idle(): Promise<void> {
    await until(() => this.parts.dispatcher.executing === 0 || undefined);
  }

  async stop(): Promise<void> {
    await this.parts.dispatcher.drain(0);
    await this.closeConnections();
    await this.dataSource.destroy();
  }
}

function registered({ operations = {}, readOnlyOperations = {} }: TestParticipantOptions): RegisteredOperation[] {
  const input = z.object({ id: z.string() });
  const make =
    (readOnly: boolean) =>
    ([name, handler]: [string, Handler]): RegisteredOperation => ({
      name,
      source: `test.${name}`,
      options: { input, readOnly },
      handle: (value, context) => handler(value as { id: string }, context),
    });
  const put: Handler = async ({ id }, { manager }) => putItem(manager, id);
  const get: Handler = async ({ id }, { manager }) => {
    const [row] = await manager.query('SELECT n FROM item WHERE id = $1', [id]);
    return row ?? null;
  };
  return [
    ...Object.entries({ put, ...operations }).map(make(false)),
    ...Object.entries({ get, ...readOnlyOperations }).map(make(true)),
  ];
}

/** Creates an item or counts it up. Answers the count. */
export async function putItem(manager: EntityManager, id: string): Promise<{ id: string; n: number }> {
  const [row] = await manager.query(
    'WITH put AS (INSERT INTO item (id, n) VALUES ($1, 1) ON CONFLICT (id) DO UPDATE SET n = item.n + 1 RETURNING id, n) SELECT id, n FROM put',
    [id],
  );
  return row;
}

/** Waits until the value is there. */
export async function until<T>(read: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const end = Date.now() + WAIT_MS;
  for (;;) {
    const value = await read();
    if (value !== undefined) return value;
    if (Date.now() > end) throw new Error(`waited ${WAIT_MS} ms in vain for ${read}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Commands of one coordinator: its ids are of one incarnation and count upwards. */
export class TestCoordinator {
  #sequence = 0;
  readonly #incarnation: number;
  /** Below every id of this coordinator. */
  readonly horizon: string;

  constructor(
    private readonly participant = 'accounts',
    incarnation = Date.now(),
  ) {
    this.#incarnation = incarnation;
    this.horizon = formatTransactionId({ incarnation, term: 1, sequence: 1 });
  }

  id(sequence = ++this.#sequence): string {
    return formatTransactionId({ incarnation: this.#incarnation, term: 1, sequence });
  }

  prepare(
    transactionId: string,
    operations: [operation: string, id: string][],
    further: Partial<PrepareCommand> = {},
  ): PrepareCommand {
    const calls: OperationCall[] = operations.map(([operation, id], index) => ({
      branchId: String(index + 1),
      operation,
      input: { id },
    }));
    return {
      ...this.#base(transactionId),
      type: 'prepare',
      isolation: 'local',
      serializable: false,
      snapshot: null,
      remainingMs: 30_000,
      operations: calls,
      ...further,
    };
  }

  execute(
    transactionId: string,
    number: number,
    [operation, id]: [operation: string, id: string],
    further: Partial<ExecuteCommand> = {},
  ): ExecuteCommand {
    const call: OperationCall = { branchId: String(number), operation, input: { id } };
    const more = { serializable: false, snapshot: 1, remainingMs: 30_000, nonce: null, ...further };
    return { ...this.#base(transactionId), type: 'execute', number, call, ...more };
  }

  commit(transactionId: string, horizon = this.horizon, csn = 1): CommitCommand {
    return { ...this.#base(transactionId), horizon, type: 'commit', csn };
  }

  rollback(transactionId: string, { presumed = false, horizon = this.horizon } = {}): Command {
    return { ...this.#base(transactionId), horizon, type: 'rollback', presumed };
  }

  #base(transactionId: string) {
    return { v: 1 as const, transactionId, participant: this.participant, horizon: this.horizon };
  }
}
