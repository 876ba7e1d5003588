/** What a stranger, or another participant, on the topics of a real Kafka can do to a participant that knows its keys. */
import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CLUSTER_TOPICS,
  type Command,
  commandsTopic,
  type DeadLetter,
  deadLettersTopic,
  decodeDeadLetter,
  decodeReply,
  participantTopics,
  REPLIES_TOPIC,
  type Reply,
} from '@concordat/protocol';
import {
  createTransport,
  type IncomingMessage,
  MessageKeys,
  MessageSigning,
  SIGNATURE_HEADER,
  type Transport,
} from '@concordat/transport';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type INestMicroservice, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { AsyncMicroserviceOptions } from '@nestjs/microservices';
import { pino } from 'pino';
import { z } from 'zod';
import { createTestDatabase, type TestDatabase } from '../test/test-database.js';
import { TestCoordinator, until } from '../test/test-participant.js';
import { Operation } from './operation.decorator.js';
import { ParticipantModule } from './participant.module.js';
import { ParticipantStrategy } from './strategy.js';

let runs = 0;

@Injectable()
class Work {
  @Operation('work', { input: z.object({ id: z.string() }) })
  work(): null {
    runs += 1;
    return null;
  }
}

const suffix = randomBytes(4).toString('hex');
const [name, other] = [`trusting-${suffix}`, `other-${suffix}`];
const secretOf = (owner: string, kid: string) => Buffer.from(`${owner}/${kid}`.padEnd(40, '.')).toString('base64');
const keysOf = (...owners: [string, ...string[]][]) =>
  JSON.stringify({
    keys: Object.fromEntries(
      owners.map(([owner, ...kids]) => [owner, kids.map((kid) => ({ kid, secret: secretOf(owner, kid) }))]),
    ),
  });

const coordinator = new TestCoordinator(name);
const replies: { message: IncomingMessage; reply: Reply }[] = [];
const letters: DeadLetter[] = [];
let database: TestDatabase;
let directory: string;
let keysFile: string;
let application: INestMicroservice;
let plain: Transport;
const signed: Transport[] = [];

/** A transport that signs commands with these keys. */
async function connect(keys: string, ownerOf = (topic: string) => topic.replace(commandsTopic(''), '')) {
  const signing = new MessageSigning({ keys: () => MessageKeys.parse(keys), ownerOf, mode: 'strict', now: Date.now });
  const transport = createTransport({
    brokers: brokers(),
    clientId: `test-${randomBytes(4).toString('hex')}`,
    signing,
  });
  signed.push(transport);
  await transport.connect();
  return transport;
}
const brokers = () => (process.env.KAFKA_BROKERS ?? '').split(',');
const out = (command: Command, participant = name) => ({
  topic: commandsTopic(participant),
  key: command.transactionId,
  value: JSON.stringify(command),
});
const replyTo = (transactionId: string, type: string) =>
  until(() =>
    replies.find(
      ({ reply }) => 'transactionId' in reply && reply.transactionId === transactionId && reply.type === type,
    ),
  );
const refusalOf = (key: string) => until(() => letters.find((letter) => letter.key === key));

beforeAll(async () => {
  database = await createTestDatabase();
  directory = await mkdtemp(join(tmpdir(), 'concordat-trust-'));
  keysFile = join(directory, 'keys.json');
  await writeFile(keysFile, keysOf([name, '1']));
  plain = createTransport({ brokers: brokers(), clientId: `test-${suffix}` });
  await plain.connect();
  await plain.ensureTopics([...CLUSTER_TOPICS, ...participantTopics(name), ...participantTopics(other)]);
  await plain.subscribe({
    topic: REPLIES_TOPIC,
    groupId: `test-${suffix}`,
    from: 'end',
    onMessage: (message) => {
      const decoded = decodeReply(message.value);
      if (decoded.ok && decoded.message.participant === name) replies.push({ message, reply: decoded.message });
    },
  });
  await plain.subscribe({
    topic: deadLettersTopic(name),
    groupId: `test-${suffix}`,
    from: 'end',
    onMessage: ({ value }) => {
      const decoded = decodeDeadLetter(value);
      if (decoded.ok) letters.push(decoded.message);
    },
  });
  application = await start();
}, 60_000);

afterAll(async () => {
  await application?.close();
  await Promise.all([plain, ...signed].map((transport) => transport?.close()));
  await database?.drop();
  await rm(directory, { recursive: true, force: true });
}, 60_000);

async function start(): Promise<INestMicroservice> {
  const options = {
    name,
    isolation: 'local' as const,
    database: { url: database.url },
    kafka: { brokers: process.env.KAFKA_BROKERS ?? '' },
    messageKeys: { file: keysFile, mode: 'strict' as const },
    logger: pino({ level: process.env.TEST_LOG_LEVEL ?? 'silent' }),
  };
  @Module({ imports: [ParticipantModule.forRoot(options)], providers: [Work] })
  class TestModule {}
  const created = await NestFactory.createMicroservice<AsyncMicroserviceOptions>(TestModule, {
    inject: [ParticipantStrategy],
    useFactory: (strategy: ParticipantStrategy) => ({ strategy }),
    logger: false,
    abortOnError: false,
  });
  await created.listen();
  return created;
}

