import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { GlobalTest, Thing } from '../../test/global-test.js';
import type { TestParticipant } from '../../test/test-participant.js';
import type { SnapshotStore } from './store.js';

class Unversioned {
  id!: string;
}

let test: GlobalTest;
let participant: TestParticipant;
let work: (store: SnapshotStore) => Promise<unknown>;
beforeAll(async () => {
  test = await GlobalTest.start();
});
afterEach(() => test.stopAll());
afterAll(() => test.close());

const start = async (scanCandidatesMax = 1000) => {
  participant = await test.participant({
    operations: { work: (_input, { store }) => work(store) },
    readOnlyOperations: { peek: (_input, { store }) => work(store), manage: async (_input, { manager }) => manager },
    limits: { scanCandidatesMax },
  });
};
/** Runs work in a transaction of its own, which commits. Answers what it answered, or throws the reason. */
const run = async (what: typeof work, operation = 'work') => {
  work = what;
  const vote = await test.run(participant, [operation, 'x']);
  if (vote.reason) throw Object.assign(new Error(vote.reason.message), vote.reason);
  return vote.results?.[0]?.result;
};
const thing = (id: string, n = 0, colour: string | null = null): Thing => ({ id, n, colour, code: null });
const ids = (things: readonly Thing[]) => things.map(({ id }) => id);
/** Why the work failed, as its author sees it. */
const failureOf = (what: typeof work, operation?: string) =>
  run(async (store) => what(store).then(() => 'none', (error: Error) => `${error.name}: ${error.message}`), operation); // biome-ignore format: one line

describe('the store of an operation', () => {
  it('finds by indexed columns, in the order of keys, page by page, own writes laid over', async () => {
    await start();
    await run(async (store) => {
      for (const [index, id] of ['d', 'a', 'c', 'b', 'e'].entries())
        await store.insert(Thing, thing(id, index, index < 3 ? 'red' : 'blue'));
    });
    const found = await run(async (store) => {
      await store.update(Thing, { id: 'b' }, { colour: 'red' });
      await store.delete(Thing, { id: 'a' });
      await store.put(Thing, thing('f', 9, 'red'));
      return {
        red: ids(await store.find(Thing, { where: { colour: 'red' } })),
        some: ids(await store.find(Thing, { where: { colour: { in: ['red', 'blue'] }, n: { gt: 0, lte: 4 } } })),
        range: ids(await store.find(Thing, { where: { id: { gte: 'b', lt: 'e' } } })),
        page: ids(await store.find(Thing, { limit: 2 })),
        next: ids(await store.find(Thing, { limit: 2, after: { id: 'c' } })),
        last: ids(await store.find(Thing, { after: { id: 'e' } })),
        many: ids(await store.getMany(Thing, [{ id: 'f' }, { id: 'a' }, { id: 'b' }])),
      };
    });
    expect(found).toEqual({
      red: ['b', 'c', 'd', 'f'],
      some: ['b', 'c', 'e'],
      range: ['b', 'c', 'd'],
      page: ['b', 'c'],
      next: ['d', 'e'],
      last: ['f'],
      many: ['f', 'b'],
    });
  });

  it('refuses to insert what is there and to change what is not', async () => {
    await start();
    await run((store) => store.insert(Thing, thing('k')));
    await expect(run((store) => store.insert(Thing, thing('k')))).rejects.toMatchObject({ code: 'already-exists' });
    await expect(run((store) => store.update(Thing, { id: 'no' }, { n: 1 }))).rejects.toMatchObject({
      code: 'not-found',
    });
    expect(await run((store) => store.delete(Thing, { id: 'no' }))).toBe(false);
    expect(await run(async (store) => {
      await store.delete(Thing, { id: 'k' });
      await store.insert(Thing, thing('k', 2));
      return (await store.get(Thing, { id: 'k' }))?.n;
    })).toBe(2); // biome-ignore format: reads well
  });

  it('tells what it cannot do', async () => {
    await start();
    expect(await failureOf((store) => store.get(Unversioned, { id: 'x' }))).toContain('Unversioned is not versioned');
    expect(await failureOf((store) => store.find(Thing, { where: { n: 1 } }))).toContain(
      'No index of Thing begins with n',
    );
    expect(await failureOf((store) => store.find(Thing, { where: { no: 1 } as never }))).toContain('no column "no"');
    expect(await failureOf((store) => store.get(Thing, {}))).toContain('A key of Thing has id');
    expect(await failureOf((store) => store.put(Thing, thing('r')), 'peek')).toContain(
      'read-only operation cannot write Thing',
    );
    const { reason } = await test.run(participant, ['manage', 'x']);
    expect(reason).toMatchObject({ code: 'operation-failed' });
  });

  it('looks at no more rows than it may', async () => {
    await start(3);
    await run(async (store) => {
      for (const id of ['m1', 'm2', 'm3', 'm4']) await store.put(Thing, thing(id, 0, 'green'));
    });
    await expect(run((store) => store.find(Thing, { where: { colour: 'green' } }))).rejects.toMatchObject({
      code: 'operation-failed',
    });
  });

  it('is of no use once the operation is over', async () => {
    await start();
    let kept: SnapshotStore | undefined;
    await run(async (store) => {
      kept = store;
    });
    await expect(kept?.get(Thing, { id: 'a' })).rejects.toThrow('over');
    await expect(kept?.put(Thing, thing('late'))).rejects.toThrow('over');
  });

  it('lets an operation vote no where it caught a failed read and went on', async () => {
    await start();
    await test.run(participant, ['count', 'held']);
    const id = test.commands.id();
    await participant.prepare(test.prepare(id, [['count', 'held']]));
    test.coordinator.isAway = true;
    await expect(run(async (store) => {
      await store.get(Thing, { id: 'held' }).catch(() => undefined);
      await store.put(Thing, thing('blind'));
    })).rejects.toMatchObject({ code: 'snapshot-in-future', retryable: true }); // biome-ignore format: reads well
    test.coordinator.isAway = false;
    await participant.decide(test.commands.rollback(id));
  });
});
