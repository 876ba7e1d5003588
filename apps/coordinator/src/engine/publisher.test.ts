import type { TransactionRecord } from '@concordat/transaction';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  CALLER,
  type Engine,
  GATHERED_MS,
  leadingEngine,
  pass,
  prepareBoth,
  RecordingLogger,
  RecordingMessenger,
  startEngine,
  vote,
} from '../../test/engine.js';
import { Outbox } from './outbox.js';
import { Publisher } from './publisher.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const decided = (index: number, sequence = index): TransactionRecord =>
  ({
    id: `1-1-${sequence}`,
    outcome: 'committed',
    decidedIndex: index,
    decidedAt: index,
    csn: index,
    label: null,
    reason: null,
    branches: [{ participant: 'east' }, { participant: 'west' }, { participant: 'east' }],
  }) as unknown as TransactionRecord;

const indices = (events: readonly { index: number }[]) => events.map(({ index }) => index);

describe('the outbox', () => {
  it('keeps what is decided and not known to be published, in the order of the log', () => {
    const outbox = new Outbox([decided(5), decided(2), { ...decided(3), outcome: null, decidedIndex: null }]);
    outbox.add(decided(9));
    expect(indices(outbox.after(0, 10))).toEqual([2, 5, 9]);
    expect(indices(outbox.after(2, 10))).toEqual([5, 9]);
    outbox.published(5);
    expect(outbox.size).toBe(1);
    expect(indices(outbox.after(0, 10))).toEqual([9]);
  });

  it('says of each who took part, once', () => {
    expect(new Outbox([decided(1)]).after(0, 1)).toMatchObject([
      { type: 'transaction.committed', transactionId: '1-1-1', csn: 1, participants: ['east', 'west'] },
    ]);
  });

  it('never splits the outcomes of one entry over two batches', () => {
    const outbox = new Outbox([]);
    for (const sequence of [1, 2, 3]) outbox.add(decided(7, sequence));
    outbox.add(decided(8));
    expect(indices(outbox.after(0, 2))).toEqual([7, 7, 7]);
    expect(indices(outbox.after(7, 2))).toEqual([8]);
  });

  it('lets go of what is published', () => {
    const outbox = new Outbox([]);
    for (let index = 1; index <= 5000; index += 1) outbox.add(decided(index));
    outbox.published(4990);
    expect(outbox.size).toBe(10);
    expect(indices(outbox.after(0, 3))).toEqual([4991, 4992, 4993]);
  });
});

describe('the publisher', () => {
  function start(outbox: Outbox, publishedIndex = 0) {
    const messenger = new RecordingMessenger();
    const watermarks: number[] = [];
    const log = (index: number) => void watermarks.push(index);
    const publisher = new Publisher(publishedIndex, outbox, messenger, new RecordingLogger(), log);
    return { messenger, watermarks, publisher };
  }

  it('publishes everything above the watermark, once, in order, and logs how far it came', async () => {
    const outbox = new Outbox([1, 2, 3].map((index) => decided(index)));
    const { messenger, watermarks, publisher } = start(outbox, 1);
    publisher.poke();
    publisher.poke();
    await pass(10);
    outbox.add(decided(4));
    publisher.poke();
    await pass(5000);
    expect(indices(messenger.published)).toEqual([2, 3, 4]);
    expect(watermarks).toEqual([4]);
  });

  it('tries again what Kafka did not take, and logs no watermark before it has', async () => {
    const { messenger, watermarks, publisher } = start(new Outbox([decided(1)]));
    messenger.failures = [new Error('away'), new Error('away'), new Error('away')];
    publisher.poke();
    await pass(1200);
    expect([messenger.published, watermarks]).toEqual([[], []]);
    await pass(5000);
    expect(indices(messenger.published)).toEqual([1]);
    expect(watermarks).toEqual([1]);
  });

  it('stops in the middle of a retry', async () => {
    const { messenger, watermarks, publisher } = start(new Outbox([decided(1)]));
    messenger.failures = [new Error('away')];
    publisher.poke();
    await pass(100);
    publisher.stop();
    await pass(5000);
    expect([messenger.published, watermarks]).toEqual([[], []]);
  });
});

describe('outcome events', () => {
  async function commitBoth(engine: Engine): Promise<string> {
    const { id } = await prepareBoth(engine, CALLER);
    for (const participant of ['east', 'west']) vote(engine, id, participant);
    engine.log.applyAll();
    await pass(GATHERED_MS);
    return id;
  }

  it('are published at least once across restarts: what came after the logged watermark comes again', async () => {
    const first = await leadingEngine();
    const a = await commitBoth(first);
    await pass(1100); // the watermark is proposed
    first.log.applyAll();
    const b = await commitBoth(first);
    first.log.lose(); // before the next watermark
    const published = () => first.messenger.published.map(({ transactionId }) => transactionId);
    expect(published()).toEqual([a, b]);

    const replayed = await startEngine({ term: 2, entries: first.log.applied });
    replayed.log.applyAll();
    await pass(GATHERED_MS);
    expect(replayed.messenger.published.map(({ transactionId }) => transactionId)).toEqual([b]);
    replayed.log.lose();

    await pass(1000);
    const recovered = await startEngine({ term: 3, entries: replayed.log.applied, store: replayed.store });
    recovered.log.applyAll();
    await pass(GATHERED_MS);
    expect(recovered.messenger.published.map(({ transactionId }) => transactionId)).toEqual([b]);
  });

  it('are not published by a replica that does not lead', async () => {
    const first = await leadingEngine();
    await commitBoth(first);
    const follower = await startEngine({ term: 0, entries: first.log.applied });
    await pass(5000);
    expect(follower.messenger.published).toEqual([]);
  });
});
