import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Gatherer } from './gatherer.js';

const NEVER_MS = 86_400_000;

function gatherer(batchMax: number, paceMs: number) {
  const batches: (readonly string[])[] = [];
  const work = async (items: readonly string[]) => {
    batches.push(items);
    return items.map((item) => item.toUpperCase());
  };
  return { batches, gathering: new Gatherer(work, batchMax, paceMs) };
}

describe('what is gathered', () => {
  it('is done at once where nothing was done for a while', async () => {
    const { gathering, batches } = gatherer(10, NEVER_MS);
    expect(await gathering.add('a')).toBe('A');
    expect(batches).toEqual([['a']]);
  });

  it('waits for others after that, until somebody cannot wait', async () => {
    const { gathering, batches } = gatherer(10, NEVER_MS);
    await gathering.add('a');
    const waiting = gathering.add('b');
    await sleep(5);
    expect(batches).toEqual([['a']]);
    expect(await Promise.all([waiting, gathering.add('c', true)])).toEqual(['B', 'C']);
    expect(batches).toEqual([['a'], ['b', 'c']]);
  });

  it('does not wait where somebody who cannot came during the work', async () => {
    const { gathering, batches } = gatherer(10, NEVER_MS);
    const first = gathering.add('a');
    expect(await Promise.all([first, gathering.add('b', true)])).toEqual(['A', 'B']);
    expect(batches.flat()).toEqual(['a', 'b']);
  });

  it('does not wait where a batch is full', async () => {
    const { gathering, batches } = gatherer(2, NEVER_MS);
    await gathering.add('a');
    await Promise.all([gathering.add('b'), gathering.add('c')]);
    expect(batches).toEqual([['a'], ['b', 'c']]);
  });

  it('is done when the time is over', async () => {
    const { gathering } = gatherer(10, 20);
    await gathering.add('a');
    expect(await gathering.add('b')).toBe('B');
  });

  it('fails together, and what comes later does not', async () => {
    let failures = 1;
    const gathering = new Gatherer<string, string>(async (items) => {
      failures -= 1;
      if (failures >= 0) throw new Error('broken');
      return items;
    }, 10);
    await expect(gathering.add('a')).rejects.toThrow('broken');
    expect(await gathering.add('b')).toBe('b');
  });
});
