import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import {
  CLUSTER_TOPICS,
  type Command,
  commandsTopic,
  deadLettersTopic,
  decodeReply,
  type Heartbeat,
  REPLIES_TOPIC,
  type Reply,
} from '@concordat/protocol';
import { createTransport, type Transport } from '@concordat/transport';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type INestMicroservice, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { AsyncMicroserviceOptions } from '@nestjs/microservices';
import { pino } from 'pino';
import { DataSource, type MigrationInterface, type QueryRunner } from 'typeorm';
import { z } from 'zod';
import { createTestDatabase, type TestDatabase } from '../test/test-database.js';
import { TestCoordinator, until } from '../test/test-participant.js';
import { Operation } from './operation.decorator.js';
import type { OperationContext } from './operation-context.js';
import type { ParticipantOptions } from './options.js';
import { ParticipantModule } from './participant.module.js';
import { ParticipantStrategy } from './strategy.js';

class Tables1735689600901 implements MigrationInterface {
  readonly name = 'Tables1735689600901';
  async up(runner: QueryRunner) {
    await runner.query('CREATE TABLE counter (id text PRIMARY KEY, n int NOT NULL)');
  }
  async down(runner: QueryRunner) {
    await runner.query('DROP TABLE counter');
  }
}

const input = z.object({ id: z.string() });

@Injectable()
class Counters {
  @Operation('count', { input, result: z.object({ n: z.int() }) })
  async count({ id }: { id: string }, { manager }: OperationContext): Promise<{ n: number }> {
    const [row] = await manager.query(
      'WITH c AS (INSERT INTO counter VALUES ($1, 1) ON CONFLICT (id) DO UPDATE SET n = counter.n + 1 RETURNING n) SELECT n FROM c',
      [id],
    );
    return row;
  }
}

@Injectable()
class OtherCounters {
  @Operation('count', { input })
  count(): null {
    return null;
  }
}

const brokers = process.env.KAFKA_BROKERS ?? '';
const name = `counters-${randomBytes(4).toString('hex')}`;
const logger = pino({ level: process.env.TEST_LOG_LEVEL ?? 'silent' });
const replies: Reply[] = [];
let database: TestDatabase;
let transport: Transport;
const coordinator = new TestCoordinator(name);

const optionsFor = (url: string): ParticipantOptions => ({
  name,
  isolation: 'local',
  database: { url, migrations: [Tables1735689600901] },
  kafka: { brokers },
  logger,
  limits: { sweepIntervalMs: 500, voteRepeatBaseMs: 300 },
});

function moduleWith(providers: (new () => object)[], options: ParticipantOptions) {
  @Module({ imports: [ParticipantModule.forRoot(options)], providers })
  class TestModule {}
  return TestModule;
}

/** A service that speaks nothing but transactions; `connectMicroservice` adds them to one that speaks HTTP too. */
const createApplication = (providers: (new () => object)[], options: ParticipantOptions) =>
  NestFactory.createMicroservice<AsyncMicroserviceOptions>(moduleWith(providers, options), {
    inject: [ParticipantStrategy],
    useFactory: (strategy: ParticipantStrategy) => ({ strategy }),
    logger: false,
    abortOnError: false,
  });

async function startApplication(options = optionsFor(database.url)): Promise<INestMicroservice> {
  const application = await createApplication([Counters], options);
  await application.listen();
  return application;
}

const send = (command: Command) =>
  transport.send({ topic: commandsTopic(name), key: command.transactionId, value: JSON.stringify(command) });
const replyTo = <Type extends 'vote' | 'done'>(transactionId: string, type: Type) =>
  until(() => replies.find((reply) => reply.type === type && reply.transactionId === transactionId)) as Promise<
    Extract<Reply, { type: Type }>
  >;
const heartbeats = () => replies.filter((reply): reply is Heartbeat => reply.type === 'heartbeat');
const countOf = async (id: string) => (await database.query('SELECT n FROM counter WHERE id = $1', [id]))[0]?.n;

beforeAll(async () => {
  if (brokers === '') throw new Error('set KAFKA_BROKERS, or run npm test');
  database = await createTestDatabase();
  transport = createTransport({ brokers: brokers.split(','), clientId: `test-${name}` });
  await transport.connect();
  await transport.ensureTopics([...CLUSTER_TOPICS]);
  await transport.subscribe({
    topic: REPLIES_TOPIC,
    groupId: `test-${name}`,
    from: 'end',
    onMessage: ({ value }) => {
      const decoded = decodeReply(value);
      if (decoded.ok && decoded.message.participant === name) replies.push(decoded.message);
    },
  });
}, 60_000);

