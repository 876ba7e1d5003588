import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../test/test-database.js';
import { putItem, TestCoordinator, TestParticipant, until } from '../test/test-participant.js';

let database: TestDatabase;
let participant: TestParticipant;
let running: PromiseWithResolvers<void>;
const coordinator = new TestCoordinator();

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  running = Promise.withResolvers();
  const begun = <T>(value: T) => {
    running.resolve();
    return value;
  };
  participant = await TestParticipant.start({
    url: database.url,
    operations: {
      sleep: ({ id }, { manager }) =>
        putItem(manager, id)
          .then(begun)
          .then(() => manager.query('SELECT pg_sleep(60)')),
      hang: ({ id }, { manager }) =>
        putItem(manager, id)
          .then(begun)
          .then(() => new Promise(() => undefined)),
    },
  });
});
afterEach(() => participant.stop());

const prepared = async (item: string, id = coordinator.id()) => {
  expect(await participant.prepare(coordinator.prepare(id, [['put', item]]))).toMatchObject({ vote: 'prepared' });
  return id;
};
const countOf = async (id: string) => (await database.query('SELECT n FROM item WHERE id = $1', [id]))[0]?.n;
const stateOf = async (id: string) =>
  (await database.query('SELECT state FROM concordat_branch WHERE transaction_id = $1', [id]))[0]?.state;
const gids = async () =>
  (await database.query('SELECT gid FROM pg_prepared_xacts WHERE database = current_database()')).map(({ gid }) => gid);

describe('a commit', () => {
  it('is done when the work is visible and the row tells, and stays done however often it comes', async () => {
    const id = await prepared('commit');
    for (let time = 0; time < 3; time += 1) {
      expect(await participant.decide(coordinator.commit(id))).toMatchObject({ outcome: 'committed', detail: null });
    }
    expect(await countOf('commit')).toBe(1);
    expect(await stateOf(id)).toBe('committed');
    expect(await gids()).toEqual([]);
  });

  it('of a branch that was never prepared is a hazard, and told as such', async () => {
    const id = coordinator.id();
    expect(await participant.decide(coordinator.commit(id))).toMatchObject({
      outcome: 'hazard',
      detail: expect.stringContaining('absent'),
    });
  });

  it('of a branch that was rolled back is a hazard', async () => {
    const id = await prepared('mixed');
    await participant.decide(coordinator.rollback(id));
    expect(await participant.decide(coordinator.commit(id))).toMatchObject({ outcome: 'hazard' });
    expect(await countOf('mixed')).toBeUndefined();
  });

  it('without a row is done below the horizon', async () => {
    const id = coordinator.id();
    const horizon = coordinator.id(1_000_000);
    expect(await participant.decide(coordinator.commit(id, horizon))).toMatchObject({ outcome: 'committed' });
  });

  it('touches no other transaction, though its id be the beginning of another', async () => {
    const [short, long] = [coordinator.id(36 ** 3), coordinator.id(36 ** 4)];
    expect(long.startsWith(short)).toBe(true);
    await prepared('long', long);
    await prepared('short', short);
    expect(await participant.decide(coordinator.commit(short))).toMatchObject({ outcome: 'committed' });
    expect(await gids()).toEqual([`concordat:accounts:${long}`]);
    expect(await participant.decide(coordinator.rollback(long))).toMatchObject({ outcome: 'rolled-back' });
    expect([await countOf('short'), await countOf('long')]).toEqual([1, undefined]);
  });

  it('is carried out after all connections broke', async () => {
    const id = await prepared('reconnected');
    await database.terminateConnections().catch(() => undefined);
    expect(await participant.decide(coordinator.commit(id))).toMatchObject({ outcome: 'committed' });
    expect(await countOf('reconnected')).toBe(1);
  });
});

describe('a rollback', () => {
  it('undoes a prepared branch and bars the prepare for good', async () => {
    const id = await prepared('undone');
    expect(await participant.decide(coordinator.rollback(id))).toMatchObject({ outcome: 'rolled-back' });
    expect(await gids()).toEqual([]);
    const vote = await participant.prepare(coordinator.prepare(id, [['put', 'undone']]));
    expect(vote.reason?.code).toBe('already-rolled-back');
    expect(await countOf('undone')).toBeUndefined();
  });

  it('that comes before its prepare bars it', async () => {
    const id = coordinator.id();
    for (let time = 0; time < 2; time += 1) {
      expect(await participant.decide(coordinator.rollback(id))).toMatchObject({ outcome: 'rolled-back' });
    }
    const vote = await participant.prepare(coordinator.prepare(id, [['put', 'too-late']]));
    expect(vote.reason).toMatchObject({ code: 'already-rolled-back', retryable: true });
    expect(await gids()).toEqual([]);
  });

  it('of a committed branch is a hazard, unless it says no more than "unknown"', async () => {
    const id = await prepared('kept');
    await participant.decide(coordinator.commit(id));
    expect(await participant.decide(coordinator.rollback(id))).toMatchObject({ outcome: 'hazard' });
    expect(await participant.decide(coordinator.rollback(id, { presumed: true }))).toMatchObject({
      outcome: 'committed',
    });
    expect(await countOf('kept')).toBe(1);
  });

  it('presumed by the coordinator frees a prepared branch', async () => {
    const id = await prepared('presumed');
    expect(await participant.decide(coordinator.rollback(id, { presumed: true }))).toMatchObject({
      outcome: 'rolled-back',
    });
    expect(await gids()).toEqual([]);
  });

  it('below the horizon leaves no row', async () => {
    const id = coordinator.id();
    const horizon = coordinator.id(1_000_000);
    expect(await participant.decide(coordinator.rollback(id, { horizon, presumed: true }))).toMatchObject({
      outcome: 'rolled-back',
    });
    expect(await stateOf(id)).toBeUndefined();
  });

  it.each(['sleep', 'hang'])('ends a prepare that is running (%s), without a vote', async (operation) => {
    const id = coordinator.id();
    await participant.deliver(coordinator.prepare(id, [[operation, 'cancelled']]));
    await running.promise;
    expect(await participant.decide(coordinator.rollback(id))).toMatchObject({ outcome: 'rolled-back' });
    expect(participant.votes(id)).toEqual([]);
    expect(await stateOf(id)).toBe('aborted');
    const next = await prepared('cancelled'); // its lock is free
    await participant.decide(coordinator.rollback(next));
  });

  it('ends a prepare that waits for its turn', async () => {
    const hanging = Array.from({ length: 20 }, () => coordinator.id());
    for (const id of hanging) await participant.deliver(coordinator.prepare(id, [['hang', `turn-${id}`]]));
    await Promise.all(hanging.map((id) => participant.decide(coordinator.rollback(id))));
    expect(participant.parts.dispatcher.executing).toBe(0);
    expect(await gids()).toEqual([]);
  });

  it('that races its prepare always ends in a rollback', async () => {
    for (let round = 0; round < 30; round += 1) {
      const id = coordinator.id();
      await participant.deliver(coordinator.prepare(id, [['put', `race-${round}`]]));
      await new Promise((resolve) => setTimeout(resolve, round % 10));
      await participant.deliver(coordinator.rollback(id));
      await until(() => participant.dones(id)[0]);
      expect(participant.dones(id)).toMatchObject([{ outcome: 'rolled-back' }]);
    }
    expect(await gids()).toEqual([]);
    expect(await database.query("SELECT id FROM item WHERE id LIKE 'race-%'")).toEqual([]);
  });
});
