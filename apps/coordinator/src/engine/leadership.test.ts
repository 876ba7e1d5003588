/** D1 and D2: who may give out ids and decide, and from when on. */

import { parseTransactionId } from '@concordat/protocol';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  CALLER,
  done,
  GATHERED_MS,
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

describe('D1: the incarnation', () => {
  it('D1: is made by the first leader of all and kept by every later start', async () => {
    const first = await leadingEngine();
    const { incarnation } = first.replica.ledger;
    expect(incarnation).toBe(first.replica.termStartedAt);
    await pass(10_000);
    const second = await leadingEngine({ term: 2, entries: first.log.applied });
    const { id } = await second.coordinator.begin({}, CALLER);
    expect(parseTransactionId(id)).toEqual({ incarnation, term: 2, sequence: 1 });
  });

  it('D1: is the one that the log holds, not the one that this leader proposed itself', async () => {
    const engine = await startEngine({ term: 0 });
    engine.log.lead(2); // the first leader's entry is under way, and not applied here yet
    engine.log.receive(1, { type: 'term', incarnation: 5000, at: 1 });
    await pass(10);
    engine.log.applyAll();
    const { id } = await engine.coordinator.begin({}, CALLER);
    expect(parseTransactionId(id)?.incarnation).toBe(5000);
    engine.log.applyAll();
    expect(engine.replica.ledger.live.has(id)).toBe(true);
  });
});

describe('D2: a leader', () => {
  it('D2: admits nothing before the first entry of its own term is applied', async () => {
    const engine = await startEngine();
    expect(engine.log.proposed.map(({ type }) => type)).toEqual(['term']);
    await expect(engine.coordinator.begin({}, CALLER)).rejects.toMatchObject({ code: 'not-ready' });
    await expect(engine.coordinator.commit('1-1-1', {}, CALLER)).rejects.toMatchObject({ code: 'not-ready' });
    expect(engine.coordinator.readiness().ready).toBe(false);
    engine.log.applyAll();
    await expect(engine.coordinator.begin({}, CALLER)).resolves.toMatchObject({ status: 'active' });
    expect(engine.coordinator.readiness().ready).toBe(true);
  });

  it('D2: answers no vote and registers no participant before that entry is applied', async () => {
    const first = await leadingEngine();
    const { id } = await prepareBoth(first);
    const engine = await startEngine({ term: 2, entries: first.log.applied });
    vote(engine, id, 'east');
    await pass(10);
    expect(engine.messenger.sent).toEqual([]);
    expect(engine.log.proposed.map(({ type }) => type)).toEqual(['term']);
  });

  it('D2: aborts what an earlier term left undecided, and tells its branches to roll back', async () => {
    const first = await leadingEngine();
    const outcome = settled(first.coordinator.begin(ONE_SHOT, CALLER));
    await pass(0);
    first.log.applyAll();
    const [id] = [...first.replica.ledger.live.keys()];
    const second = await startEngine({ term: 2, entries: first.log.applied });
    second.log.applyAll();
    expect(second.messenger.take()).toEqual(['rollback east', 'rollback west']);
    const record = await second.coordinator.get(id as string, {});
    expect(record).toMatchObject({ status: 'aborted', reason: { code: 'leader-changed', retryable: true } });
    expect(outcome).toEqual({});
    for (const participant of ['east', 'west']) done(second, id as string, participant, 'rolled-back');
    await pass(GATHERED_MS);
    second.log.applyAll();
    expect(second.replica.ledger.live.size).toBe(0);
  });

  it('D2: shows nothing undecided before that entry is applied: it may have been told otherwise by then', async () => {
    const first = await leadingEngine();
    const { id } = await first.coordinator.begin({}, CALLER);
    first.log.applyAll();
    await expect(first.coordinator.rollback(id, {}, CALLER)).resolves.toMatchObject({ status: 'aborted' });
    first.log.lose(); // and with it the ABORT entry, which nobody waited for (D4)
    const second = await startEngine({ term: 2, entries: first.log.applied });
    await expect(second.coordinator.get(id, {})).rejects.toMatchObject({ code: 'not-ready' });
    await expect(second.coordinator.get(id, { consistency: 'stale' })).resolves.toMatchObject({ status: 'active' });
    second.log.applyAll();
    await expect(second.coordinator.get(id, {})).resolves.toMatchObject({ outcome: 'aborted' });
  });

  it('D2: takes up what an earlier term committed, without deciding it again', async () => {
    const first = await leadingEngine();
    const { id } = await prepareBoth(first);
    for (const participant of ['east', 'west']) vote(first, id, participant);
    first.log.applyAll();
    const second = await startEngine({ term: 2, entries: first.log.applied });
    second.log.applyAll();
    expect(second.messenger.take()).toEqual(['commit east', 'commit west']);
    expect(second.log.applied.slice(first.log.applied.length)).toHaveLength(1);
  });

  it('D2: that is deposed sends nothing and proposes nothing', async () => {
    const engine = await leadingEngine();
    const { id } = await prepareBoth(engine);
    const { leader } = engine.replica;
    vote(engine, id, 'east');
    engine.messenger.take();
    engine.log.lose();
    leader?.onVote({
      v: 1,
      type: 'vote',
      transactionId: id,
      participant: 'west',
      vote: 'refused',
      results: null,
      reason: null,
    });
    await pass(60_000);
    expect(engine.messenger.sent).toEqual([]);
    expect(engine.log.pending).toEqual([]);
    await expect(engine.coordinator.commit(id, {}, CALLER)).rejects.toMatchObject({ code: 'not-ready' });
  });

  it('D2: that is deposed leaves nothing behind that is proposed in a later term of the same replica', async () => {
    const engine = await leadingEngine();
    const { id } = await prepareBoth(engine);
    for (const participant of ['east', 'west']) vote(engine, id, participant);
    engine.log.applyAll();
    for (const participant of ['east', 'west']) done(engine, id, participant); // FORGET gathers until the next turn
    engine.log.lose();
    engine.log.lead(2);
    await pass(10);
    expect(engine.log.proposed.map(({ type }) => type)).toEqual(['term']);
  });

  it('D2: ends at the first entry of a later term, even if the log has not said so yet', async () => {
    const engine = await leadingEngine();
    const { outcome } = await prepareBoth(engine);
    engine.log.applyAll();
    engine.messenger.take();
    engine.log.receive(2, { type: 'term', incarnation: 1, at: Date.now() });
    expect(engine.replica.leader).toBeUndefined();
    await pass(60_000);
    expect(engine.messenger.sent).toEqual([]);
    // D8: that entry settled it, so its caller need not wait to the end of its time.
    expect(outcome.error).toMatchObject({
      code: 'transaction-aborted',
      details: { reason: { code: 'leader-changed' } },
    });
  });

  it('ends with its log when that can no longer be written', async () => {
    const engine = await leadingEngine();
    engine.log.fail(new Error('no space left'));
    expect(engine.fatal.map(({ message }) => message)).toEqual(['no space left']);
    expect(engine.replica.leader).toBeUndefined();
  });
});

