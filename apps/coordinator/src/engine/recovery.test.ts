/** D6 and D7: what a prepared branch is told, and when a transaction may be forgotten. */

import { formatTransactionId } from '@concordat/protocol';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  CALLER,
  done,
  type Engine,
  GATHERED_MS,
  leadingEngine,
  pass,
  prepareBoth,
  settled,
  startEngine,
  vote,
} from '../../test/engine.js';
import { SNAPSHOT_BEGIN_MS_MAX } from './replica.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const idIn = ({ replica }: Engine, term: number, sequence: number, incarnation = replica.ledger.incarnation) =>
  formatTransactionId({ incarnation, term, sequence });

async function committedBoth(engine: Engine): Promise<string> {
  const { id } = await prepareBoth(engine);
  for (const participant of ['east', 'west']) vote(engine, id, participant);
  engine.log.applyAll();
  return id;
}

async function forgottenBoth(engine: Engine): Promise<string> {
  const id = await committedBoth(engine);
  for (const participant of ['east', 'west']) done(engine, id, participant);
  await pass(GATHERED_MS);
  engine.log.applyAll();
  await pass(1000); // persisted
  engine.messenger.take();
  return id;
}

describe('D6: a prepared branch that the leader does not hold', () => {
  it('D6: of an older term and without a record takes it as aborted', async () => {
    const engine = await leadingEngine({ term: 3 });
    vote(engine, idIn(engine, 2, 7), 'east');
    await pass(0);
    expect(engine.messenger.sent).toMatchObject([{ type: 'rollback', participant: 'east', presumed: true }]);
  });

  it('D6: of a later term, of another incarnation, or never given out gets no answer', async () => {
    const engine = await leadingEngine({ term: 3 });
    const { id } = await engine.coordinator.begin({}, CALLER);
    for (const stray of [idIn(engine, 4, 1), idIn(engine, 2, 1, 99), idIn(engine, 3, 2)]) vote(engine, stray, 'east');
    await pass(0);
    expect(engine.messenger.sent).toEqual([]);
    expect(engine.metrics.counts.get('stray vote')).toBe(3);
    expect(id).toBe(idIn(engine, 3, 1));
  });

  it('D6: of a committed and forgotten transaction is told the commit, with its number', async () => {
    const engine = await leadingEngine();
    const id = await forgottenBoth(engine);
    vote(engine, id, 'east');
    await pass(0);
    const csn = engine.store.transactions.get(id)?.csn;
    expect(engine.messenger.sent).toMatchObject([{ type: 'commit', participant: 'east', csn }]);
  });

  it('D6: of a committed and forgotten transaction that does not name it is told to roll back, not presumed', async () => {
    const engine = await leadingEngine();
    const id = await forgottenBoth(engine);
    vote(engine, id, 'stock');
    await pass(0);
    expect(engine.messenger.sent).toMatchObject([{ type: 'rollback', participant: 'stock', presumed: false }]);
  });

  it('D6: of this term, forgotten and pruned, is presumed', async () => {
    const engine = await leadingEngine();
    const id = await forgottenBoth(engine);
    engine.store.transactions.delete(id);
    vote(engine, id, 'east');
    await pass(0);
    expect(engine.messenger.sent).toMatchObject([{ type: 'rollback', presumed: true }]);
  });

  it('D6: gets no answer while Postgres is away and would have to be asked', async () => {
    const engine = await leadingEngine({ term: 3 });
    engine.store.available = false;
    vote(engine, idIn(engine, 2, 7), 'east');
    await pass(0);
    expect(engine.messenger.sent).toEqual([]);
    engine.store.available = true;
    vote(engine, idIn(engine, 2, 7), 'east');
    await pass(0);
    expect(engine.messenger.take()).toEqual(['rollback east']);
  });

  it('D6: gets no answer from a leader that was deposed while it asked Postgres', async () => {
    const engine = await leadingEngine({ term: 3 });
    vote(engine, idIn(engine, 2, 7), 'east');
    engine.log.lose();
    await pass(0);
    expect(engine.messenger.sent).toEqual([]);
  });

  it('D6: a refusal or a read-only vote of an unknown transaction needs no answer', async () => {
    const engine = await leadingEngine({ term: 3 });
    vote(engine, idIn(engine, 2, 7), 'east', { vote: 'refused', results: null });
    vote(engine, idIn(engine, 2, 7), 'east', { vote: 'read-only' });
    await pass(0);
    expect(engine.messenger.sent).toEqual([]);
  });
});

