import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../test/manual-clock.js';
import { ConcordatError, DeadlineExceededError } from './errors.js';
import { type LeaseAnswer, LeaseKeeper } from './lease-keeper.js';

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** A lease of 900 ms, whose renewals the test answers. */
function keeper() {
  const clock = new ManualClock();
  const renewals: { timeoutMs: number; answer: (value: Partial<LeaseAnswer>) => void; fail: (error: Error) => void }[] =
    [];
  const lease = new LeaseKeeper(clock, 'The lock a', (timeoutMs) => {
    const { promise, resolve, reject } = Promise.withResolvers<LeaseAnswer>();
    const answer = (value: Partial<LeaseAnswer>) => resolve({ ttlMs: 900, ttlRemainingMs: 900, waitedMs: 0, ...value });
    renewals.push({ timeoutMs, answer, fail: reject });
    return promise;
  });
  lease.answered({ ttlMs: 900, ttlRemainingMs: 900, waitedMs: 0 }, clock.now());
  return { clock, lease, renewals };
}

describe('a lease that is kept', () => {
  it('is renewed at a third of its time, again and again', async () => {
    const { clock, lease, renewals } = keeper();
    for (let count = 1; count <= 5; count += 1) {
      clock.pass(299);
      expect(renewals).toHaveLength(count - 1);
      clock.pass(1);
      expect(renewals).toHaveLength(count);
      renewals[count - 1]?.answer({});
      await settle();
      expect([lease.remainingMs, lease.signal.aborted]).toEqual([900, false]);
    }
  });

  it('counts from before the request was sent, however long its answer was on the way', async () => {
    const { clock, lease, renewals } = keeper();
    clock.pass(300);
    clock.pass(400); // the answer takes its time
    renewals[0]?.answer({ ttlRemainingMs: 880, waitedMs: 15 });
    await settle();
    expect(lease.remainingMs).toBe(880 + 15 - 400);
  });

  it('tries a failed renewal again while there is time, and is lost when there is none', async () => {
    const { clock, lease, renewals } = keeper();
    clock.pass(300);
    renewals[0]?.fail(new DeadlineExceededError(600));
    await settle();
    clock.pass(200);
    expect(renewals.map(({ timeoutMs }) => timeoutMs)).toEqual([600, 400]);
    clock.pass(399);
    expect(lease.signal.aborted).toBe(false);
    clock.pass(1);
    expect(lease.signal.reason).toMatchObject({ code: 'lock-not-held' });
    renewals[1]?.answer({}); // too late: the holder has stopped by now
    await settle();
    expect(lease.signal.aborted).toBe(true);
    clock.pass(10_000);
    expect(renewals).toHaveLength(2);
  });

  it('is lost at once when the coordinator says so', async () => {
    const { clock, lease, renewals } = keeper();
    clock.pass(300);
    renewals[0]?.fail(new ConcordatError('lock-not-held', 'gone'));
    await settle();
    expect(lease.signal.reason).toMatchObject({ code: 'lock-not-held', cause: { message: 'gone' } });
  });

  it('is neither renewed nor lost after its end', async () => {
    const { clock, lease, renewals } = keeper();
    clock.pass(300);
    lease.end();
    renewals[0]?.fail(new ConcordatError('lock-not-held', 'released'));
    await settle();
    clock.pass(10_000);
    expect([renewals.length, lease.signal.aborted]).toEqual([1, false]);
  });
});
