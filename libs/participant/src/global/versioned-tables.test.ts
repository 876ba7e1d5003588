import 'reflect-metadata';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Column, type ColumnOptions, Entity, PrimaryColumn } from 'typeorm';
import { FakeCoordinator } from '../../test/fake-coordinator.js';
import { createTestDatabase, type TestDatabase } from '../../test/test-database.js';
import { TestParticipant } from '../../test/test-participant.js';
import { VersionedEntity, type VersionedEntityOptions } from './versioned-entity.decorator.js';

let database: TestDatabase;
let coordinator: FakeCoordinator;
const started: TestParticipant[] = [];

beforeAll(async () => {
  coordinator = await FakeCoordinator.start();
});
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const participant of started.splice(0)) await participant.stop();
  await database.drop();
});
afterAll(() => coordinator.stop());

type EntityClass = new () => object;

/** An entity class `Thing` with `id` and the given columns. */
function entity(columns: Record<string, ColumnOptions>, options: VersionedEntityOptions = {}): EntityClass {
  class Thing {}
  for (const [name, column] of Object.entries(columns)) Column(column)(Thing.prototype, name);
  PrimaryColumn('text')(Thing.prototype, 'id');
  Entity('thing')(Thing);
  VersionedEntity(options)(Thing);
  return Thing;
}

const start = async (entities: EntityClass[], name = 'accounts') => {
  const global = { coordinators: [coordinator.url], entities };
  const participant = await TestParticipant.start({ url: database.url, name, global });
  started.push(participant);
};
const columnsOf = async (table: string) =>
  (await database.query('SELECT attname FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0', [table]))
    .map(({ attname }) => attname)
    .sort();
/** A committed version, put there past the rules. */
const put = (columns: string, values: string) =>
  database.query(`SET concordat.writer = 'on'; INSERT INTO thing_version (transaction_id, csn, deleted, ${columns}) VALUES ('1-1-1', 5, false, ${values})`); // biome-ignore format: one line

describe('the tables of versioned entities', () => {
  it('are made at start, and refuse writes of anybody else', async () => {
    await start([entity({ n: { type: 'bigint' } })]);
    expect(await columnsOf('thing_version')).toEqual(['csn', 'deleted', 'id', 'n', 'transaction_id']);
    for (const text of [
      `INSERT INTO thing_version VALUES ('a', '1-1-1', 5, false, 1)`,
      'DELETE FROM thing_version',
      'TRUNCATE thing_version',
    ]) {
      await expect(database.query(text)).rejects.toThrow('versions that transactions of Concordat write');
    }
  });

  it('get new columns that are nullable or have a default; rows that are there have it', async () => {
    await start([entity({ n: { type: 'bigint' } })]);
    await put('id, n', `'a', 1`);
    const more = {
      note: { type: 'text', nullable: true },
      colour: { type: 'varchar', length: 20, default: 'grey' },
    } as const;
    await start([entity({ n: { type: 'bigint' }, ...more })]);
    await start([entity({ n: { type: 'bigint' }, ...more })]); // once more, as every start does
    expect(await database.query('SELECT n, note, colour FROM thing_version')).toEqual([
      { n: '1', note: null, colour: 'grey' },
    ]);
  });

  it.each<[string, EntityClass, string]>([
    [
      'a new column that is neither',
      entity({ n: { type: 'bigint' }, m: { type: 'int' } }),
      'must be nullable or have a default',
    ],
    ['another type', entity({ n: { type: 'int' } }), 'the column n is of type bigint, not integer'],
    ['a column that is gone', entity({}), 'the column n is in no property'],
    [
      'a unique constraint for rows that are there',
      entity({ n: { type: 'bigint' } }, { uniques: [{ name: 'n', columns: ['n'] }] }),
      'unique constraints of Thing changed',
    ],
  ])('refuse %s, and stay as they were', async (_what, changed, problem) => {
    await start([entity({ n: { type: 'bigint' } })]);
    await put('id, n', `'a', 1`);
    const before = await columnsOf('thing_version');
    await expect(start([changed])).rejects.toThrow(problem);
    expect(await columnsOf('thing_version')).toEqual(before);
  });

  it('belong to one participant, and are no tables of something else', async () => {
    await start([entity({ n: { type: 'bigint' } })]);
    await expect(start([entity({ n: { type: 'bigint' } })], 'others')).rejects.toThrow(
      'belongs to the participant "accounts"',
    );
    await database.query('CREATE TABLE mine (id text)');
    await expect(start([entity({}, { table: 'mine' })])).rejects.toThrow('was not made for versions');
  });

  it.each<[string, EntityClass[], string]>([
    ['no versioned entity', [], 'needs entities with @VersionedEntity()'],
    ['a column name that is taken', [entity({ csn: { type: 'bigint' } })], '"csn" is taken'],
    ['an index on nothing', [entity({}, { indexes: [['no']] })], 'no column "no"'],
  ])('are not made where there is %s', async (_what, entities, problem) => {
    await expect(start(entities)).rejects.toThrow(problem);
  });
});