describe('D7: FORGET and the horizon', () => {
  it('D7: a transaction is forgotten after every DONE, and completed when that is applied', async () => {
    const engine = await leadingEngine();
    const id = await committedBoth(engine);
    done(engine, id, 'east');
    await pass(GATHERED_MS);
    expect(engine.log.pending).toEqual([]);
    done(engine, id, 'west');
    await pass(GATHERED_MS);
    expect(engine.log.proposed).toMatchObject([{ type: 'forget', transactions: [{ id, hazards: [] }] }]);
    expect(await engine.coordinator.get(id, {})).toMatchObject({ status: 'committed' });
    engine.log.applyAll();
    expect(await engine.coordinator.get(id, {})).toMatchObject({
      status: 'completed',
      completedAt: expect.any(Number),
    });
  });

  it('D7: FORGET gathers what ends while one is under way', async () => {
    const engine = await leadingEngine();
    const ids = [await committedBoth(engine), await committedBoth(engine), await committedBoth(engine)];
    for (const participant of ['east', 'west']) done(engine, ids[0] as string, participant);
    await pass(GATHERED_MS);
    for (const id of ids.slice(1)) for (const participant of ['east', 'west']) done(engine, id, participant);
    await pass(GATHERED_MS);
    expect(engine.log.pending).toHaveLength(1);
    engine.log.applyAll();
    await pass(GATHERED_MS);
    expect(engine.log.proposed).toMatchObject([{ type: 'forget', transactions: [{ id: ids[1] }, { id: ids[2] }] }]);
    engine.log.applyAll();
    expect(engine.replica.ledger.live.size).toBe(0);
  });

  it('D7: commands carry the oldest id that is not forgotten', async () => {
    const engine = await leadingEngine();
    const first = await committedBoth(engine);
    const second = await committedBoth(engine);
    const third = await committedBoth(engine);
    expect(new Set(engine.messenger.sent.map(({ horizon }) => horizon))).toEqual(new Set([first]));
    for (const participant of ['east', 'west']) done(engine, second, participant);
    await pass(GATHERED_MS);
    engine.log.applyAll();
    vote(engine, first, 'east');
    expect(engine.messenger.sent.at(-1)?.horizon).toBe(first); // a later one that ended first moves nothing
    for (const participant of ['east', 'west']) done(engine, first, participant);
    await pass(GATHERED_MS);
    expect(engine.log.proposed.map(({ type }) => type)).toEqual(['forget']);
    vote(engine, second, 'east');
    await pass(0);
    expect(engine.messenger.sent.at(-1)?.horizon).toBe(first); // done, and not forgotten before FORGET is applied
    engine.log.applyAll();
    vote(engine, second, 'east');
    await pass(0);
    expect(engine.messenger.sent.at(-1)?.horizon).toBe(third);
    for (const participant of ['east', 'west']) done(engine, third, participant);
    await pass(GATHERED_MS);
    engine.log.applyAll();
    vote(engine, second, 'east');
    await pass(0);
    expect(engine.messenger.sent.at(-1)?.horizon).toBe(idIn(engine, 1, 4)); // nothing is left: the next to be begun
  });

  it('D7: a new leader’s horizon is the oldest that its predecessors left unfinished', async () => {
    const first = await leadingEngine();
    const id = await committedBoth(first);
    const second = await startEngine({ term: 2, entries: first.log.applied });
    second.log.applyAll();
    vote(second, idIn(second, 1, 9), 'east');
    await pass(0);
    expect(new Set(second.messenger.sent.map(({ horizon }) => horizon))).toEqual(new Set([id]));
  });

  it('a participant that contradicts is a hazard: counted, logged, written down', async () => {
    const engine = await leadingEngine();
    const id = await committedBoth(engine);
    done(engine, id, 'east', 'rolled-back');
    done(engine, id, 'west');
    await pass(GATHERED_MS);
    engine.log.applyAll();
    expect(engine.metrics.counts.get('hazard east')).toBe(1);
    expect(engine.logger.lines).toContain('error a participant contradicts the decision');
    expect((await engine.coordinator.get(id, {})).branches.map(({ status }) => status)).toEqual([
      'hazard',
      'committed',
    ]);
  });

  it('commands that are not answered are sent again, sooner when the participant returns', async () => {
    const engine = await leadingEngine();
    const { id } = await prepareBoth(engine);
    vote(engine, id, 'east');
    engine.messenger.take();
    await pass(600);
    expect(engine.messenger.take()).toEqual(['prepare west']);
    engine.replica.leader?.onParticipantReturned('west');
    expect(engine.messenger.take()).toEqual(['prepare west']);
    engine.replica.leader?.onParticipantReturned('stock');
    expect(engine.messenger.take()).toEqual([]);
    vote(engine, id, 'west');
    engine.log.applyAll();
    engine.messenger.take();
    await pass(600);
    expect(engine.messenger.take()).toEqual([]); // west has taken as long for its vote: a resend now may well be for nothing
    await pass(1_300);
    expect(engine.messenger.take()).toEqual(['commit east', 'commit west']);
  });

  it('a DONE of a transaction that is not held is counted and changes nothing', async () => {
    const engine = await leadingEngine();
    done(engine, idIn(engine, 1, 5), 'east');
    expect(engine.metrics.counts.get('stray done')).toBe(1);
  });
});

describe('a snapshot for another member', () => {
  it('is given up when Postgres does not come to hold the state: nothing is applied while it is waited for', async () => {
    const engine = await leadingEngine();
    await pass(1000); // persisted
    await expect(engine.replica.onSnapshot()).rejects.toThrow('no snapshots');
    engine.store.gate = new Promise(() => undefined);
    await engine.coordinator.begin({}, CALLER);
    engine.log.applyAll();
    const snapshot = settled(engine.replica.onSnapshot());
    await pass(SNAPSHOT_BEGIN_MS_MAX);
    expect(snapshot.error).toMatchObject({ message: expect.stringContaining('could not give a snapshot') });
  });
});
