import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { GlobalTest } from '../test/global-test.js';
import { createTestDatabase, type TestDatabase } from '../test/test-database.js';
import { type Handler, putItem, TestCoordinator, TestParticipant } from '../test/test-participant.js';
import { FencedResource } from './fence.js';

/** The id of the input is `<resource>@<token>`. */
const fenced = (work: Handler): Handler => {
  return async ({ id }, context) => {
    const [resource = '', token] = id.split('@');
    await context.fence(resource, Number(token));
    return work({ id: resource }, context);
  };
};

const STALE = { vote: 'refused', reason: { code: 'fencing-token-stale', retryable: false } };

describe('a fenced resource with local isolation', () => {
  let database: TestDatabase;
  let participant: TestParticipant;
  const coordinator = new TestCoordinator();
  beforeAll(async () => {
    database = await createTestDatabase();
    const operations = {
      fenced: fenced(({ id }, { manager }) => putItem(manager, id)),
      only: fenced(async () => null),
    };
    const limits = { lockTimeoutMs: 200 };
    participant = await TestParticipant.start({ url: database.url, operations, limits });
  });
  afterAll(async () => {
    await participant.stop();
    await database.drop();
  });

  const prepare = async (what: string, operation = 'fenced') => {
    const id = coordinator.id();
    return { id, vote: await participant.prepare(coordinator.prepare(id, [[operation, what]])) };
  };
  const run = async (what: string) => {
    const { id, vote } = await prepare(what);
    if (vote.vote === 'prepared') await participant.decide(coordinator.commit(id));
    return vote;
  };
  const count = async (id: string) => (await database.query('SELECT n FROM item WHERE id = $1', [id]))[0]?.n;

  it('takes equal and larger tokens, and refuses smaller ones together with their work', async () => {
    for (const token of [5, 5, 7]) expect((await run(`a@${token}`)).vote).toBe('prepared');
    expect(await run('a@6')).toMatchObject(STALE);
    expect(await count('a')).toBe(3);
    expect((await run('b@1')).vote).toBe('prepared');
  });

  it('FE1: an undecided branch keeps larger tokens out, lets equal ones in, and a rollback leaves no trace', async () => {
    await run('c@5');
    const first = await prepare('c@5');
    const same = await prepare('c@5', 'only');
    const raised = await prepare('c@6', 'only');
    expect([first, same, raised].map(({ vote }) => vote.vote)).toEqual(['prepared', 'prepared', 'refused']);
    expect(raised.vote.reason?.retryable).toBe(true);
    for (const { id } of [first, same]) await participant.decide(coordinator.rollback(id));
    const abandoned = await prepare('c@9');
    expect(abandoned.vote.vote).toBe('prepared');
    await participant.decide(coordinator.rollback(abandoned.id));
    expect((await run('c@6')).vote).toBe('prepared');
    expect(await run('c@5')).toMatchObject(STALE);
  });

  it('refuses what is no token, as a mistake of its author', async () => {
    expect((await run('d@0')).reason?.code).toBe('operation-failed');
  });
});

describe('a fenced resource with global isolation', () => {
  let test: GlobalTest;
  beforeAll(async () => {
    test = await GlobalTest.start();
  });
  afterEach(() => test.stopAll());
  afterAll(() => test.close());

  const start = () =>
    test.participant({
      global: { coordinators: [test.coordinator.url], entities: [FencedResource] },
      operations: { fenced: fenced(async () => null) },
    });

  it('takes equal and larger tokens, and refuses smaller ones', async () => {
    const participant = await start();
    for (const token of [5, 5, 7])
      expect((await test.run(participant, ['fenced', `a@${token}`])).vote).toBe('prepared');
    expect(await test.run(participant, ['fenced', 'a@6'])).toMatchObject(STALE);
  });

  it('FE1: of two at the same snapshot the first to prepare wins, whichever token it has', async () => {
    const participant = await start();
    for (const [first, second] of [
      [5, 6],
      [8, 7],
    ]) {
      const [one, two] = [test.commands.id(), test.commands.id()];
      const late = test.prepare(two, [['fenced', `b@${second}`]]);
      expect((await participant.prepare(test.prepare(one, [['fenced', `b@${first}`]]))).vote).toBe('prepared');
      await participant.decide(test.decide(one));
      expect(await participant.prepare(late)).toMatchObject({
        vote: 'refused',
        reason: { code: 'serialization-failure' },
      });
    }
    expect(await test.run(participant, ['fenced', 'b@7'])).toMatchObject(STALE);
  });
});