afterAll(async () => {
  await transport.close();
  await database.drop();
});

describe('a Nest application that is a participant', () => {
  it('refuses to start when two methods handle one operation', async () => {
    const application = createApplication([Counters, OtherCounters], optionsFor(database.url)).then((created) =>
      created.init(),
    );
    await expect(application).rejects.toThrow(/two handlers, Counters.count and OtherCounters.count/);
  });

  it('announces itself, works through Kafka, survives garbage and a lost Postgres, and says goodbye', async () => {
    const application = await startApplication();
    const heartbeat = await until(() => heartbeats()[0]);
    expect(heartbeat).toMatchObject({ isolation: 'local', stopping: false, preparedCount: 0, oldestPreparedMs: null });
    expect(heartbeat.operations).toMatchObject([{ name: 'count', readOnly: false, inputSchema: { required: ['id'] } }]);

    const id = coordinator.id();
    await send(coordinator.prepare(id, [['count', 'a']]));
    expect(await replyTo(id, 'vote')).toMatchObject({
      vote: 'prepared',
      results: [{ branchId: '1', result: { n: 1 } }],
    });
    await send(coordinator.commit(id));
    expect(await replyTo(id, 'done')).toMatchObject({ outcome: 'committed' });
    expect(await countOf('a')).toBe(1);

    for (const value of ['', 'garbage', '{}'])
      await transport.send({ topic: commandsTopic(name), key: 'garbage', value });
    await database.terminateConnections().catch(() => undefined);
    const next = coordinator.id();
    await send(coordinator.prepare(next, [['count', 'a']]));
    expect(await replyTo(next, 'vote')).toMatchObject({ vote: 'prepared', results: [{ result: { n: 2 } }] });
    await send(coordinator.rollback(next));
    expect(await replyTo(next, 'done')).toMatchObject({ outcome: 'rolled-back' });
    expect(await countOf('a')).toBe(1);

    await application.close();
    await until(() => heartbeats().find(({ stopping }) => stopping));
  }, 60_000);

  it('repeats after a restart the vote of what it had prepared, until it hears the decision', async () => {
    const first = await startApplication();
    const id = coordinator.id();
    await send(coordinator.prepare(id, [['count', 'b']]));
    await replyTo(id, 'vote');
    await first.close();
    replies.length = 0;

    const second = await startApplication();
    expect(await replyTo(id, 'vote')).toMatchObject({ vote: 'prepared', results: null });
    expect(
      (await until(() => heartbeats().find(({ preparedCount }) => preparedCount === 1))).oldestPreparedMs,
    ).toBeGreaterThan(0);
    await send(coordinator.commit(id));
    expect(await replyTo(id, 'done')).toMatchObject({ outcome: 'committed' });
    expect(await countOf('b')).toBe(1);
    await second.close();
  }, 60_000);

  it('waits for a database that comes later, and works on the DataSource that the application has', async () => {
    const laterName = `${database.name}_later`;
    const url = new URL(database.url);
    url.pathname = `/${laterName}`;
    const dataSource = new DataSource({ type: 'postgres', url: url.href, migrations: [Tables1735689600901] });
    const starting = startApplication({ ...optionsFor(url.href), database: { dataSource } });
    starting.catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await database.query(`CREATE DATABASE ${laterName}`);
    const application = await starting;
    expect(await application.get(DataSource).query('SELECT count(*)::int AS n FROM counter')).toEqual([{ n: 0 }]);
    await application.close();
    await database.query(`DROP DATABASE ${laterName} WITH (FORCE)`);
  }, 60_000);
});

describe('the dead letters', () => {
  it('hold the garbage', async () => {
    const letters: string[] = [];
    const subscription = await transport.subscribe({
      topic: deadLettersTopic(name),
      groupId: `test-letters-${name}`,
      from: 'committed',
      onMessage: ({ value }) => void letters.push(value.toString()),
    });
    await until(() => (letters.length >= 3 ? true : undefined));
    expect(letters.map((letter) => JSON.parse(letter).key)).toEqual(['garbage', 'garbage', 'garbage']);
    await subscription.close();
  });
});
