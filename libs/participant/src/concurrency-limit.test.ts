import { describe, expect, it } from '@jest/globals';
import { ConcurrencyLimit } from './concurrency-limit.js';

const never = new AbortController().signal;

describe('the limit of concurrency', () => {
  it('lets so many in, and the others in the order of their coming', async () => {
    const limit = new ConcurrencyLimit(1);
    const order: string[] = [];
    expect(await limit.acquire(never)).toBe(true);
    const [a, b] = ['a', 'b'].map((name) => limit.acquire(never).then(() => order.push(name)));
    expect(limit.waiting).toBe(2);
    limit.release();
    await a;
    limit.release();
    await b;
    expect(order).toEqual(['a', 'b']);
  });

  it('passes the place of one who gave up on to the next', async () => {
    const limit = new ConcurrencyLimit(1);
    await limit.acquire(never);
    const impatient = new AbortController();
    const first = limit.acquire(impatient.signal);
    const second = limit.acquire(never);
    impatient.abort();
    expect(await first).toBe(false);
    limit.release();
    expect(await second).toBe(true);
    limit.release();
    expect(await limit.acquire(never)).toBe(true);
  });
});
