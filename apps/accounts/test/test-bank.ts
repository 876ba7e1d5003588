import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ParticipantModule, ParticipantStrategy } from '@concordat/participant';
import {
  type CommitCommand,
  decodeReply,
  formatTransactionId,
  type PrepareCommand,
  type Vote,
} from '@concordat/protocol';
import type { IncomingMessage, OutgoingMessage, Subscription, Transport } from '@concordat/transport';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { pino } from 'pino';
import { DataSource } from 'typeorm';
import { Account, AccountEntry } from '../src/account.entity.js';
import { AccountOperations } from '../src/account-operations.js';
import { AccountsController } from '../src/accounts.controller.js';
import { ProblemFilter } from '../src/problem.filter.js';

const NAME = 'bank';
const PATIENCE_MS = 15_000;

/** The service on a real Postgres; the test is its broker and its coordinator, one transaction at a time. */
export class TestBank {
  #sequence = 0;
  readonly #incarnation = Date.now();
  readonly coordinator = { appliedCsn: 100, isAway: false };

  private constructor(
    readonly application: NestFastifyApplication,
    private readonly transport: LoopTransport,
    private readonly end: () => Promise<void>,
  ) {}

  static async start(): Promise<TestBank> {
    if (!process.env.DATABASE_URL) throw new Error('set DATABASE_URL to a Postgres superuser, or run npm test');
    const server = await new DataSource({ type: 'postgres', url: process.env.DATABASE_URL }).initialize();
    const databaseName = `accounts_test_${randomBytes(6).toString('hex')}`;
    await server.query(`CREATE DATABASE ${databaseName}`);
    const url = new URL(process.env.DATABASE_URL);
    url.pathname = `/${databaseName}`;
    const transport = new LoopTransport();
    let bank: TestBank | undefined;
    const http = await statusServer(() => bank?.coordinator ?? { appliedCsn: 0, isAway: true });
    const module = await Test.createTestingModule({
      imports: [
        ParticipantModule.forRoot({
          name: NAME,
          isolation: 'global',
          coordinators: [`http://127.0.0.1:${(http.address() as AddressInfo).port}`],
          database: { url: url.href, entities: [Account, AccountEntry] },
          kafka: { transport },
          limits: { statusTimeoutMs: 300 },
          logger: pino({ level: 'silent' }),
        }),
      ],
      controllers: [AccountsController],
      providers: [AccountOperations],
    }).compile();
    const application = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter());
    application.useGlobalFilters(new ProblemFilter());
    application.connectMicroservice({ strategy: application.get(ParticipantStrategy) });
    await application.init();
    bank = new TestBank(application, transport, async () => {
      await application.close();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
      await server.query(`DROP DATABASE ${databaseName} WITH (FORCE)`);
      await server.destroy();
    });
    return bank;
  }

  /** Takes commands from now on. */
  async open(): Promise<void> {
    await this.application.startAllMicroservices();
  }

  /** Runs one operation as a transaction of its own. Answers its result, or throws the reason. */
  async run(operation: string, input: unknown): Promise<unknown> {
    this.#sequence += 1;
    const transactionId = formatTransactionId({ incarnation: this.#incarnation, term: 1, sequence: this.#sequence });
    const { appliedCsn } = this.coordinator;
    const base = { v: 1 as const, participant: NAME, transactionId, horizon: transactionId, appliedCsn };
    const operations = [{ branchId: '1', operation, input }];
    const more = { isolation: 'global' as const, serializable: false, remainingMs: PATIENCE_MS, operations };
    const prepare: PrepareCommand = { ...base, ...more, type: 'prepare', snapshot: appliedCsn };
    const vote = await this.#vote(prepare);
    if (vote.vote === 'refused') throw vote.reason;
    this.coordinator.appliedCsn += 1;
    if (vote.vote === 'prepared') {
      const commit: CommitCommand = { ...base, type: 'commit', csn: this.coordinator.appliedCsn };
      await this.transport.deliver(transactionId, JSON.stringify(commit));
    }
    return vote.results?.[0]?.result;
  }

  async stop(): Promise<void> {
    await this.end();
  }

  async #vote(command: PrepareCommand): Promise<Vote> {
    await this.transport.deliver(command.transactionId, JSON.stringify(command));
    for (const end = Date.now() + PATIENCE_MS; Date.now() < end; ) {
      for (const { value } of this.transport.sent) {
        const reply = decodeReply(Buffer.from(value));
        if (!reply.ok || reply.message.type !== 'vote') continue;
        if (reply.message.transactionId === command.transactionId) return reply.message;
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    throw new Error('there was no vote');
  }
}

async function statusServer(coordinator: () => { appliedCsn: number; isAway: boolean }): Promise<Server> {
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const { appliedCsn, isAway } = coordinator();
    const statuses = JSON.parse(text).transactionIds.map(() => ({ status: 'unknown' }));
    response.writeHead(isAway ? 503 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(isAway ? {} : { appliedCsn, statuses }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

/** A broker in memory: what is sent is kept, what comes is given by the test. */
class LoopTransport implements Transport {
  readonly sent: OutgoingMessage[] = [];
  readonly statistics = { messagesSent: 0, messagesFailed: 0, batchesSent: 0, messagesReceived: 0, bytesSent: 0 };
  readonly available = true;
  #onMessage: ((message: IncomingMessage) => void | Promise<void>) | undefined;
  #offset = 0;

  async connect(): Promise<void> {}
  async ensureTopics(): Promise<void> {}
  onAvailability(): void {}
  async close(): Promise<void> {}

  async send(message: OutgoingMessage): Promise<void> {
    this.sent.push(message);
  }

  async subscribe({ onMessage }: Parameters<Transport['subscribe']>[0]): Promise<Subscription> {
    this.#onMessage = onMessage;
    return { close: async () => {}, reading: () => ({ topic: '', outstanding: 0, lag: new Map() }) };
  }

  reading(): [] {
    return [];
  }

  async deliver(key: string, text: string): Promise<void> {
    this.#offset += 1;
    const value = Buffer.from(text);
    const where = { topic: `concordat.commands.${NAME}`, partition: 0, offset: String(this.#offset) };
    await this.#onMessage?.({ ...where, key, value, headers: {}, timestampMs: Date.now() });
  }
}
