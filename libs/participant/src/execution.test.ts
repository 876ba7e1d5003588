import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { MemoryTransport } from '../test/memory-transport.js';
import { TestCoordinator } from '../test/test-participant.js';
import { Execution } from './execution.js';

const coordinator = new TestCoordinator();
const executions: Execution[] = [];

function begin(remainingMs = 60_000): Execution {
  const command = coordinator.prepare(coordinator.id(), [['put', 'x']], { remainingMs });
  const execution = new Execution(command, new MemoryTransport().incoming('t', 'k', ''), Date.now());
  executions.push(execution);
  return execution;
}

afterEach(() => {
  for (const execution of executions.splice(0)) execution.finish();
});

describe('an execution', () => {
  it('begins no work once it is cancelled, so that no failure of it goes unheard', async () => {
    const execution = begin();
    void execution.cancel('rollback');
    const work = jest.fn(async () => {
      throw new Error('unheard');
    });
    await expect(execution.unlessCancelled(work)).rejects.toMatchObject({ cancelledBy: 'rollback' });
    expect(work).not.toHaveBeenCalled();
  });

  it('is over from the beginning where no time is left', async () => {
    const execution = begin(0);
    expect([execution.cancelledBy, execution.signal.aborted]).toEqual(['deadline', true]);
  });

  it('does not wait for work that is under way when it is cancelled, and hears its failure all the same', async () => {
    const execution = begin();
    const work = Promise.withResolvers<never>();
    const waiting = execution.unlessCancelled(() => work.promise);
    void execution.cancel('rollback');
    await expect(waiting).rejects.toMatchObject({ name: 'ExecutionCancelled' });
    work.reject(new Error('too late'));
    await new Promise((resolve) => setImmediate(resolve));
  });

  it('ends at its deadline', async () => {
    const execution = begin(10);
    await expect(execution.unlessCancelled(() => new Promise(() => undefined))).rejects.toMatchObject({
      cancelledBy: 'deadline',
    });
    expect(await execution.pause(60_000)).toBe(false);
  });

  it('keeps the first cause, and tells when nothing of it is running any more', async () => {
    const execution = begin();
    const ended = execution.cancel('stopping');
    void execution.cancel('rollback');
    expect(execution.cancelledBy).toBe('stopping');
    execution.finish();
    await ended;
  });
});
