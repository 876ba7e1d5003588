import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrateCoordinatorTables } from '@concordat/coordinator-state';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createOwnDatabase, type OwnDatabase } from '../test/own-database.js';
import { run as runConcordat } from '../test/run-concordat.js';

const INCARNATION = 1_763_700_000_123;

describe('concordat', () => {
  let source: OwnDatabase;
  let empty: OwnDatabase;
  let directory: string;
  let file: string;

  beforeAll(async () => {
    source = await createOwnDatabase();
    await migrateCoordinatorTables(source.url);
    await source.query(`INSERT INTO coordinator_state (member_id, incarnation, applied_index, applied_term, published_index)
      VALUES ('abc', ${INCARNATION}, 40, 3, 30)`);
    await source.query(`INSERT INTO transaction
      SELECT 'a-1-' || n, ${INCARNATION}, 1, n, null, null, n, n + 1, now(), now(), now(), now(), false,
             'completed', 'committed', 'local', null, 'someone', '{accounts-east}', null, '[]'
        FROM generate_series(1, 39) AS n`);
    await source.query(
      `INSERT INTO participant VALUES ('accounts-east', 'local', '[]', now()), ('old', 'local', '[]', now())`,
    );
    await source.query(`INSERT INTO member VALUES (7, 1, 'a:1', 'http://a', false)`);
  });
  afterAll(() => source.drop());
  beforeEach(async () => {
    empty = await createOwnDatabase();
    directory = await mkdtemp(join(tmpdir(), 'concordat-cli-'));
    file = join(directory, 'state.backup');
  });
  afterEach(async () => {
    await empty.drop();
    await rm(directory, { recursive: true, force: true });
  });

  const run = (...words: string[]) => runConcordat(words, { DATA_DIR: directory });
  const takeBackup = () => run('backup', file, '--database-url', source.url, '--json');

  it('backs up a replica into a file that is whole, private and says what it is', async () => {
    const { code, out } = await takeBackup();
    expect(code).toBe(0);
    const told = JSON.parse(out);
    expect(told).toMatchObject({ file, index: 40, term: 3, incarnation: INCARNATION });
    expect(told.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(directory)).toEqual(['state.backup']);
    const verified = JSON.parse((await run('verify', file, '--json')).out);
    expect(verified).toMatchObject({ sha256: told.sha256, rows: { transaction: 39, participant: 2, member: 1 } });
  });

  it('takes the furthest of the replicas that run here', async () => {
    await migrateCoordinatorTables(empty.url);
    const gone = 'postgres://nobody@127.0.0.1:1/none';
    const coordinators = [{ databaseUrl: gone }, { databaseUrl: empty.url }, { databaseUrl: source.url }];
    await writeFile(join(directory, 'run.json'), JSON.stringify({ coordinators }));
    const { code, out } = await run('backup', file, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out).index).toBe(40);
  });

  it('never replaces a file unasked', async () => {
    await writeFile(file, 'precious');
    expect(await takeBackup()).toMatchObject({ code: 5 });
    expect(await readFile(file, 'utf8')).toBe('precious');
    expect((await run('backup', file, '--database-url', source.url, '--force')).code).toBe(0);
    expect((await run('verify', file)).code).toBe(0);
  });

  it('restores a backup as the beginning of a new incarnation, in which no old index can be taken for a new one', async () => {
    await takeBackup();
    const before = Date.now();
    const { code, out } = await run(
      ...[
        'restore',
        file,
        '--database-url',
        empty.url,
        '--json',
        '--participant',
        'newcomer',
        '--gone',
        'old',
        '--yes',
      ],
    );
    expect(code).toBe(0);
    const { incarnation } = JSON.parse(out);
    expect(incarnation).toBeGreaterThanOrEqual(before);
    expect(await empty.query('SELECT * FROM coordinator_state')).toEqual([
      expect.objectContaining({
        member_id: '',
        incarnation: String(incarnation),
        applied_index: '0',
        applied_term: '0',
        published_index: '-10',
        reconciliation: 'pending',
      }),
    ]);
    const [indices] = await empty.query(
      'SELECT count(*), max(decided_index) AS decided, max(persisted_index) AS persisted FROM transaction',
    );
    expect(indices).toEqual({ count: '39', decided: '-1', persisted: '0' });
    expect(await empty.query('SELECT name FROM participant ORDER BY name')).toEqual([
      { name: 'accounts-east' },
      { name: 'newcomer' },
    ]);
    expect(await empty.query('SELECT FROM member')).toEqual([]);
  });

  it('asks before it restores, and where nobody can be asked does it only if told', async () => {
    await takeBackup();
    const { code, err } = await run('restore', file, '--database-url', empty.url);
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining('--yes') });
    expect(await empty.query(`SELECT to_regclass('coordinator_state') AS there`)).toEqual([{ there: null }]);
  });

  it('gives all first replicas of a cluster the same state and incarnation', async () => {
    await takeBackup();
    const second = await createOwnDatabase();
    const { code } = await run('restore', file, '--yes', '--database-url', empty.url, '--database-url', second.url);
    expect(code).toBe(0);
    const state = 'SELECT incarnation, applied_index FROM coordinator_state';
    expect(await second.query(state)).toEqual(await empty.query(state));
    await second.drop();
  });

  it('makes the new incarnation larger than the old one, whatever the clock says', async () => {
    await source.query('UPDATE coordinator_state SET incarnation = 9000000000000');
    await takeBackup();
    await source.query(`UPDATE coordinator_state SET incarnation = ${INCARNATION}`);
    const { out } = await run('restore', file, '--database-url', empty.url, '--json', '--yes');
    expect(JSON.parse(out).incarnation).toBe(9_000_000_000_001);
    expect((await run('restore', file, '--database-url', source.url, '--incarnation', '5')).code).toBe(2);
  });

  it('refuses a database that is not empty, and leaves it as it is', async () => {
    await takeBackup();
    const { code, err } = await run('restore', file, '--database-url', source.url);
    expect(code).toBe(5);
    expect(err).toMatch(/is not empty.*\nRestore into a new database/);
    expect(await source.query('SELECT member_id FROM coordinator_state')).toEqual([{ member_id: 'abc' }]);
  });

  it('refuses when one database of several is not empty, before it touches any', async () => {
    await takeBackup();
    expect((await run('restore', file, '--database-url', empty.url, '--database-url', source.url)).code).toBe(5);
    expect(await empty.query(`SELECT to_regclass('coordinator_state') AS there`)).toEqual([{ there: null }]);
  });

  it('refuses a data directory that holds a log', async () => {
    await takeBackup();
    await mkdir(join(directory, 'log', 'wal'), { recursive: true });
    const { code, err } = await run('restore', file, '--database-url', empty.url, '--data-dir', directory);
    expect(code).toBe(5);
    expect(err).toContain('holds the decision log of another cluster');
  });

  it('checks the whole file before it restores any of it', async () => {
    await takeBackup();
    const bytes = await readFile(file);
    bytes[bytes.length - 60] = 0;
    await writeFile(file, bytes);
    const { code, err } = await run('restore', file, '--database-url', empty.url);
    expect(code).toBe(4);
    expect(err).toMatch(/^This backup cannot be used: .*\.\nTake another backup/);
    expect(await empty.query(`SELECT to_regclass('coordinator_state') AS there`)).toEqual([{ there: null }]);
  });

  it('says in one sentence what is wrong and in another what to do', async () => {
    for (const [words, code] of [
      [[], 2],
      [['dance'], 2],
      [['backup'], 2],
      [['backup', file, '--gone', 'x'], 2],
      [['backup', file, '--nonsense'], 2],
      [['restore', file], 2],
      [['restore', file, '--database-url', 'mysql://x'], 2],
      [['verify', join(directory, 'none')], 3],
      [['backup', file], 3],
      [['backup', file, '--database-url', 'postgres://nobody@127.0.0.1:1/none'], 3],
      [['backup', join(directory, 'no', 'such', 'file'), '--database-url', source.url], 3],
    ] as const) {
      const { code: found, err } = await run(...words);
      expect({ words, found, err }).toMatchObject({
        words,
        found: code,
        err: expect.stringMatching(/^[^\n]+\.\n[^\n]+\.$/),
      });
    }
    const { err } = await run('verify', join(directory, 'none'), '--json');
    expect(JSON.parse(err)).toEqual({
      error: { exit: 'unreachable', message: expect.any(String), advice: expect.any(String) },
    });
    expect((await run('--help')).out).toContain('concordat backup FILE');
  });

  it('leaves no file behind where there is nothing to back up', async () => {
    await takeBackup();
    await rm(file);
    const { code } = await run('backup', file, '--database-url', empty.url);
    expect(code).toBe(5);
    expect(await readdir(directory)).toEqual([]);
  });
});
