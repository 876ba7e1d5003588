/** What every adapter promises (T1-T5 of transport.ts), against a real broker. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createTransport } from '../src/create-transport.js';
import type { TransportOptions } from '../src/options.js';
import { MessageKeys } from '../src/signing/message-keys.js';
import { MessageSigning } from '../src/signing/message-signing.js';
import { SIGNATURE_HEADER } from '../src/signing/signature.js';
import type { IncomingMessage, Transport } from '../src/transport.js';
import { collect, openBroker, type TestBroker, uniqueName, until } from './test-broker.js';

let broker: TestBroker;
const open = new Set<Transport>();

beforeAll(async () => {
  broker = await openBroker();
}, 120_000);

afterAll(() => broker.close(), 60_000);

afterEach(async () => {
  await Promise.all([...open].map((transport) => transport.close()));
  open.clear();
}, 60_000);

async function connect(options: Partial<TransportOptions>): Promise<Transport> {
  const transport = createTransport({ brokers: broker.brokers, clientId: uniqueName('test'), ...options });
  open.add(transport);
  await transport.connect();
  return transport;
}

async function createTopic(transport: Transport, partitions = 3): Promise<string> {
  const name = uniqueName('topic');
  await transport.ensureTopics([{ name, partitions }]);
  return name;
}

const texts = (messages: readonly IncomingMessage[]) => messages.map(({ value }) => value.toString());

describe.each(['platformatic', 'kafkajs'] as const)('the transport by %s', (client) => {
  it('carries key, value, headers and time', async () => {
    const transport = await connect({ client });
    const topic = await createTopic(transport);
    const received = await collect(transport, topic, 'end');
    await transport.send({ topic, key: 'mi1-1-a', value: '{"ä":1}', headers: { traceparent: '00-ab-cd-01' } });
    await until(() => received.length === 1);
    const [message] = received;
    expect(message).toMatchObject({ topic, key: 'mi1-1-a', headers: { traceparent: '00-ab-cd-01' }, offset: '0' });
    expect(message?.value.toString()).toBe('{"ä":1}');
    expect(Math.abs((message?.timestampMs ?? 0) - Date.now())).toBeLessThan(60_000);
    expect(transport.available).toBe(true);
  });

  it('lets a message that is not signed as it should be reach no handler, and goes on with the next', async () => {
    const keys = MessageKeys.parse(JSON.stringify({ keys: { a: [{ kid: '1', secret: 'A'.repeat(44) }] } }));
    const signing = new MessageSigning({ keys: () => keys, ownerOf: () => 'a', mode: 'strict', now: Date.now });
    const stranger = await connect({ client });
    const friend = await connect({ client, signing });
    const topic = await createTopic(stranger, 1);
    const [handled, refused]: [IncomingMessage[], [unknown, string][]] = [[], []];
    await friend.subscribe({
      topic,
      groupId: uniqueName('group'),
      from: 'committed',
      onMessage: (message) => void handled.push(message),
      onError: (error, message) => message && refused.push([error, message.value.toString()]),
    });
    const forged = { [SIGNATURE_HEADER]: `v1;a;1;1;${'A'.repeat(43)}` };
    await stranger.send({ topic, key: 'k', value: 'unsigned' });
    await stranger.send({ topic, key: 'k', value: 'forged', headers: forged });
    await friend.send({ topic, key: 'k', value: 'genuine ä', headers: { traceparent: 't' } });
    await until(() => handled.length === 1);
    expect(handled[0]).toMatchObject({ signer: { owner: 'a' }, headers: { traceparent: 't' } });
    expect(refused).toEqual([
      [expect.objectContaining({ code: 'signature-missing' }), 'unsigned'],
      [expect.objectContaining({ code: 'signature-wrong' }), 'forged'],
    ]);
    expect(friend.statistics).toMatchObject({ messagesRefused: 2, messagesUnsigned: 0, messagesSent: 1 });
  });

  it('begins at the end and misses nothing that is sent after that', async () => {
    const transport = await connect({ client });
    const topic = await createTopic(transport);
    await Promise.all(range(20).map((index) => transport.send({ topic, key: `k${index}`, value: `old${index}` })));
    const received = await collect(transport, topic, 'end');
    await Promise.all(range(200).map((index) => transport.send({ topic, key: `k${index}`, value: `new${index}` })));
    await until(() => received.length >= 200);
    expect(new Set(texts(received))).toEqual(new Set(range(200).map((index) => `new${index}`)));
    expect(received).toHaveLength(200);
  });

  it('reads on only when a pause is over, and then all that came meanwhile', async () => {
    const transport = await connect({ client });
    const topic = await createTopic(transport, 1);
    const received: string[] = [];
    const pauses: PromiseWithResolvers<void>[] = [];
    const subscription = await transport.subscribe({
      topic,
      groupId: uniqueName('group'),
      from: 'end',
      onMessage: ({ value }) => void received.push(value.toString()),
      pause: () => {
        pauses.push(Promise.withResolvers<void>());
        return pauses.at(-1)?.promise;
      },
    });
    await transport.send({ topic, key: 'k', value: 'first' });
    await until(() => pauses.length === 1);
    for (const value of ['a', 'b', 'c']) await transport.send({ topic, key: 'k', value });
    expect(received).toEqual(['first']);
    pauses[0]?.resolve();
    await until(() => pauses.length === 2);
    expect(received).toEqual(['first', 'a', 'b', 'c']);
    pauses[1]?.resolve();
    await subscription.close();
  });

  it('gathers what is sent at once into few requests, for several topics', async () => {
    const transport = await connect({ client });
    const topics = [await createTopic(transport), await createTopic(transport)];
    const before = transport.statistics.batchesSent;
    await Promise.all(
      range(1_000).map((index) => transport.send({ topic: topics[index % 2] as string, key: `k${index}`, value: 'v' })),
    );
    expect(transport.statistics.messagesSent).toBe(1_000);
    expect(transport.statistics.batchesSent - before).toBeLessThan(20);
  });

  it('keeps the order of a key and lets nothing wait for a slow handler of another', async () => {
    const transport = await connect({ client });
    const topic = await createTopic(transport, 1);
    const slow = Promise.withResolvers<void>();
    const handled: string[] = [];
    const subscription = await transport.subscribe({
      topic,
      groupId: uniqueName('group'),
      from: 'end',
      onMessage: async ({ key, value }) => {
        if (value.toString() === 'slow1') await slow.promise;
        handled.push(`${key}:${value}`);
      },
    });
    await transport.send({ topic, key: 'slow', value: 'slow1' });
    for (const value of ['slow2', 'slow3']) await transport.send({ topic, key: 'slow', value });
    for (const value of ['1', '2', '3']) await transport.send({ topic, key: 'fast', value });
    await until(() => handled.length === 3);
    expect(handled).toEqual(['fast:1', 'fast:2', 'fast:3']);
    slow.resolve();
    await until(() => handled.length === 6);
    expect(handled.slice(3)).toEqual(['slow:slow1', 'slow:slow2', 'slow:slow3']);
    await subscription.close();
  });

  it('goes on where the group left off, and begins with the earliest message', async () => {
    const transport = await connect({ client });
    const topic = await createTopic(transport);
    const groupId = uniqueName('group');
    await Promise.all(range(50).map((index) => transport.send({ topic, key: `k${index}`, value: `a${index}` })));
    const first: IncomingMessage[] = [];
    const options = { topic, groupId, from: 'committed' as const };
    const subscription = await transport.subscribe({ ...options, onMessage: (message) => void first.push(message) });
    await until(() => first.length === 50);
    await subscription.close();
    await Promise.all(range(10).map((index) => transport.send({ topic, key: `k${index}`, value: `b${index}` })));
    const second: IncomingMessage[] = [];
    await transport.subscribe({ ...options, onMessage: (message) => void second.push(message) });
    await until(() => second.length >= 10);
    expect(new Set(texts(second))).toEqual(new Set(range(10).map((index) => `b${index}`)));
  });

  it('commits nothing beyond a message that is still being handled', async () => {
    const transport = await connect({ client });
    const topic = await createTopic(transport, 1);
    const options = { topic, groupId: uniqueName('group'), from: 'committed' as const };
    const stuck = createTransport({ brokers: broker.brokers, clientId: uniqueName('test'), client });
    await stuck.connect();
    const never = Promise.withResolvers<void>();
    const seen: string[] = [];
    await stuck.subscribe({
      ...options,
      onMessage: ({ value }) => {
        seen.push(value.toString());
        return value.toString() === '2' ? never.promise : undefined;
      },
    });
    for (const value of ['1', '2', '3', '4']) await transport.send({ topic, key: value, value });
    await until(() => seen.length === 4);
    // Time for a commit or two.
    await new Promise((resolve) => setTimeout(resolve, 600));
    const closed = stuck.close();
    never.resolve();
    await closed;
    const again = await collect(transport, topic, 'committed', options.groupId);
    await transport.send({ topic, key: '5', value: '5' });
    await until(() => again.length > 0);
    // Closing waited for the handler, so that everything was committed after all.
    expect(texts(again)).toEqual(['5']);
  });

  it('handles no more at once than it is allowed', async () => {
    const transport = await connect({ client });
    const topic = await createTopic(transport);
    let running = 0;
    let most = 0;
    let handled = 0;
    await transport.subscribe({
      topic,
      groupId: uniqueName('group'),
      from: 'committed',
      outstandingMax: 5,
      onMessage: async () => {
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => setTimeout(resolve, 2));
        running -= 1;
        handled += 1;
      },
    });
    await Promise.all(range(300).map((index) => transport.send({ topic, key: `k${index}`, value: 'v' })));
    await until(() => handled >= 300);
    expect(most).toBe(5);
  });

  it('tells how many messages lie between what it has read and the end, and how many it has not handled', async () => {
    const transport = await connect({ client });
    const topic = await createTopic(transport, 1);
    await Promise.all(range(500).map((index) => transport.send({ topic, key: `k${index}`, value: 'v'.repeat(2_000) })));
    const released = Promise.withResolvers<void>();
    const subscription = await transport.subscribe({
      topic,
      groupId: uniqueName('group'),
      from: 'committed',
      outstandingMax: 10,
      onMessage: () => released.promise,
    });
    await until(() => subscription.reading().outstanding >= 10);
    const { outstanding, lag } = subscription.reading();
    expect([...lag.keys()]).toEqual([0]);
    expect(lag.get(0)).toBeGreaterThan(0);
    expect((lag.get(0) as number) + outstanding).toBe(500);
    expect(transport.reading()).toEqual([{ topic, outstanding, lag }]);
    released.resolve();
    await until(() => subscription.reading().lag.get(0) === 0 && subscription.reading().outstanding === 0);
    await subscription.close();
    expect(transport.reading()).toEqual([]);
  });

  it('reports a handler that throws, and goes on', async () => {
    const transport = await connect({ client });
    const topic = await createTopic(transport, 1);
    const failures: Array<[unknown, string | undefined]> = [];
    const handled: string[] = [];
    await transport.subscribe({
      topic,
      groupId: uniqueName('group'),
      from: 'committed',
      onMessage: ({ value }) => {
        if (value.toString() === 'thrown') throw new Error('thrown');
        if (value.toString() === 'rejected') return Promise.reject(new Error('rejected'));
        handled.push(value.toString());
        return undefined;
      },
      onError: (error, message) => failures.push([(error as Error).message, message?.value.toString()]),
    });
    for (const value of ['thrown', 'rejected', 'fine']) await transport.send({ topic, key: 'k', value });
    await until(() => handled.length === 1);
    expect(failures.filter(([, value]) => value)).toEqual([
      ['thrown', 'thrown'],
      ['rejected', 'rejected'],
    ]);
  });

  it('refuses a message to a topic that does not exist, and only that one', async () => {
    const transport = await connect({ client });
    const topic = await createTopic(transport);
    const outcomes = await Promise.allSettled(
      [topic, uniqueName('nowhere'), topic].map((name) => transport.send({ topic: name, key: 'k', value: 'v' })),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(outcomes[1]).toMatchObject({ reason: { code: 'transport-topic-unknown', retryable: false } });
    expect(transport.statistics).toMatchObject({ messagesSent: 2, messagesFailed: 1 });
  });

  it('refuses a message that is too large, and more than it may hold', async () => {
    const transport = await connect({ client, queueMessagesMax: 10 });
    const topic = await createTopic(transport);
    await expect(transport.send({ topic, key: 'k', value: 'x'.repeat(2_000_000) })).rejects.toMatchObject({
      code: 'transport-message-rejected',
    });
    const outcomes = await Promise.allSettled(range(12).map(() => transport.send({ topic, key: 'k', value: 'v' })));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(10);
    expect(outcomes[11]).toMatchObject({ reason: { code: 'transport-overloaded', retryable: true } });
  });

  it.each(['end', 'committed'] as const)('waits for a topic that does not exist yet (%s)', async (from) => {
    const transport = await connect({ client });
    const topic = uniqueName('later');
    const received = await collect(transport, topic, from);
    await transport.ensureTopics([{ name: topic, partitions: 2 }]);
    await Promise.all(range(10).map((index) => transport.send({ topic, key: `k${index}`, value: `${index}` })));
    await until(() => received.length >= 10);
    expect(new Set(texts(received)).size).toBe(10);
  });

  it('creates topics once, with their configuration', async () => {
    const transport = await connect({ client });
    const spec = { name: uniqueName('topic'), partitions: 4, config: { 'retention.ms': '3600000' } };
    await Promise.all([transport.ensureTopics([spec]), transport.ensureTopics([spec])]);
    await transport.ensureTopics([spec]);
    const received = await collect(transport, spec.name, 'end');
    await Promise.all(range(40).map((index) => transport.send({ topic: spec.name, key: `k${index}`, value: 'v' })));
    await until(() => received.length === 40);
    expect(new Set(received.map(({ partition }) => partition)).size).toBe(4);
  });

  it('stores what was sent before it closes', async () => {
    const transport = await connect({ client });
    const topic = await createTopic(transport);
    const sent = Promise.all(range(100).map((index) => transport.send({ topic, key: `k${index}`, value: 'v' })));
    await transport.close();
    await sent;
    await expect(transport.send({ topic, key: 'k', value: 'v' })).rejects.toMatchObject({ code: 'transport-closed' });
    expect(transport.available).toBe(false);
  });
});

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