describe('a participant that knows its keys', () => {
  it('does what the coordinator signed, and signs what it says, heartbeats included', async () => {
    const friend = await connect(keysOf([name, '1']));
    const id = coordinator.id();
    await friend.send(out(coordinator.prepare(id, [['work', 'x']])));
    const vote = await replyTo(id, 'vote');
    await friend.send(out(coordinator.commit(id)));
    const done = await replyTo(id, 'done');
    const heartbeat = await until(() => replies.find(({ reply }) => reply.type === 'heartbeat'));
    expect(done.reply).toMatchObject({ outcome: 'committed' });
    for (const { message } of [vote, done, heartbeat]) {
      expect(message.headers[SIGNATURE_HEADER]).toMatch(new RegExp(`^v1;${name};1;`));
    }
  });

  it('does nothing that a stranger asks for: forged prepare, commit and rollback leave the branch as it is', async () => {
    const friend = await connect(keysOf([name, '1']));
    const before = runs;
    const forgedPrepare = coordinator.prepare(coordinator.id(), [['work', 'x']]);
    await plain.send(out(forgedPrepare));
    expect(await refusalOf(forgedPrepare.transactionId)).toMatchObject({
      error: expect.stringMatching(/^signature: signature-missing: /),
    });
    expect(runs).toBe(before);

    const id = coordinator.id();
    await friend.send(out(coordinator.prepare(id, [['work', 'x']])));
    await replyTo(id, 'vote');
    for (const forged of [coordinator.commit(id), coordinator.rollback(id)]) {
      letters.length = 0;
      await plain.send(out(forged));
      await refusalOf(id);
    }
    expect(replies.filter(({ reply }) => reply.type === 'done' && reply.transactionId === id)).toEqual([]);
    await friend.send(out(coordinator.commit(id)));
    expect((await replyTo(id, 'done')).reply).toMatchObject({ outcome: 'committed' });
  });

  it('does nothing that another participant signs, nor what was signed for another, nor its own replies as commands', async () => {
    const id = coordinator.id();
    const impostor = await connect(keysOf([other, '1']), () => other);
    await impostor.send(out(coordinator.commit(id)));
    expect((await refusalOf(id)).error).toMatch(/^signature: signature-key-unknown: /);

    // Genuine, from the topic of another, put on this one.
    const friend = await connect(keysOf([name, '1'], [other, '1']));
    const elsewhere = coordinator.id();
    const stolen: IncomingMessage[] = [];
    await plain.subscribe({
      topic: commandsTopic(other),
      groupId: `test-stolen-${suffix}`,
      from: 'end',
      onMessage: (message) => void stolen.push(message),
    });
    await friend.send(out(coordinator.commit(elsewhere), other));
    const { key, value, headers } = await until(() => stolen[0]);
    await plain.send({ topic: commandsTopic(name), key, value: value.toString(), headers });
    expect((await refusalOf(elsewhere)).error).toMatch(/^signature: signature-key-unknown: /);

    const reply = (await until(() => replies.find(({ reply: { type } }) => type === 'heartbeat'))).message;
    const asCommand = {
      topic: commandsTopic(name),
      key: 'reply',
      value: reply.value.toString(),
      headers: reply.headers,
    };
    await plain.send(asCommand);
    expect((await refusalOf('reply')).error).toMatch(/^signature: signature-wrong: /);
  });

  it('takes new keys from its file without a restart, and believes the old one no more when it is taken out', async () => {
    const old = await connect(keysOf([name, '1']));
    const young = await connect(keysOf([name, '2']));
    await writeFile(keysFile, keysOf([name, '2', '1']));
    const isNew = () => replies.findLast(({ reply }) => reply.type === 'heartbeat')?.message.headers[SIGNATURE_HEADER];
    await until(() => isNew()?.startsWith(`v1;${name};2;`) || undefined);
    const [first, second] = [coordinator.id(), coordinator.id()];
    await old.send(out(coordinator.prepare(first, [['work', 'x']])));
    await young.send(out(coordinator.prepare(second, [['work', 'x']])));
    await replyTo(first, 'vote');
    await replyTo(second, 'vote');

    await writeFile(keysFile, keysOf([name, '2']));
    letters.length = 0;
    await until(async () => {
      await old.send(out(coordinator.rollback(first)));
      return letters.find(({ error }) => error.startsWith('signature: signature-key-unknown'));
    });
    for (const id of [first, second]) {
      await young.send(out(coordinator.rollback(id)));
      expect((await replyTo(id, 'done')).reply).toMatchObject({ outcome: 'rolled-back' });
    }
  });
});
