import { describe, expect, it } from '@jest/globals';
import { Batcher } from './batcher.js';
import type { OutgoingMessage } from './transport.js';
import { TransportError } from './transport-error.js';

const unavailable = () => new TransportError('transport-unavailable', 'away');
const refused = () => new TransportError('transport-message-rejected', 'no');

function message(value: string): OutgoingMessage {
  return { topic: 't', key: 'k', value };
}

/** A batcher whose deliveries end when told to. */
function createBatcher(options: Partial<ConstructorParameters<typeof Batcher>[0]> = {}) {
  const deliveries: Array<PromiseWithResolvers<void> & { values: string[] }> = [];
  const batcher = new Batcher({
    deliver: (batch) => {
      const delivery = { ...Promise.withResolvers<void>(), values: batch.map(({ value }) => value) };
      deliveries.push(delivery);
      return delivery.promise;
    },
    queueMessagesMax: 100,
    queueBytesMax: 10_000,
    sendTimeoutMs: 5_000,
    retryDelayMs: 1,
    ...options,
  });
  return { batcher, deliveries };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

describe('Batcher', () => {
  it('sends at once what was given at once, and gathers what comes meanwhile into the next batch', async () => {
    const { batcher, deliveries } = createBatcher();
    const first = [batcher.send(message('a')), batcher.send(message('b'))];
    await turn();
    expect(deliveries.map(({ values }) => values)).toEqual([['a', 'b']]);
    const later = [batcher.send(message('c')), batcher.send(message('d'))];
    await turn();
    expect(deliveries).toHaveLength(1);
    deliveries[0]?.resolve();
    await Promise.all(first);
    await until(() => deliveries.length === 2);
    expect(deliveries[1]?.values).toEqual(['c', 'd']);
    deliveries[1]?.resolve();
    await Promise.all(later);
  });

  it('B5: lets a message that may wait go with the next one that may not, before it', async () => {
    const { batcher, deliveries } = createBatcher();
    const patient = batcher.send({ ...message('patient'), waitMs: 60_000 });
    await turn();
    await turn();
    expect(deliveries).toHaveLength(0);
    const urgent = batcher.send(message('urgent'));
    await until(() => deliveries.length === 1);
    expect(deliveries[0]?.values).toEqual(['patient', 'urgent']);
    deliveries[0]?.resolve();
    await Promise.all([patient, urgent]);
  });

  it('B5: sends what may wait by itself when the time of the first of it is over', async () => {
    const { batcher, deliveries } = createBatcher();
    const sent = [60_000, 20, 60_000].map((waitMs, index) => batcher.send({ ...message(`${index}`), waitMs }));
    await until(() => deliveries.length === 1);
    expect(deliveries[0]?.values).toEqual(['0', '1', '2']);
    deliveries[0]?.resolve();
    await Promise.all(sent);
  });

  it('B5: lets what may wait do so behind a batch too, and no longer than its time', async () => {
    const { batcher, deliveries } = createBatcher();
    const first = batcher.send(message('first'));
    await until(() => deliveries.length === 1);
    const patient = batcher.send({ ...message('patient'), waitMs: 60_000 });
    deliveries[0]?.resolve();
    await first;
    await turn();
    await turn();
    expect(deliveries).toHaveLength(1);
    const soon = batcher.send({ ...message('soon'), waitMs: 10 });
    await until(() => deliveries.length === 2);
    expect(deliveries[1]?.values).toEqual(['patient', 'soon']);
    deliveries[1]?.resolve();
    await Promise.all([patient, soon]);
  });

  it('B5: closing does not wait for what may wait, and sends it', async () => {
    const { batcher, deliveries } = createBatcher();
    const patient = batcher.send({ ...message('patient'), waitMs: 60_000 });
    const closed = batcher.close();
    await until(() => deliveries.length === 1);
    deliveries[0]?.resolve();
    await Promise.all([patient, closed]);
  });

  it('keeps a batch within its bounds on messages and bytes', async () => {
    const { batcher, deliveries } = createBatcher({ batchMessagesMax: 2, batchBytesMax: 10 });
    for (const value of ['a', 'b', 'c', '12345678', 'd']) void batcher.send(message(value));
    for (let index = 0; index < 4; index += 1) {
      await until(() => deliveries.length > index);
      deliveries[index]?.resolve();
    }
    expect(deliveries.map(({ values }) => values)).toEqual([['a', 'b'], ['c'], ['12345678'], ['d']]);
  });

  it('sends a batch again until the broker takes it, in order', async () => {
    const { batcher, deliveries } = createBatcher();
    const sent = batcher.send(message('a'));
    await turn();
    const next = batcher.send(message('b'));
    deliveries[0]?.reject(unavailable());
    await until(() => deliveries.length === 2);
    expect(deliveries[1]?.values).toEqual(['a']);
    deliveries[1]?.resolve();
    await sent;
    await until(() => deliveries.length === 3);
    expect(deliveries[2]?.values).toEqual(['b']);
    deliveries[2]?.resolve();
    await next;
  });

  it('gives up after the time allowed, also for what waits behind a batch', async () => {
    const { batcher, deliveries } = createBatcher({ sendTimeoutMs: 20 });
    const first = batcher.send(message('a')).catch((error) => error);
    await turn();
    const second = batcher.send(message('b')).catch((error) => error);
    expect(await second).toMatchObject({ code: 'transport-unavailable', retryable: true });
    deliveries[0]?.reject(unavailable());
    expect(await first).toMatchObject({ code: 'transport-unavailable' });
  });

  it('finds the one message that is refused, and stores the others', async () => {
    const stored: string[] = [];
    const { batcher } = createBatcher({
      deliver: async (batch) => {
        if (batch.some(({ value }) => value === 'bad')) throw refused();
        stored.push(...batch.map(({ value }) => value));
      },
    });
    const values = ['a', 'b', 'bad', 'c', 'd', 'e', 'f'];
    const outcomes = await Promise.allSettled(values.map((value) => batcher.send(message(value))));
    expect(outcomes.map(({ status }) => status === 'fulfilled')).toEqual(values.map((value) => value !== 'bad'));
    expect(stored).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  });

  it('refuses more than its bounds at once, and takes more when there is room', async () => {
    const { batcher, deliveries } = createBatcher({ queueMessagesMax: 2, queueBytesMax: 100 });
    const taken = [batcher.send(message('a')), batcher.send(message('b'))];
    await expect(batcher.send(message('c'))).rejects.toMatchObject({ code: 'transport-overloaded', retryable: true });
    await turn();
    deliveries[0]?.resolve();
    await Promise.all(taken);
    await turn();
    await expect(batcher.send(message('x'.repeat(101)))).rejects.toMatchObject({ code: 'transport-overloaded' });
    const again = batcher.send(message('c'));
    await until(() => deliveries.length === 2);
    deliveries[1]?.resolve();
    await again;
  });

  it('refuses a message that no batch could hold', async () => {
    const { batcher } = createBatcher({ batchBytesMax: 10 });
    await expect(batcher.send(message('x'.repeat(20)))).rejects.toMatchObject({ code: 'transport-message-rejected' });
  });

  it('settles what it has taken before it closes, and takes no more', async () => {
    const { batcher, deliveries } = createBatcher();
    const sent = batcher.send(message('a'));
    const closed = batcher.close();
    await expect(batcher.send(message('b'))).rejects.toMatchObject({ code: 'transport-closed' });
    await turn();
    deliveries[0]?.resolve();
    await Promise.all([sent, closed]);
  });
});
