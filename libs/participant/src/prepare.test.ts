import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../test/test-database.js';
import {
  putItem,
  TestCoordinator,
  TestParticipant,
  type TestParticipantOptions,
  until,
} from '../test/test-participant.js';
import { Refusal } from './refusal.js';

let database: TestDatabase;
let participant: TestParticipant;
const coordinator = new TestCoordinator();

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
afterEach(() => participant.stop());

const start = async (options: Omit<TestParticipantOptions, 'url'> = {}) => {
  participant = await TestParticipant.start({ url: database.url, ...options });
};
const countOf = async (id: string) => (await database.query('SELECT n FROM item WHERE id = $1', [id]))[0]?.n;
const gids = async () =>
  (await database.query('SELECT gid FROM pg_prepared_xacts WHERE database = current_database()')).map(({ gid }) => gid);

describe('a prepare', () => {
  it('runs its operations in order in one transaction and votes yes once that is durable', async () => {
    await start();
    const id = coordinator.id();
    const vote = await participant.prepare(
      coordinator.prepare(id, [
        ['put', 'order'],
        ['put', 'order'],
        ['get', 'order'],
      ]),
    );
    expect(vote).toMatchObject({ vote: 'prepared', participant: 'accounts', reason: null });
    expect(vote.results).toEqual([
      { branchId: '1', result: { id: 'order', n: 1 } },
      { branchId: '2', result: { id: 'order', n: 2 } },
      { branchId: '3', result: { n: 2 } },
    ]);
    expect(await gids()).toEqual([`concordat:accounts:${id}`]);
    expect(await countOf('order')).toBeUndefined();
    await participant.decide(coordinator.commit(id));
    expect(await countOf('order')).toBe(2);
  });

  it('of read-only operations alone votes read-only and leaves nothing behind', async () => {
    await start();
    const id = coordinator.id();
    const vote = await participant.prepare(coordinator.prepare(id, [['get', 'nothing']]));
    expect(vote).toMatchObject({ vote: 'read-only', results: [{ branchId: '1', result: null }] });
    expect(await gids()).toEqual([]);
    expect(await database.query('SELECT 1 FROM concordat_branch WHERE transaction_id = $1', [id])).toEqual([]);
  });

  it('is refused with the reason that the operation gives', async () => {
    await start({
      operations: {
        refuse: async () => {
          throw new Refusal('too-late', 'The shop is closed.', { retryable: true });
        },
      },
    });
    const id = coordinator.id();
    const vote = await participant.prepare(
      coordinator.prepare(id, [
        ['put', 'refused'],
        ['refuse', 'x'],
      ]),
    );
    expect(vote).toMatchObject({
      vote: 'refused',
      results: null,
      reason: {
        code: 'too-late',
        message: 'The shop is closed.',
        retryable: true,
        participant: 'accounts',
        branchId: '2',
      },
    });
    expect(await gids()).toEqual([]);
    expect(participant.deadLetters()).toEqual([]);
  });

  it('is refused when an operation fails unforeseen, and its message is kept', async () => {
    await start({
      operations: {
        fail: async () => {
          throw new TypeError('undefined is not a function');
        },
      },
    });
    const vote = await participant.prepare(coordinator.prepare(coordinator.id(), [['fail', 'x']]));
    expect(vote.reason).toMatchObject({ code: 'operation-failed', retryable: false, branchId: '1' });
    expect(vote.reason?.message).not.toContain('undefined is not');
    const [letter] = await until(() => participant.deadLetters()[0] && participant.deadLetters());
    expect(letter?.error).toContain('undefined is not a function');
  });

  it('is refused before it touches the database when operation, input or isolation do not fit', async () => {
    await start();
    const reasonOf = async (...parameters: Parameters<TestCoordinator['prepare']>) =>
      (await participant.prepare(coordinator.prepare(...parameters))).reason;
    expect(await reasonOf(coordinator.id(), [['no-such', 'x']])).toMatchObject({
      code: 'operation-unknown',
      branchId: '1',
    });
    expect(await reasonOf(coordinator.id(), [['put', 7 as never]])).toMatchObject({
      code: 'input-invalid',
      branchId: '1',
    });
    const session = { nonce: 'n', executed: 1 };
    for (const more of [{ serializable: true }, { session }]) {
      const reason = await reasonOf(coordinator.id(), [['put', 'x']], { isolation: 'global', snapshot: 1, ...more });
      expect(reason).toMatchObject({ code: 'isolation-mismatch' });
    }
  });

  it('takes part in a transaction with global isolation, at a snapshot of its own database', async () => {
    await start();
    const id = coordinator.id();
    const command = coordinator.prepare(id, [['put', 'of-both']], { isolation: 'global', snapshot: 1 });
    expect(await participant.prepare(command)).toMatchObject({ vote: 'prepared' });
    expect(await participant.decide(coordinator.commit(id))).toMatchObject({ outcome: 'committed' });
  });

  it('fails where a declared reader writes', async () => {
    await start({ readOnlyOperations: { sneak: ({ id }, { manager }) => putItem(manager, id) } });
    const vote = await participant.prepare(coordinator.prepare(coordinator.id(), [['sneak', 'sneaked']]));
    expect(vote.reason?.code).toBe('operation-failed');
    expect(await countOf('sneaked')).toBeUndefined();
  });

  it('never votes yes when an operation hides a failed statement', async () => {
    await start({
      operations: {
        hide: async ({ id }, { manager }) => {
          await putItem(manager, id);
          await manager.query('SELECT 1 / 0').catch(() => undefined);
          return 'all is well';
        },
      },
    });
    const vote = await participant.prepare(coordinator.prepare(coordinator.id(), [['hide', 'hidden']]));
    expect(vote).toMatchObject({ vote: 'refused', reason: { code: 'operation-failed' } });
    expect(await gids()).toEqual([]);
  });

  it('lets an operation use savepoints, but not end the transaction', async () => {
    await start({
      operations: {
        nested: async ({ id }, { manager }) => {
          await putItem(manager, id);
          await manager.transaction((inner) => putItem(inner, id));
          await manager.transaction((inner) => inner.query('SELECT 1 / 0')).catch(() => undefined);
          return 'nested';
        },
        end: ({ id }, { manager }) => putItem(manager, id).then(() => manager.query('  commit')),
      },
    });
    const id = coordinator.id();
    expect(await participant.prepare(coordinator.prepare(id, [['nested', 'nested']]))).toMatchObject({
      vote: 'prepared',
    });
    await participant.decide(coordinator.commit(id));
    expect(await countOf('nested')).toBe(2);
    const vote = await participant.prepare(coordinator.prepare(coordinator.id(), [['end', 'ended']]));
    expect(vote.reason?.code).toBe('operation-failed');
    expect(await countOf('ended')).toBeUndefined();
  });

  it('fails while it still can when the results cannot be sent', async () => {
    await start({
      operations: { huge: async () => 'x'.repeat(2_000_000), strange: async () => 1n },
    });
    for (const operation of ['huge', 'strange']) {
      const vote = await participant.prepare(coordinator.prepare(coordinator.id(), [[operation, 'x']]));
      expect(vote.reason?.code).toBe('operation-failed');
    }
    expect(await gids()).toEqual([]);
  });

  it('bars an operation from the connection once it has returned', async () => {
    const stray = Promise.withResolvers<unknown>();
    await start({
      operations: {
        stray: async (_input, { manager }) => {
          setTimeout(() => void manager.query('SELECT 1').then(stray.resolve, stray.resolve), 200);
        },
      },
    });
    await participant.prepare(coordinator.prepare(coordinator.id(), [['stray', 'x']]));
    expect(String(await stray.promise)).toMatch(/released/);
  });
});

