import {
  type BranchesReply,
  formatTransactionId,
  LOWEST_TRANSACTION_ID,
  REPORTED_BRANCHES_MAX,
  type ReportCommand,
} from '@concordat/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../test/test-database.js';
import { TestCoordinator, TestParticipant } from '../test/test-participant.js';

const OLD = Date.now() - 1000;
const NEW = OLD + 500;

let database: TestDatabase;
let participant: TestParticipant;
let old: TestCoordinator;

beforeEach(async () => {
  participant = await TestParticipant.start({ url: database.url });
  old = new TestCoordinator('accounts', OLD);
});
afterEach(async () => {
  for (const { gid } of await database.query('SELECT gid FROM pg_prepared_xacts WHERE database = current_database()')) {
    await database.query(`ROLLBACK PREPARED '${gid}'`);
  }
  await database.query('TRUNCATE concordat_branch, concordat_participant');
  await participant.stop();
});
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const report = (more: Partial<ReportCommand> = {}): ReportCommand => ({
  v: 1,
  type: 'report',
  participant: 'accounts',
  transactionId: LOWEST_TRANSACTION_ID,
  horizon: LOWEST_TRANSACTION_ID,
  incarnation: NEW,
  scope: 'after',
  ...more,
});

const ask = async (command: ReportCommand): Promise<BranchesReply> => {
  await participant.deliver(command);
  return participant
    .replies()
    .filter((reply): reply is BranchesReply => reply.type === 'branches')
    .at(-1) as BranchesReply;
};

const prepared = async (): Promise<string> => {
  const id = old.id();
  expect(await participant.prepare(old.prepare(id, [['put', id]]))).toMatchObject({ vote: 'prepared' });
  return id;
};

describe('a report', () => {
  it('names what is prepared, committed and aborted, in the order of ids, and nothing of later incarnations', async () => {
    const [committed, open, aborted] = [await prepared(), await prepared(), await prepared()];
    await participant.decide(old.commit(committed));
    await participant.decide(old.rollback(aborted));
    const later = new TestCoordinator('accounts', NEW);
    await participant.prepare(later.prepare(later.id(), [['put', 'later']]));
    const reply = await ask(report());
    expect(reply).toMatchObject({
      participant: 'accounts',
      scope: 'after',
      transactionId: LOWEST_TRANSACTION_ID,
      complete: true,
    });
    expect(reply.branches).toEqual([
      { transactionId: committed, state: 'committed', csn: null },
      { transactionId: open, state: 'prepared', csn: null },
      { transactionId: aborted, state: 'aborted', csn: null },
    ]);
    expect(reply.horizon).toBeNull();
  });

  it('comes in pages, each going on behind the id that it is asked for', async () => {
    const count = REPORTED_BRANCHES_MAX * 2 + 10;
    await database.query(
      `INSERT INTO concordat_branch SELECT $1 || '-1-' || to_base, 'accounts', 'committed', $2, 1, n
         FROM generate_series(10, 10 + $3 - 1) AS n, LATERAL (SELECT $4::text[] AS ids) AS all_ids,
              LATERAL (SELECT ids[n - 9] AS to_base) AS one`,
      [OLD.toString(36), OLD, count, Array.from({ length: count }, (_, at) => (at + 10).toString(36))],
    );
    const first = formatTransactionId({ incarnation: OLD, term: 1, sequence: 1 });
    await participant.prepare(old.prepare(first, [['put', 'first']]));
    const seen: string[] = [];
    for (let page = 1; ; page += 1) {
      const { branches, complete } = await ask(report({ transactionId: seen.at(-1) ?? LOWEST_TRANSACTION_ID }));
      seen.push(...branches.map(({ transactionId }) => transactionId));
      expect(branches.length).toBeLessThanOrEqual(REPORTED_BRANCHES_MAX);
      if (complete) break;
      expect(page).toBeLessThan(5);
    }
    expect(seen).toHaveLength(count + 1);
    expect(new Set(seen).size).toBe(count + 1);
    expect(seen[0]).toBe(first);
  });

  it('of one branch tells its state, or that there is none', async () => {
    const open = await prepared();
    const one = (transactionId: string) => ask(report({ scope: 'one', transactionId }));
    expect(await one(open)).toMatchObject({ scope: 'one', transactionId: open, branches: [{ state: 'prepared' }] });
    await participant.decide(old.commit(open));
    expect((await one(open)).branches).toEqual([{ transactionId: open, state: 'committed', csn: null }]);
    expect((await one(old.id())).branches).toEqual([]);
  });

  it('D1: shuts out what the old coordinator still begins, and lets its decisions through', async () => {
    const open = await prepared();
    await ask(report());
    const late = old.id();
    expect(await participant.prepare(old.prepare(late, [['put', late]]))).toMatchObject({
      vote: 'refused',
      reason: { code: 'stale-incarnation' },
    });
    expect(await participant.decide(old.commit(open))).toMatchObject({ outcome: 'committed' });
    const restarted = await TestParticipant.start({ url: database.url });
    expect(restarted.parts.state.isStale(late)).toBe(true);
    await restarted.stop();
  });

  it('tells the horizon by which rows may be gone, whichever process collected them', async () => {
    const id = await prepared();
    await participant.decide(old.commit(id));
    await database.query(
      `UPDATE concordat_participant SET horizon_incarnation = $1, horizon_term = 1, horizon_sequence = 70`,
      [OLD],
    );
    expect((await ask(report())).horizon).toBe(formatTransactionId({ incarnation: OLD, term: 1, sequence: 70 }));
  });

  it('never lets an implausible incarnation shut out every real transaction', async () => {
    await participant.deliver(report({ incarnation: Date.now() * 2 }));
    expect(participant.replies()).toEqual([]);
    expect(participant.deadLetters()).toMatchObject([{ error: expect.stringContaining('implausible') }]);
    await prepared();
  });
});