describe('the readiness of a follower', () => {
  it('lasts while its questions to the leader are answered, and ends when they are not for a few election timeouts', async () => {
    const leader = await leadingEngine();
    const follower = await startEngine({ term: 0, entries: leader.log.applied });
    let answers = true;
    jest.spyOn(follower.log, 'leaderKnown', 'get').mockReturnValue(true);
    follower.log.readIndex = async () => answers;
    expect(follower.coordinator.readiness().ready).toBe(false);
    void follower.coordinator.keepContact();
    await pass(1);
    expect(follower.coordinator.readiness().ready).toBe(true);
    await pass(60_000);
    expect(follower.coordinator.readiness().ready).toBe(true);
    answers = false;
    await pass(2_000);
    expect(follower.coordinator.readiness().ready).toBe(true);
    await pass(3_000);
    expect(follower.coordinator.readiness().ready).toBe(false);
    await follower.coordinator.stop(0);
  });

  it('counts a question from when it was asked: an answer that took too long says nothing of now', async () => {
    const leader = await leadingEngine();
    const follower = await startEngine({ term: 0, entries: leader.log.applied });
    jest.spyOn(follower.log, 'leaderKnown', 'get').mockReturnValue(true);
    follower.log.readIndex = () => new Promise((resolve) => setTimeout(resolve, 4_500, true));
    void follower.coordinator.keepContact();
    await pass(4_501);
    expect(follower.coordinator.readiness().ready).toBe(false);
    await follower.coordinator.stop(0);
  });

  it('ends for good when the member was removed, which is said', async () => {
    const engine = await leadingEngine();
    engine.log.removed = true;
    const { ready, checks } = engine.coordinator.readiness();
    expect(ready).toBe(false);
    expect(checks.find(({ ok }) => !ok)).toMatchObject({ name: 'member', detail: expect.stringContaining('removed') });
  });
});
