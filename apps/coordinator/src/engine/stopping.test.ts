/** D9 and D10: replicas do not differ by their clocks; a graceful stop leaves nothing undecided. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  CALLER,
  done,
  keyed,
  leadingEngine,
  ONE_SHOT,
  pass,
  prepareBoth,
  settled,
  startEngine,
  vote,
} from '../../test/engine.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

describe('D9: time', () => {
  it('D9: a replica that applies the same entries at another time, with another clock, holds the same', async () => {
    const leader = await leadingEngine();
    const { id } = await prepareBoth(leader, keyed('k'));
    for (const participant of ['east', 'west']) vote(leader, id, participant);
    const { id: late } = await prepareBoth(leader);
    leader.log.applyAll();
    await pass(31_000); // the second one's deadline passes
    leader.log.applyAll();
    done(leader, id, 'east');
    done(leader, id, 'west');
    await pass(90_000); // what is old enough is pruned, by an entry
    leader.log.applyAll();

    jest.setSystemTime(Date.now() - 10 * 24 * 60 * 60 * 1000);
    const follower = await startEngine({ term: 0, entries: leader.log.applied });
    expect([...follower.replica.ledger.live.values()]).toEqual([...leader.replica.ledger.live.values()]);
    expect(follower.replica.ledger.live.get(late)).toMatchObject({ reason: { code: 'deadline-exceeded' } });
    expect(follower.replica.ledger.findKey('shop', 'k')).toEqual(leader.replica.ledger.findKey('shop', 'k'));
    await pass(1000);
    await leader.replica.persister.covers();
    expect(follower.store.transactions).toEqual(leader.store.transactions);
    const limits = (store: typeof leader.store) => store.batches.flatMap(({ prune }) => prune ?? []).at(-1);
    expect(limits(follower.store)).toBeDefined();
    expect(limits(follower.store)).toEqual(limits(leader.store));
  });

  it('D9: a follower prunes nothing and expires nothing of its own accord', async () => {
    const leader = await leadingEngine();
    const follower = await startEngine({ term: 0, entries: leader.log.applied });
    leader.log.lose();
    await pass(48 * 60 * 60 * 1000);
    expect(follower.log.pending).toEqual([]);
    expect(follower.log.refused).toBe(0);
  });
});

describe('D10: a graceful stop', () => {
  it('D10: admits nothing new and lets what is in flight be decided', async () => {
    const engine = await leadingEngine();
    const { id, outcome } = await prepareBoth(engine);
    const stop = settled(engine.coordinator.stop(5000).then(() => 'stopped'));
    await expect(engine.coordinator.begin({}, CALLER)).rejects.toMatchObject({ code: 'stopping' });
    expect(engine.coordinator.readiness().ready).toBe(false);
    for (const participant of ['east', 'west']) vote(engine, id, participant);
    engine.log.applyAll();
    await pass(300);
    expect(outcome.value).toMatchObject({ outcome: 'committed' });
    expect(stop.value).toBe('stopped');
  });

  it('D10: aborts what is undecided at the end of the grace period, retryable, and answers its callers', async () => {
    const engine = await leadingEngine();
    const { id, outcome } = await prepareBoth(engine);
    const oneShot = settled(engine.coordinator.begin(ONE_SHOT, keyed('k')));
    await pass(0);
    const stop = settled(engine.coordinator.stop(5000).then(() => 'stopped'));
    await pass(4900);
    expect([outcome, oneShot, stop]).toEqual([{}, {}, {}]);
    await pass(1500);
    for (const seen of [outcome, oneShot]) {
      expect(seen).toMatchObject({ code: 'transaction-aborted', error: { retryable: true } });
    }
    expect(engine.replica.ledger.live.get(id)).toMatchObject({ reason: { code: 'coordinator-stopping' } });
    expect(stop.value).toBe('stopped');
    expect(engine.log.closed).toBe(true);
  });

  it('D10: what was being committed when the grace period ended is committed, not aborted', async () => {
    const engine = await leadingEngine();
    const { id, outcome } = await prepareBoth(engine);
    for (const participant of ['east', 'west']) vote(engine, id, participant);
    settled(engine.coordinator.stop(100));
    await pass(1000); // the log applies when it closes
    expect(outcome.value).toMatchObject({ outcome: 'committed' });
    expect(engine.replica.ledger.live.get(id)?.outcome).toBe('committed');
  });

  it('D10: Postgres holds everything applied when the stop ends', async () => {
    const engine = await leadingEngine();
    const { id } = await prepareBoth(engine);
    settled(engine.coordinator.stop(100));
    await pass(2000);
    expect(engine.store.transactions.get(id)).toMatchObject({ outcome: 'aborted' });
    expect(engine.replica.persister.persistedIndex).toBe(engine.replica.ledger.appliedIndex);
  });

  it('D10: a stop while Postgres is away ends nevertheless', async () => {
    const engine = await leadingEngine();
    await prepareBoth(engine);
    engine.store.failures = Array.from({ length: 1000 }, () => new Error('away'));
    const stop = settled(engine.coordinator.stop(100).then(() => 'stopped'));
    await pass(3000);
    expect(stop.value).toBe('stopped');
  });
});
