import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { commandSchema } from '@concordat/protocol';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { branch, oneShot } from './product/api.mjs';
import { eventually } from './product/product.mjs';
import { peersOf, prepareReplicas } from './product/replicas.mjs';

const run = promisify(execFile);
const example = fileURLToPath(new URL('../examples/python-participant', import.meta.url));
const venv = await mkdtemp(join(tmpdir(), 'concordat-python-'));
const python = join(venv, 'bin', 'python');
const WORK_AT_ONCE = 12;

/** Neither Python nor its package index is asked of a machine that runs `npm test`. */
async function whyNot(): Promise<string | undefined> {
  try {
    await run('python3', ['-m', 'venv', venv]);
    await run(python, ['-m', 'pip', 'install', '--quiet', '-r', join(example, 'requirements.txt')]);
    return undefined;
  } catch (error) {
    return (error as Error).message.slice(0, 500);
  }
}

const missing = await whyNot();
if (missing) console.warn(`the participant in Python is not run here: ${missing}`);

describe('the participant in Python', () => {
  it('knows every command that one without sessions can be sent', async () => {
    const source = await readFile(join(example, 'participant.py'), 'utf8');
    const types = commandSchema.options.map(({ shape }) => shape.type.value).filter((type) => type !== 'execute');
    for (const type of types) expect(source).toContain(`"${type}"`);
  });

  if (!missing) describe('by the wire protocol alone', takesPart);
});

function takesPart() {
  let house: Awaited<ReturnType<typeof prepareReplicas>>;
  let url: string;
  let bank: string;
  let database: pg.Client;
  let env: NodeJS.ProcessEnv;
  let participant: ChildProcess;

  const start = () => {
    participant = spawn(python, [join(example, 'participant.py')], { env, stdio: ['ignore', 'inherit', 'inherit'] });
  };
  const end = async (signal: NodeJS.Signals) => {
    const exited = once(participant, 'exit');
    participant.kill(signal);
    return (await exited)[0];
  };
  const both = (member: string, points: number) =>
    oneShot(url, [branch(bank, 'open', { account: member, balance: 1 }), branch('points', 'add', { member, points })], {
      timeoutMs: 15_000,
    });
  const balances = async () =>
    Object.fromEntries((await database.query('SELECT member, balance::int FROM points')).rows.map(Object.values));
  const accounts = async (member: string) =>
    (await oneShot(url, [branch(bank, 'read', { account: member })])).status === 200;

  beforeAll(async () => {
    house = await prepareReplicas(1);
    const [replica] = house.replicas;
    url = replica?.url ?? '';
    await replica?.start({ PEERS: peersOf(house.replicas) });
    await replica?.ready();
    const databaseUrl = await house.createDatabase('points');
    database = new pg.Client(databaseUrl);
    await database.connect();
    env = { PATH: process.env.PATH, DATABASE_URL: databaseUrl, KAFKA_BROKERS: house.brokers };
    bank = await house.startBank();
    start();
    // An account is opened once: each attempt has its own.
    await eventually(async () => (await both(randomUUID(), 1)).status === 200, 'the first transaction', 120_000);
  }, 240_000);

  afterAll(async () => {
    const code = await end('SIGTERM');
    await database?.end();
    await house?.stop();
    await rm(venv, { recursive: true, force: true });
    expect(code).toBe(0);
  }, 60_000);

  it('commits with one that is written with the SDK, and returns its result', async () => {
    const { status, body } = await both('alice', 50);
    expect([status, body.outcomeReason]).toEqual([200, null]);
    expect(body.branches[1]).toMatchObject({ participant: 'points', result: { member: 'alice', balance: 50 } });
    await eventually(async () => (await balances()).alice === 50, 'the points to be there');
  });

  it('refuses, and then nothing happens anywhere', async () => {
    const { status, body } = await both('bob', -5);
    expect([status, body.reason]).toMatchObject([409, { code: 'too-few-points', participant: 'points' }]);
    expect(await accounts('bob')).toBe(false);
    expect((await balances()).bob).toBeUndefined();
  });

  it('is killed in the middle of work, and every transaction ends the same in both', async () => {
    const members = Array.from({ length: WORK_AT_ONCE }, (_, number) => `member-${number}`);
    const calls = members.map((member) => both(member, 7));
    await eventually(async () => Object.keys(await balances()).length > 3, 'some of them to be committed');
    await end('SIGKILL');
    start();
    await Promise.all(calls);
    await eventually(async () => {
      const { rows } = await database.query('SELECT 1 FROM pg_prepared_xacts WHERE database = current_database()');
      return rows.length === 0;
    }, 'nothing to be in doubt');
    const there = await balances();
    for (const member of members) expect([member, await accounts(member)]).toEqual([member, there[member] === 7]);
    await eventually(async () => (await both(`last-${Date.now()}`, 1)).status === 200, 'it to go on working');
  }, 120_000);
}
