import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../test/test-database.js';
import { TestCoordinator, TestParticipant } from '../test/test-participant.js';

let database: TestDatabase;
let participant: TestParticipant;
let coordinator: TestCoordinator;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  participant = await TestParticipant.start({ url: database.url, limits: { garbageBatchMax: 2 } });
  coordinator = new TestCoordinator();
  await database.query('DELETE FROM concordat_branch');
});
afterEach(() => participant.stop());

const rows = async () =>
  (await database.query('SELECT transaction_id FROM concordat_branch')).map((row) => row.transaction_id);
const finish = async (outcome: 'commit' | 'rollback') => {
  const id = coordinator.id();
  await participant.prepare(coordinator.prepare(id, [['put', id]]));
  await participant.decide(coordinator[outcome](id));
  return id;
};
/** A command that carries the horizon. */
const raiseHorizonTo = (horizon: string) =>
  participant.deliver({ ...coordinator.rollback(coordinator.id(), { horizon }) });

describe('the collection of branch rows', () => {
  it('takes all rows below the horizon in batches, and none above', async () => {
    const below = [await finish('commit'), await finish('rollback'), await finish('commit')];
    const horizon = await finish('commit');
    expect(await participant.parts.garbage.collect()).toBe(0);
    await raiseHorizonTo(horizon);
    expect(await participant.parts.garbage.collect()).toBe(below.length);
    expect(await rows()).toEqual(expect.arrayContaining([horizon]));
    expect((await rows()).filter((id) => below.includes(String(id)))).toEqual([]);
  });

  it('waits for every database transaction that began before the horizon was durable', async () => {
    const id = await finish('commit');
    const zombie = new pg.Client({ connectionString: database.url });
    await zombie.connect();
    await zombie.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
    await raiseHorizonTo(coordinator.id());
    expect(await participant.parts.garbage.collect()).toBe(0);
    expect(await rows()).toContain(id);
    await zombie.query('ROLLBACK');
    expect(await participant.parts.garbage.collect()).toBe(1);
    await zombie.end();
  });

  it('does not let a prepare in again whose row is gone, in this process or another', async () => {
    const other = await TestParticipant.start({ url: database.url });
    const id = await finish('commit');
    await raiseHorizonTo(coordinator.id());
    await participant.parts.garbage.collect();
    for (const owner of [participant, other]) {
      const vote = await owner.prepare(coordinator.prepare(id, [['put', id]]));
      expect(vote.reason).toMatchObject({ code: 'below-horizon' });
    }
    expect(await participant.decide(coordinator.commit(id))).toMatchObject({ outcome: 'committed' });
    await other.stop();
  });
});
