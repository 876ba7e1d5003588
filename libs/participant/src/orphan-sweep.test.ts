import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../test/test-database.js';
import { TestCoordinator, TestParticipant, until } from '../test/test-participant.js';

let database: TestDatabase;
const coordinator = new TestCoordinator();

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const start = (name = 'accounts', url = database.url) => TestParticipant.start({ url, name });

describe('the sweep of prepared transactions', () => {
  it('finds after a restart what this participant had prepared, and nothing of others', async () => {
    const elsewhere = await createTestDatabase();
    const [mine, east, far] = [await start(), await start('accounts-east'), await start('accounts', elsewhere.url)];
    const ids = [coordinator.id(), coordinator.id()];
    for (const id of ids) await mine.prepare(coordinator.prepare(id, [['put', id]]));
    const others = new TestCoordinator('accounts-east');
    const [eastern, distant] = [others.id(), coordinator.id()];
    await east.prepare(others.prepare(eastern, [['put', eastern]]));
    await far.prepare(coordinator.prepare(distant, [['put', distant]]));
    await mine.stop(); // as a crash does: nothing is said, nothing finalised

    const restarted = await start();
    const { prepared, repeater } = restarted.parts;
    expect(prepared.size).toBe(2);
    repeater.turn(Date.now() + 3_600_000);
    for (const id of ids) {
      expect(restarted.votes(id)).toMatchObject([{ vote: 'prepared', results: null }]);
      expect(await restarted.decide(coordinator.commit(id))).toMatchObject({ outcome: 'committed' });
    }
    expect(restarted.votes(eastern)).toEqual([]);
    expect(restarted.votes(distant)).toEqual([]);
    expect(prepared.size).toBe(0);
    await east.decide(others.rollback(eastern));
    for (const one of [restarted, east, far]) await one.stop();
    await elsewhere.drop();
  });

  it('takes over what a dead owner left, and drops what another owner finalised', async () => {
    const [a, b] = [await start(), await start()];
    const id = coordinator.id();
    await a.prepare(coordinator.prepare(id, [['put', 'handed-over']]));
    expect(await b.parts.sweep.sweep()).toBe(1);
    expect(b.parts.prepared.size).toBe(1);
    await a.decide(coordinator.commit(id));
    expect(await b.parts.sweep.sweep()).toBe(0);
    expect(b.parts.prepared.size).toBe(0);
    await a.stop();
    await b.stop();
  });

  it('says of what it can neither name nor end: prepared under our prefix, and of no transaction', async () => {
    const participant = await start();
    const { sweep } = participant.parts;
    expect(sweep.foreign).toBe(0);
    await database.query(`BEGIN; CREATE TABLE foreign_work (); PREPARE TRANSACTION 'concordat:accounts:not-an-id!'`);
    await database.query(`BEGIN; CREATE TABLE other_work (); PREPARE TRANSACTION 'concordat:accounts-east:not-an-id!'`);
    expect(await sweep.sweep()).toBe(0);
    expect(sweep.foreign).toBe(1);
    participant.parts.heartbeat.beat();
    await until(() => participant.replies().find((reply) => reply.type === 'heartbeat' && reply.foreignPrepared === 1));
    for (const name of ['accounts', 'accounts-east']) {
      await database.query(`ROLLBACK PREPARED 'concordat:${name}:not-an-id!'`);
    }
    await sweep.sweep();
    expect(sweep.foreign).toBe(0);
    await participant.stop();
  });

  it('keeps the results of what this process prepared itself', async () => {
    const participant = await start();
    const id = coordinator.id();
    await participant.prepare(coordinator.prepare(id, [['put', 'remembered']]));
    expect(await participant.parts.sweep.sweep()).toBe(0);
    participant.parts.repeater.turn(Date.now() + 3_600_000);
    expect(participant.votes(id).at(-1)).toMatchObject({ results: [{ branchId: '1' }] });
    await participant.decide(coordinator.rollback(id));
    await participant.stop();
  });
});
