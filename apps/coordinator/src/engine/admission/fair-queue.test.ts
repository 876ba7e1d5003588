import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FairQueue, type Waiting } from './fair-queue.js';

interface Item extends Waiting {
  readonly number: number;
}

const item = (caller: string, number: number, participants: readonly string[] = []): Item => ({
  caller,
  participants,
  since: number,
  number,
});
const anywhere = () => true;

function takeAll(queue: FairQueue<Item>, hasRoom: (participants: readonly string[]) => boolean = anywhere): Item[] {
  const taken: Item[] = [];
  for (let one = queue.take(hasRoom); one; one = queue.take(hasRoom)) taken.push(one);
  return taken;
}

describe('a queue that is fair to callers', () => {
  it('lets a caller with one call pass a thousand of another', () => {
    const queue = new FairQueue<Item>();
    for (let number = 0; number < 1000; number += 1) queue.add(item('greedy', number));
    queue.add(item('modest', 1000));
    const order = takeAll(queue).map(({ caller }) => caller);
    expect(order.indexOf('modest')).toBeLessThanOrEqual(1);
    expect(order).toHaveLength(1001);
  });

  it('gives callers that always wait equal shares, within one, at every moment', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 30, max: 60 }), { minLength: 2, maxLength: 6 }), (sizes) => {
        const queue = new FairQueue<Item>();
        for (const [caller, size] of sizes.entries()) {
          for (let number = 0; number < size; number += 1) queue.add(item(`c${caller}`, number));
        }
        const counts = new Map<string, number>(sizes.map((_, caller) => [`c${caller}`, 0]));
        for (let turn = 0; turn < 30 * sizes.length; turn += 1) {
          const { caller } = queue.take(anywhere) as Item;
          counts.set(caller, (counts.get(caller) ?? 0) + 1);
          const all = [...counts.values()];
          expect(Math.max(...all) - Math.min(...all)).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('keeps the order of coming within a caller and its participants, and loses and invents nothing', () => {
    const calls = fc.array(fc.record({ caller: fc.constantFrom('a', 'b', 'c'), at: fc.subarray(['east', 'west']) }), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(calls, fc.array(fc.nat(59)), (all, removed) => {
        const queue = new FairQueue<Item>();
        const items = all.map(({ caller, at }, number) => item(caller, number, at));
        for (const one of items) queue.add(one);
        const gone = new Set(removed.map((at) => items[at]).filter((one) => one !== undefined));
        for (const one of gone) queue.remove(one);
        const taken = takeAll(queue);
        expect(new Set(taken)).toEqual(new Set(items.filter((one) => !gone.has(one))));
        for (const lane of new Set(taken.map(({ caller, participants }) => `${caller} ${participants}`))) {
          const numbers = taken.filter(({ caller, participants }) => `${caller} ${participants}` === lane);
          expect(numbers.map(({ number }) => number)).toEqual(
            numbers.map(({ number }) => number).sort((a, b) => a - b),
          );
        }
        expect([queue.size, queue.callers, queue.oldest]).toEqual([0, 0, undefined]);
      }),
    );
  });

  it('passes over what waits for a participant without room, also of the same caller', () => {
    const queue = new FairQueue<Item>();
    for (let number = 0; number < 5; number += 1) queue.add(item('a', number, ['slow']));
    queue.add(item('a', 5, ['fast']));
    queue.add(item('b', 6, ['fast', 'slow']));
    const taken = takeAll(queue, (participants) => !participants.includes('slow'));
    expect(taken.map(({ number }) => number)).toEqual([5]);
    expect(queue.size).toBe(6);
  });

  it('names the oldest of the longest queue, and the oldest of all', () => {
    const queue = new FairQueue<Item>();
    queue.add(item('modest', 0));
    for (let number = 1; number < 4; number += 1) queue.add(item('greedy', number, number === 1 ? ['x'] : []));
    expect(queue.oldest).toMatchObject({ caller: 'modest' });
    expect(queue.oldestOfLongest()).toMatchObject({ caller: 'greedy', number: 1 });
  });
});
