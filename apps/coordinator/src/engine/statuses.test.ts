/** D6: what a replica says of transactions to third parties, and the schedules that break where it says more. */
import type { StatusAnswer } from '@concordat/protocol';
import type { TransactionRecord } from '@concordat/transaction';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { done, type Engine, leadingEngine, pass, prepareBoth, settled, startEngine, vote } from '../../test/engine.js';
import { APPLIED_WAIT_MS_MAX } from './snapshots.js';
import { statusesOf } from './statuses.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const ask = async ({ coordinator }: Engine, id: string): Promise<StatusAnswer | undefined> =>
  (await coordinator.snapshots.statuses({ transactionIds: [id] })).statuses[0];

const bothVote = (engine: Engine, id: string): void => {
  for (const participant of ['east', 'west']) vote(engine, id, participant);
};

describe('D6: the order in which an answer is put together', () => {
  /**
   * A reader at S = 11 meets the intent of T. The replica has applied 10; entry 11, T's COMMIT, is applied while the answer
   * is put together. Status first: `undecided`, appliedCsn 11, and the reader keeps "invisible up to 11": half of a commit
   * that belongs to its snapshot is hidden from it. Number first: `undecided` up to 10 covers nothing of S, so it asks again.
   */
  it('D6: an undecided transaction that is decided meanwhile gets a CSN above the one of the answer', () => {
    const live = new Map<string, TransactionRecord>([['T', { outcome: null } as TransactionRecord]]);
    let applied = 10;
    let commitCsn = 0;
    const commit = () => {
      if (commitCsn > 0) return;
      applied += 1;
      commitCsn = applied;
      live.set('T', { outcome: 'committed', csn: commitCsn } as TransactionRecord);
    };
    /** Whatever is read first, T is committed right behind it. */
    const answer = statusesOf(
      {
        get appliedCsn() {
          const before = applied;
          commit();
          return before;
        },
        live: {
          get: (id) => {
            const before = live.get(id);
            commit();
            return before;
          },
        },
        hazards: { of: () => [] },
        leader: undefined,
      },
      ['T'],
    );
    const [status] = answer.statuses;
    if (status?.status === 'undecided') expect(commitCsn).toBeGreaterThan(answer.appliedCsn);
    else expect(status).toEqual({ status: 'committed', csn: commitCsn });
    expect(answer.appliedCsn).toBe(10);
  });
});

describe('D6: what is said of a transaction', () => {
  it('D6: undecided from its begin on, before its BEGIN is applied, and while its COMMIT is not', async () => {
    const engine = await leadingEngine();
    const { id } = await prepareBoth(engine);
    expect(engine.replica.ledger.live.has(id)).toBe(false);
    expect(await ask(engine, id)).toEqual({ status: 'undecided' });
    engine.log.applyAll();
    bothVote(engine, id);
    const { appliedCsn, statuses } = await engine.coordinator.snapshots.statuses({ transactionIds: [id] });
    expect(statuses).toEqual([{ status: 'undecided' }]); // settled, and a hope until its entry is applied
    engine.log.applyAll();
    const answer = await ask(engine, id);
    expect(answer).toMatchObject({ status: 'committed' });
    expect(answer?.status === 'committed' && answer.csn).toBeGreaterThan(appliedCsn);
  });

  it('D6: a replica that has not applied the BEGIN knows nothing of it, and presumes nothing', async () => {
    const leader = await leadingEngine();
    const { id } = await prepareBoth(leader);
    const follower = await startEngine({ term: 0, entries: leader.log.applied });
    expect(await ask(follower, id)).toEqual({ status: 'unknown' });
  });

  /**
   * Without an applied entry nobody but the leader of this moment knows of an abort. A reader that was told, and keeps it
   * for ever, would contradict every other replica until then; and an abort that is merely concluded from an id being
   * unknown is wrong, as the next test shows.
   */
  it('D6: an abort that is settled and not applied is undecided; aborted needs its entry', async () => {
    const engine = await leadingEngine();
    const { id } = await prepareBoth(engine);
    engine.log.applyAll();
    vote(engine, id, 'east', { vote: 'refused', results: null });
    expect(engine.messenger.take()).toContain('rollback west');
    expect(await ask(engine, id)).toEqual({ status: 'undecided' });
    engine.log.applyAll();
    expect(await ask(engine, id)).toEqual({ status: 'aborted' });
  });

  /**
   * A reader reads T's intent; T is finalised at every participant and forgotten; then the reader asks. Were `unknown`
   * an abort, it would leave out a commit that belongs to its snapshot.
   */
  it('D6: what was committed and is forgotten is unknown, never aborted, also for the leader of a later term', async () => {
    const engine = await leadingEngine();
    const { id, outcome } = await prepareBoth(engine);
    bothVote(engine, id);
    engine.log.applyAll();
    await pass(0);
    expect(outcome.value).toMatchObject({ outcome: 'committed' });
    for (const participant of ['east', 'west']) done(engine, id, participant);
    await pass(100);
    engine.log.applyAll();
    expect(await ask(engine, id)).toEqual({ status: 'unknown' });
    engine.log.lose();
    engine.log.lead(2);
    engine.log.applyAll();
    expect(await ask(engine, id)).toEqual({ status: 'unknown' });
  });

  it('D6: the first entry of a term is an applied abort of what earlier terms left undecided', async () => {
    const engine = await leadingEngine();
    const { id } = await prepareBoth(engine);
    engine.log.applyAll();
    engine.log.lose();
    expect(await ask(engine, id)).toEqual({ status: 'undecided' });
    engine.log.lead(2);
    expect(await ask(engine, id)).toEqual({ status: 'undecided' });
    engine.log.applyAll();
    expect(await ask(engine, id)).toEqual({ status: 'aborted' });
  });
});

describe('how much an answer covers', () => {
  it('waits for minCsn, a bounded time, and says when it cannot have it', async () => {
    const engine = await leadingEngine();
    const { ledger } = engine.replica;
    const { id } = await prepareBoth(engine);
    const wanted = ledger.appliedCsn + 1;
    const answered = settled(engine.coordinator.snapshots.statuses({ transactionIds: [id], minCsn: wanted }));
    const late = settled(engine.coordinator.snapshots.statuses({ transactionIds: [id], minCsn: wanted + 50 }));
    await pass(APPLIED_WAIT_MS_MAX - 1);
    expect([answered, late]).toEqual([{}, {}]);
    engine.log.applyNext();
    await pass(0);
    expect(answered.value?.appliedCsn).toBe(wanted);
    await pass(2);
    expect(late).toMatchObject({ code: 'snapshot-unavailable', error: { details: { retryAfterMs: 1000 } } });
  });

  it('asks by ReadIndex first when it is to be linearizable', async () => {
    const engine = await leadingEngine();
    const question = { transactionIds: [], linearizable: true };
    expect(await engine.coordinator.snapshots.statuses(question)).toMatchObject({ statuses: [] });
    engine.log.readIndex = async () => false;
    await expect(engine.coordinator.snapshots.statuses(question)).rejects.toMatchObject({ code: 'not-ready' });
  });

  it('counts the answers', async () => {
    const engine = await leadingEngine();
    const { id } = await prepareBoth(engine);
    await engine.coordinator.snapshots.statuses({ transactionIds: [id, 'a-1-1', 'a-1-2'] });
    expect(engine.metrics.counts.get('status unknown')).toBe(2);
    expect(engine.metrics.counts.get('status undecided')).toBe(1);
  });
});
