import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../test/test-database.js';
import {
  putItem,
  TestCoordinator,
  TestParticipant,
  type TestParticipantOptions,
  until,
} from '../test/test-participant.js';
import type { OperationContext } from './operation-context.js';

let database: TestDatabase;
const started: TestParticipant[] = [];
const incarnation = Date.now();
const coordinator = new TestCoordinator('accounts', incarnation);

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
afterEach(async () => {
  await Promise.all(started.splice(0).map((participant) => participant.stop()));
});

const start = async (options: Omit<TestParticipantOptions, 'url'> = {}) => {
  const participant = await TestParticipant.start({ url: database.url, ...options });
  started.push(participant);
  return participant;
};
const countOf = async (id: string) => (await database.query('SELECT n FROM item WHERE id = $1', [id]))[0]?.n;
const gids = async () =>
  (await database.query('SELECT gid FROM pg_prepared_xacts WHERE database = current_database()')).map(({ gid }) => gid);
/** Long enough for a vote that should not come. */
const pause = () => new Promise((resolve) => setTimeout(resolve, 400));

describe('a prepare that comes again', () => {
  it('while it runs has no effect', async () => {
    let runs = 0;
    const release = Promise.withResolvers<void>();
    const participant = await start({
      operations: {
        wait: async ({ id }, { manager }) => {
          runs += 1;
          await release.promise;
          return putItem(manager, id);
        },
      },
    });
    const command = coordinator.prepare(coordinator.id(), [['wait', 'again']]);
    await participant.deliver(command);
    await participant.deliver(command);
    release.resolve();
    await until(() => participant.votes(command.transactionId)[0]);
    await participant.idle();
    expect(runs).toBe(1);
    expect(participant.votes(command.transactionId)).toHaveLength(1);
    await participant.decide(coordinator.rollback(command.transactionId));
  });

  it('while it is prepared gets the very same vote, results included', async () => {
    const participant = await start();
    const command = coordinator.prepare(coordinator.id(), [['put', 'same']]);
    const first = await participant.prepare(command);
    expect(await participant.prepare(command)).toEqual(first);
    expect(first.results).toEqual([{ branchId: '1', result: { id: 'same', n: 1 } }]);
    await participant.decide(coordinator.rollback(command.transactionId));
  });

  it('after the decision has no effect', async () => {
    const participant = await start();
    const command = coordinator.prepare(coordinator.id(), [['put', 'decided']]);
    await participant.prepare(command);
    await participant.decide(coordinator.commit(command.transactionId));
    await participant.deliver(command);
    await participant.idle();
    expect(participant.votes(command.transactionId)).toHaveLength(1);
    expect(await countOf('decided')).toBe(1);
    expect(await gids()).toEqual([]);
  });

  it('after a restart votes prepared, without the results that memory lost', async () => {
    const command = coordinator.prepare(coordinator.id(), [['put', 'restarted']]);
    await (await start()).prepare(command);
    const restarted = await start();
    expect(await restarted.prepare(command)).toMatchObject({ vote: 'prepared', results: null });
    expect(await restarted.decide(coordinator.commit(command.transactionId))).toMatchObject({ outcome: 'committed' });
    expect(await countOf('restarted')).toBe(1);
  });
});

describe('two owners of one partition', () => {
  it('that get the same prepare at once prepare it once, and neither votes no', async () => {
    const [a, b] = [await start(), await start()];
    for (let round = 0; round < 20; round += 1) {
      const id = coordinator.id();
      const command = coordinator.prepare(id, [['put', `both-${round}`]]);
      await Promise.all([a.deliver(command), b.deliver(command)]);
      const votes = await until(() => {
        const cast = [...a.votes(id), ...b.votes(id)];
        return cast.length > 0 ? cast : undefined;
      });
      expect(votes.map(({ vote }) => vote)).toEqual(votes.map(() => 'prepared'));
      const decider = round % 2 === 0 ? a : b;
      await Promise.all([a.deliver(coordinator.commit(id)), b.deliver(coordinator.commit(id))]);
      const done = (await decider.decide(coordinator.commit(id))) ?? decider.dones(id)[0];
      expect(done).toMatchObject({ outcome: 'committed' });
      await Promise.all([a.idle(), b.idle()]);
      expect([...a.votes(id), ...b.votes(id)].filter(({ vote }) => vote !== 'prepared')).toEqual([]);
      expect(await countOf(`both-${round}`)).toBe(1);
    }
    expect(await gids()).toEqual([]);
    expect(
      [...a.replies(), ...b.replies()].filter((reply) => reply.type === 'done' && reply.outcome === 'hazard'),
    ).toEqual([]);
  });

  it('wait for one another while the first is still at work', async () => {
    const release = Promise.withResolvers<void>();
    const operations = {
      wait: async ({ id }: { id: string }, { manager }: OperationContext) => {
        const row = await putItem(manager, id);
        await release.promise;
        return row;
      },
    };
    const [a, b] = [await start({ operations }), await start({ operations })];
    const id = coordinator.id();
    const command = coordinator.prepare(id, [['wait', 'slow']]);
    await a.deliver(command);
    await pause();
    await b.deliver(command);
    await pause();
    release.resolve();
    await Promise.all([a.idle(), b.idle()]);
    expect([...a.votes(id), ...b.votes(id)].map(({ vote }) => vote)).toEqual(['prepared']);
    await b.decide(coordinator.commit(id));
    expect(await countOf('slow')).toBe(1);
  });

  it('roll back together what one of them is running: no commit is possible afterwards', async () => {
    const running = Promise.withResolvers<void>();
    const operations = {
      slow: async ({ id }: { id: string }, { manager }: OperationContext) => {
        const row = await putItem(manager, id);
        running.resolve();
        await manager.query('SELECT pg_sleep(0.5)');
        return row;
      },
    };
    const [a, b] = [await start({ operations }), await start()];
    const id = coordinator.id();
    await a.deliver(coordinator.prepare(id, [['slow', 'torn']]));
    await running.promise;
    const done = await until(() => b.decide(coordinator.rollback(id)));
    expect(done).toMatchObject({ outcome: 'rolled-back' });
    await a.idle();
    expect(await gids()).toEqual([]);
    expect(await countOf('torn')).toBeUndefined();
  });
});

