import { describe, expect, it } from '@jest/globals';
import { KeyedQueue } from './keyed-queue.js';

interface Item {
  key: string;
  name: string;
}

/** A queue whose handlers end when told to. */
function createQueue(outstandingMax = 100) {
  const started: string[] = [];
  const done: string[] = [];
  const errors: unknown[] = [];
  const ends = new Map<string, PromiseWithResolvers<void>>();
  const queue = new KeyedQueue<Item>({
    outstandingMax,
    handle: ({ name }) => {
      started.push(name);
      const end = Promise.withResolvers<void>();
      ends.set(name, end);
      return end.promise;
    },
    onDone: ({ name }) => done.push(name),
    onError: (error) => errors.push(error),
  });
  const push = (...names: string[]) => {
    for (const name of names) queue.push({ key: name.slice(0, 1), name });
  };
  const end = async (name: string, error?: Error) => {
    if (error) ends.get(name)?.reject(error);
    else ends.get(name)?.resolve();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { queue, push, end, started, done, errors };
}

describe('KeyedQueue', () => {
  it('handles the messages of one key one after the other, in order', async () => {
    const { push, end, started } = createQueue();
    push('a1', 'a2', 'a3');
    expect(started).toEqual(['a1']);
    await end('a1');
    expect(started).toEqual(['a1', 'a2']);
    await end('a2');
    expect(started).toEqual(['a1', 'a2', 'a3']);
  });

  it('does not let one key wait for another', async () => {
    const { push, end, started, done } = createQueue();
    push('a1', 'b1', 'a2', 'c1');
    expect(started).toEqual(['a1', 'b1', 'c1']);
    await end('c1');
    expect(done).toEqual(['c1']);
  });

  it('goes on after a handler that failed, and reports it once', async () => {
    const { push, end, started, done, errors } = createQueue();
    push('a1', 'a2');
    await end('a1', new Error('broken'));
    expect(errors).toEqual([new Error('broken')]);
    expect(done).toEqual(['a1']);
    expect(started).toEqual(['a1', 'a2']);
  });

  it('counts a synchronous handler as done at once, also when it throws', () => {
    const done: string[] = [];
    const errors: unknown[] = [];
    const queue = new KeyedQueue<Item>({
      outstandingMax: 1,
      handle: ({ name }) => {
        if (name === 'a2') throw new Error(name);
      },
      onDone: ({ name }) => done.push(name),
      onError: (error) => errors.push(error),
    });
    for (const name of ['a1', 'a2', 'a3']) queue.push({ key: 'a', name });
    expect(done).toEqual(['a1', 'a2', 'a3']);
    expect(errors).toHaveLength(1);
    expect(queue.outstanding).toBe(0);
  });

  it('starts no more than its bound and says when there is room again', async () => {
    const { queue, push, end, started } = createQueue(2);
    push('a1', 'b1', 'c1', 'd1');
    expect(started).toEqual(['a1', 'b1']);
    expect(queue.full).toBe(true);
    let room = false;
    const waiting = queue.room().then(() => {
      room = true;
    });
    await end('a1');
    expect(started).toEqual(['a1', 'b1', 'c1']);
    expect(room).toBe(false);
    await end('b1');
    await end('c1');
    await waiting;
    expect(started).toEqual(['a1', 'b1', 'c1', 'd1']);
    expect(queue.full).toBe(false);
  });

  it('does not order messages without a key', () => {
    const started: string[] = [];
    const queue = new KeyedQueue<Item>({
      outstandingMax: 10,
      handle: ({ name }) => {
        started.push(name);
        return new Promise(() => {});
      },
      onDone: () => {},
      onError: () => {},
    });
    queue.push({ key: '', name: 'one' });
    queue.push({ key: '', name: 'two' });
    expect(started).toEqual(['one', 'two']);
  });

  it('forgets what waits when told, lets the rest end, and is then idle', async () => {
    const { queue, push, end, started } = createQueue(2);
    push('a1', 'a2', 'b1');
    queue.dropWaiting();
    const idle = queue.idle();
    await end('a1');
    await idle;
    expect(started).toEqual(['a1']);
    push('a3');
    expect(started).toEqual(['a1', 'a3']);
  });
});
