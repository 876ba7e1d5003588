import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTransport, type IncomingMessage, RangeReader, type Transport } from '../src/index.js';
import { openBroker, type TestBroker, uniqueName } from './test-broker.js';

describe('pieces of partitions', () => {
  let broker: TestBroker;
  let transport: Transport;
  let reader: RangeReader;
  const topic = uniqueName('ranges');
  const between: number[] = [];

  beforeAll(async () => {
    broker = await openBroker();
    transport = createTransport({ brokers: broker.brokers, clientId: 'ranges' });
    reader = new RangeReader({ brokers: broker.brokers, clientId: 'ranges-reader' });
    await transport.connect();
    await transport.ensureTopics([{ name: topic, partitions: 2 }]);
    for (let round = 0; round < 3; round += 1) {
      for (let at = 0; at < 50; at += 1) await transport.send({ topic, key: `k-${at}`, value: `${round}.${at}` });
      between.push(Date.now() + 1);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }, 60_000);
  afterAll(async () => {
    await reader?.close();
    await transport?.close();
    await broker?.close();
  });

  const valuesOf = async (times: { fromMs?: number; toMs?: number }, pieces = 1): Promise<string[]> => {
    const values: string[] = [];
    for (const range of await reader.ranges(topic, times)) {
      const size = Math.ceil((range.end - range.from) / pieces);
      for (let from = range.from; from < range.end; from += size) {
        const end = Math.min(range.end, from + size);
        const offsets: number[] = [];
        await reader.read({ ...range, from, end }, ({ messages, errors }) => {
          expect(errors).toEqual([]);
          values.push(...messages.map(({ value }) => value.toString()));
          offsets.push(...messages.map(({ offset }: IncomingMessage) => Number(offset)));
        });
        expect(offsets).toEqual(Array.from({ length: end - from }, (_, at) => from + at));
      }
    }
    return values.sort();
  };
  const round = (...numbers: number[]) =>
    numbers.flatMap((number) => Array.from({ length: 50 }, (_, at) => `${number}.${at}`)).sort();

  it('are read whole, in one or several', async () => {
    expect(await valuesOf({})).toEqual(round(0, 1, 2));
    expect(await valuesOf({}, 4)).toEqual(round(0, 1, 2));
  });

  it('begin and end at times', async () => {
    const [first = 0, second = 0, third = 0] = between;
    expect(await valuesOf({ fromMs: first })).toEqual(round(1, 2));
    expect(await valuesOf({ fromMs: first, toMs: second })).toEqual(round(1));
    expect(await valuesOf({ toMs: second })).toEqual(round(0, 1));
    expect(await valuesOf({ fromMs: third + 60_000 })).toEqual([]);
    const starts = (ranges: { start: number; from: number }[]) =>
      ranges.map(({ start, from }) => [start, from > start]);
    expect(starts(await reader.ranges(topic, { fromMs: first }))).toEqual([
      [0, true],
      [0, true],
    ]);
    expect(starts(await reader.ranges(topic))).toEqual([
      [0, false],
      [0, false],
    ]);
  });

  it('are none of a topic that does not exist', async () => {
    expect(await reader.ranges(uniqueName('none'))).toEqual([]);
  });
});