describe('what hinders a prepare', () => {
  it('begins anew after a serialization failure', async () => {
    let attempts = 0;
    await start({
      operations: {
        contended: async ({ id }, { manager }) => {
          attempts += 1;
          await manager.query('SELECT n FROM item WHERE id = $1', [id]);
          if (attempts === 1) await database.query('UPDATE item SET n = n + 1 WHERE id = $1', [id]);
          return putItem(manager, id);
        },
      },
    });
    await database.query("INSERT INTO item (id, n) VALUES ('contended', 10)");
    const vote = await participant.prepare(coordinator.prepare(coordinator.id(), [['contended', 'contended']]));
    expect(vote).toMatchObject({ vote: 'prepared', results: [{ branchId: '1', result: { n: 12 } }] });
    expect(attempts).toBe(2);
  });

  it('gives up after a bounded number of serialization failures, even swallowed ones, with a retryable reason', async () => {
    let attempts = 0;
    await start({
      limits: { prepareAttemptsMax: 3 },
      operations: {
        hopeless: async ({ id }, { manager }) => {
          attempts += 1;
          await manager.query('SELECT n FROM item WHERE id = $1', [id]);
          await database.query('UPDATE item SET n = n + 1 WHERE id = $1', [id]);
          return putItem(manager, id).catch(() => {
            throw new Refusal('unlucky', 'a reason made up from a failure that may pass');
          });
        },
      },
    });
    await database.query("INSERT INTO item (id) VALUES ('hopeless')");
    const vote = await participant.prepare(coordinator.prepare(coordinator.id(), [['hopeless', 'hopeless']]));
    expect(vote.reason).toMatchObject({ code: 'serialization-failure', retryable: true });
    expect(attempts).toBe(3);
  });

  it('waits for a lock no longer than allowed and says so', async () => {
    await start({ limits: { lockTimeoutMs: 100 } });
    const holder = coordinator.id();
    await participant.prepare(coordinator.prepare(holder, [['put', 'locked']]));
    const vote = await participant.prepare(coordinator.prepare(coordinator.id(), [['put', 'locked']]));
    expect(vote.reason).toMatchObject({ code: 'lock-timeout', retryable: true });
    await participant.decide(coordinator.rollback(holder));
  });

  it('succeeds when the lock is given in time', async () => {
    await start();
    const [holder, waiter] = [coordinator.id(), coordinator.id()];
    await participant.prepare(coordinator.prepare(holder, [['put', 'passed-on']]));
    const vote = participant.prepare(coordinator.prepare(waiter, [['put', 'passed-on']]));
    await participant.decide(coordinator.commit(holder));
    expect(await vote).toMatchObject({ vote: 'prepared', results: [{ branchId: '1', result: { n: 2 } }] });
    await participant.decide(coordinator.commit(waiter));
    expect(await countOf('passed-on')).toBe(2);
  });

  it('ends an operation that runs beyond the deadline, inside a statement or outside, and frees its locks', async () => {
    await start({
      operations: {
        sleep: ({ id }, { manager }) => putItem(manager, id).then(() => manager.query('SELECT pg_sleep(60)')),
        hang: ({ id }, { manager }) => putItem(manager, id).then(() => new Promise(() => undefined)),
      },
    });
    for (const operation of ['sleep', 'hang']) {
      const command = coordinator.prepare(coordinator.id(), [[operation, 'late']], { remainingMs: 300 });
      const vote = await participant.prepare(command);
      expect(vote.reason).toMatchObject({ code: 'deadline-exceeded', retryable: true });
    }
    const id = coordinator.id();
    expect(await participant.prepare(coordinator.prepare(id, [['put', 'late']]))).toMatchObject({ vote: 'prepared' });
    await participant.decide(coordinator.rollback(id));
  });

  it('runs no handler for a prepare whose time is over, on arrival or while it waits for its turn', async () => {
    const ran: string[] = [];
    const gone = Promise.withResolvers<void>();
    await start({
      operations: {
        hold: () => gone.promise,
        note: async ({ id }) => void ran.push(id),
      },
      limits: { prepareConcurrency: 1 },
    });
    const late = { code: 'deadline-exceeded', retryable: true };
    const at = (id: string, operation: string, remainingMs: number) =>
      participant.prepare(coordinator.prepare(coordinator.id(), [[operation, id]], { remainingMs }));
    expect((await at('on arrival', 'note', 0)).reason).toMatchObject(late);
    const holder = at('holder', 'hold', 60_000);
    expect((await at('in the queue', 'note', 200)).reason).toMatchObject(late);
    gone.resolve();
    expect(await holder).toMatchObject({ vote: 'prepared' });
    expect(await at('in time', 'note', 60_000)).toMatchObject({ vote: 'prepared' });
    expect(ran).toEqual(['in time']);
  });

  it('begins anew when the backend is killed under it', async () => {
    let attempts = 0;
    await start({
      operations: {
        fragile: async ({ id }, { manager }) => {
          attempts += 1;
          const row = await putItem(manager, id);
          if (attempts === 1) {
            const [{ pid }] = await manager.query('SELECT pg_backend_pid() AS pid');
            await database.query('SELECT pg_terminate_backend($1)', [pid]);
          }
          return row;
        },
      },
    });
    const id = coordinator.id();
    expect(await participant.prepare(coordinator.prepare(id, [['fragile', 'fragile']]))).toMatchObject({
      vote: 'prepared',
    });
    expect(attempts).toBe(2);
    expect(await participant.decide(coordinator.commit(id))).toMatchObject({ outcome: 'committed' });
    expect(await countOf('fragile')).toBe(1);
  });

  it('does not hold up decisions, however many prepares wait for locks', async () => {
    await start({ limits: { prepareConcurrency: 2 } });
    const holder = coordinator.id();
    await participant.prepare(coordinator.prepare(holder, [['put', 'busy']]));
    const waiters = Array.from({ length: 6 }, () =>
      participant.prepare(coordinator.prepare(coordinator.id(), [['put', 'busy']])),
    );
    expect(await participant.decide(coordinator.commit(holder))).toMatchObject({ outcome: 'committed' });
    const first = await Promise.race(waiters);
    expect(first.vote).toBe('prepared');
    await participant.decide(coordinator.rollback(first.transactionId));
  });
});