describe('a command that should not have come', () => {
  it('goes to the dead letters when it cannot be read, and the next one is handled', async () => {
    const participant = await start();
    const garbage = [
      '',
      'no json',
      '[]',
      'null',
      '{"v":1,"type":"prepare"}',
      Buffer.from([0xff, 0xfe, 0x00]),
      'x'.repeat(1_100_000),
    ];
    for (const value of garbage) await participant.deliverRaw('key', value);
    expect(participant.deadLetters()).toHaveLength(garbage.length);
    expect(participant.deadLetters()[1]).toMatchObject({
      key: 'key',
      valueBase64: Buffer.from('no json').toString('base64'),
    });
    const vote = await participant.prepare(coordinator.prepare(coordinator.id(), [['get', 'x']]));
    expect(vote.vote).toBe('read-only');
  });

  it('votes no where a prepare can be told to be one', async () => {
    const participant = await start();
    const { operations: _operations, ...broken } = coordinator.prepare(coordinator.id(), [['put', 'x']]);
    await participant.deliverRaw(broken.transactionId, JSON.stringify(broken));
    expect(participant.votes(broken.transactionId)).toMatchObject([
      { vote: 'refused', reason: { code: 'message-invalid' } },
    ]);
    expect(participant.deadLetters()).toHaveLength(1);
  });

  it('goes to the dead letters when it is for another participant or from no cluster', async () => {
    const participant = await start();
    const other = new TestCoordinator('accounts-east');
    await participant.deliver(other.prepare(other.id(), [['put', 'x']]));
    const future = new TestCoordinator('accounts', Date.now() + 10 * 24 * 3_600_000);
    await participant.deliver(future.prepare(future.id(), [['put', 'x']]));
    await participant.deliver(future.commit(future.id()));
    expect(participant.deadLetters().map(({ error }) => error.split(':')[0])).toEqual([
      'misdirected',
      'implausible',
      'implausible',
    ]);
    expect(participant.replies()).toEqual([]);
    expect(await participant.prepare(coordinator.prepare(coordinator.id(), [['get', 'x']]))).toMatchObject({
      vote: 'read-only',
    });
  });

  it('is refused below the horizon', async () => {
    const participant = await start();
    const id = coordinator.id();
    const vote = await participant.prepare(
      coordinator.prepare(id, [['put', 'x']], { horizon: coordinator.id(10_000) }),
    );
    expect(vote.reason).toMatchObject({ code: 'below-horizon', retryable: false });
  });

  it('D1: is refused when it belongs to an earlier incarnation, after a restart too', async () => {
    const separate = await createTestDatabase();
    const earlier = new TestCoordinator('accounts', incarnation - 1000);
    const begin = () => TestParticipant.start({ url: separate.url });
    let participant = await begin();
    const old = earlier.id();
    await participant.prepare(earlier.prepare(old, [['put', 'old']]));
    const id = coordinator.id();
    await participant.prepare(coordinator.prepare(id, [['put', 'new']]));
    await participant.decide(coordinator.commit(id));
    for (let time = 0; time < 2; time += 1) {
      const vote = await participant.prepare(earlier.prepare(earlier.id(), [['put', 'x']]));
      expect(vote.reason).toMatchObject({ code: 'stale-incarnation' });
      await participant.stop();
      participant = await begin();
    }
    // What the earlier one had prepared is still to be decided.
    expect(await participant.decide(earlier.commit(old))).toMatchObject({ outcome: 'committed' });
    await participant.stop();
    await separate.drop();
  });
});
