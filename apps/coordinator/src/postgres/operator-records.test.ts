/** What is kept of contradictions and of operators' acts, in a real Postgres. */
import { type HazardRecord, hazardKey, type OperatorAction } from '@concordat/transaction';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createOwnDatabase, type OwnDatabase } from '../../test/own-database.js';
import { batch, completed, INCARNATION, id, NOW } from '../../test/stored-records.js';
import { OPERATOR_ACTIONS_MAX } from './operator-records.js';
import { PostgresStore } from './postgres-store.js';

const MEMBER = 'member-1';

const hazard = (sequence: number, participant: string, more: Partial<HazardRecord> = {}): HazardRecord => ({
  transactionId: id(sequence),
  participant,
  kind: 'contradiction',
  outcome: 'committed',
  csn: INCARNATION * 1024 + 3,
  detail: 'told to commit a branch that is "aborted" {漢字}',
  raisedAt: NOW + sequence,
  ...more,
});

const action = (n: number, more: Partial<OperatorAction> = {}): OperatorAction => ({
  id: INCARNATION * 1024 + n,
  at: NOW + n,
  actor: 'ada',
  action: 'resolve',
  target: id(n),
  reason: 'the disk burnt',
  outcome: 'committed',
  ...more,
});

const open = (...hazards: HazardRecord[]) => new Map(hazards.map((one) => [hazardKey(one), one]));
const closed = (...hazards: HazardRecord[]) => new Map(hazards.map((one) => [hazardKey(one), null]));

describe('hazards and operators in Postgres', () => {
  let database: OwnDatabase;
  let store: PostgresStore;

  beforeAll(async () => {
    database = await createOwnDatabase('coordinator_operators');
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    store = new PostgresStore({ databaseUrl: database.url });
    await store.open(MEMBER, 100);
  });
  afterEach(async () => {
    await store.close();
    await database.query('TRUNCATE coordinator_state, transaction, open_hazard, operator_action');
  });

  const reopened = async () => {
    await store.close();
    store = new PostgresStore({ databaseUrl: database.url });
    return store.open(MEMBER, 100);
  };

  it('keeps what is open, field by field and oldest first, until it is closed', async () => {
    const [first, second] = [hazard(1, 'east', { outcome: 'aborted', csn: null }), hazard(2, 'west')];
    await store.persist(batch(0, 1, { hazards: open(second, first) }));
    expect((await reopened()).hazards).toEqual([first, second]);
    const later = { ...second, kind: 'unconfirmed' as const };
    await store.persist(batch(1, 2, { hazards: new Map([...closed(first), ...open(later)]) }));
    expect((await reopened()).hazards).toEqual([later]);
  });

  it('takes a text that Postgres cannot hold as nearly as it can', async () => {
    const bad = hazard(1, 'east', { detail: 'a\u0000b' });
    await store.persist(batch(0, 1, { hazards: open(bad), actions: [action(1, { reason: 'c\u0000d' })] }));
    expect((await reopened()).hazards).toMatchObject([{ detail: 'a\uFFFDb' }]);
    expect(await store.listActions(10)).toMatchObject([{ reason: 'c\uFFFDd' }]);
  });

  it('prunes no transaction with an open hazard, and prunes it once the hazard is closed', async () => {
    const prune = { completedBefore: NOW + 500_000, keysBefore: 0 };
    const kept = hazard(2, 'east');
    await store.persist(
      batch(0, 1, { transactions: [1, 2, 3].map((n) => completed(n, NOW + n)), hazards: open(kept) }),
    );
    await store.persist(batch(1, 2, { prune }));
    expect(await store.find(id(1))).toBeUndefined();
    expect(await store.find(id(2))).toMatchObject({ id: id(2) });
    expect(await store.find(id(3))).toBeUndefined();
    await store.persist(batch(2, 3, { hazards: closed(kept) }));
    await store.persist(batch(3, 4, { prune }));
    expect(await store.find(id(2))).toBeUndefined();
  });

  it('lists what operators did, newest first and page by page, and keeps a bounded number', async () => {
    const actions = Array.from({ length: OPERATOR_ACTIONS_MAX + 3 }, (_, n) => action(n + 1));
    await store.persist(batch(0, 1, { actions: actions.slice(0, -1) }));
    await store.persist(batch(1, 2, { actions: actions.slice(-1) }));
    const newest = await store.listActions(2);
    expect(newest).toEqual(actions.slice(-2).reverse());
    expect(await store.listActions(1, newest[1]?.id)).toEqual([actions.at(-3)]);
    const [count] = await database.query<{ n: string }>('SELECT count(*) n FROM operator_action');
    expect(Number(count?.n)).toBe(OPERATOR_ACTIONS_MAX);
    expect(await store.listActions(1, actions[3]?.id)).toEqual([]);
  });

  it('writes nothing where the fence did not move', async () => {
    await store.persist(batch(0, 1));
    const stale = batch(0, 2, { hazards: open(hazard(1, 'east')), actions: [action(1)] });
    await expect(store.persist(stale)).rejects.toThrow('the database stands at index 1');
    expect((await reopened()).hazards).toEqual([]);
    expect(await store.listActions(10)).toEqual([]);
  });

  it('travels in snapshots and backups', async () => {
    const [kept, done] = [hazard(1, 'east'), action(1, { reason: null, outcome: null })];
    await store.persist(batch(0, 1, { hazards: open(kept), actions: [done] }));
    const other = await createOwnDatabase('coordinator_operators_copy');
    const copy = new PostgresStore({ databaseUrl: other.url });
    await copy.open('member-2', 100);
    const { chunks } = await store.exportSnapshot();
    await copy.importSnapshot('member-2', chunks);
    expect((await copy.open('member-2', 100)).hazards).toEqual([kept]);
    expect(await copy.listActions(10)).toEqual([done]);
    await copy.close();
    await other.drop();
  });
});
