import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Row } from '../src/table.js';
import { ACCOUNT } from './bank.js';
import { type Session, World } from './world.js';

const SEED = Number(process.env.HISTORY_SEED ?? 1 + Math.floor(Math.random() * 1e9));
const TRANSACTIONS = Number(process.env.HISTORY_TRANSACTIONS ?? 400);
const WORKERS = 5;
const READERS = 2;
const ACCOUNTS = 6;
const LISTS = 3;
const OPENING_BALANCE = 100;

let world: World;
beforeAll(async () => {
  world = await World.create(WORKERS, randomFrom(SEED));
});
afterAll(() => world.drop());

/** A generator of its own, so that a seed repeats its choices (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const below = (count: number): number => Math.floor(world.random() * count);
const by = (amount: number) => (row: Row) => ({ balance: Number(row.balance) + amount });

async function open(session: Session): Promise<void> {
  const ids = (name: string, count: number) => Array.from({ length: count }, (_, index) => `${name} ${index}`);
  for (const writes of session.writes) {
    for (const id of ids('account', ACCOUNTS)) writes.insert(ACCOUNT, { id, balance: OPENING_BALANCE }, new Map());
    for (const id of ids('list', LISTS)) writes.insert(ACCOUNT, { id, balance: 0, colour: '' }, new Map());
    writes.insert(ACCOUNT, { id: 'on call', balance: 1 }, new Map());
  }
}

/** From one bank to the other. */
async function transfer(session: Session): Promise<void> {
  const from = below(2);
  const amount = 1 + below(9);
  await session.change(from, `account ${below(ACCOUNTS)}`, by(-amount));
  await session.change(1 - from, `account ${below(ACCOUNTS)}`, by(amount));
}

async function append(session: Session): Promise<void> {
  const element = `${below(1e9)}`;
  for (const site of [0, 1]) {
    await session.change(site, `list ${below(LISTS)}`, (row) => ({ colour: `${row.colour} ${element}` }));
  }
}

/** One of the two may go off call while the other one is on: write skew, unless it is serializable. */
async function changeShift(session: Session): Promise<void> {
  const mine = below(2);
  const [me, other] = await Promise.all([session.read(mine, 'on call'), session.read(1 - mine, 'on call')]);
  if (Number(me.balance) === 0) await session.change(mine, 'on call', by(1));
  else if (Number(other.balance) === 1) await session.change(mine, 'on call', by(-1));
}

async function work(worker: number, count: number): Promise<number> {
  let committed = 0;
  for (let index = 0; index < count; index += 1) {
    const kind = below(5);
    const operation = [transfer, transfer, append, append, changeShift][kind] as typeof transfer;
    if (await world.transact(worker, operation === changeShift, operation)) committed += 1;
  }
  return committed;
}

/** Reads everything at a snapshot while it ages, twice: both must be what was decided up to it. */
async function readUntil(stopped: () => boolean): Promise<number> {
  let reads = 0;
  while (!stopped()) {
    await world.atSnapshot(async (snapshot) => {
      const seen = await world.readAll(snapshot);
      expect({ seed: SEED, snapshot, seen }).toEqual({ seed: SEED, snapshot, seen: world.expectedAt(snapshot) });
      await pause(below(20));
      expect(await world.readAll(snapshot)).toEqual(seen);
      checkSums(seen);
    });
    reads += 1;
  }
  return reads;
}

function checkSums(state: Record<string, Row>): void {
  const sumOf = (name: string) =>
    Object.values(state).reduce((sum, { id, balance }) => sum + (String(id).startsWith(name) ? Number(balance) : 0), 0);
  expect([SEED, sumOf('account')]).toEqual([SEED, 2 * ACCOUNTS * OPENING_BALANCE]);
  expect(sumOf('on call')).toBeGreaterThanOrEqual(1);
}

describe('a random history of two participants', () => {
  it('shows at every snapshot exactly what was decided up to it', async () => {
    await world.transact(0, false, open);
    let working = true;
    let finished = false;
    const background = world.runBackground(() => finished);
    const readers = Array.from({ length: READERS }, () => readUntil(() => !working));
    const workers = Array.from({ length: WORKERS }, (_, worker) => work(worker, TRANSACTIONS / WORKERS));
    const committed = (await Promise.all(workers).finally(() => (working = false))).reduce((sum, one) => sum + one, 0);
    const reads = (await Promise.all(readers)).reduce((sum, one) => sum + one, 0);
    finished = true;
    const collected = await background;

    const seen = await world.readAll(world.coordinator.applied);
    expect(seen).toEqual(world.expectedAt(world.coordinator.applied));
    checkSums(seen);
    const appended = world.history.flatMap(({ rows }) => rows.filter(({ row }) => row.colour)).length;
    const elements = Object.values(seen).flatMap(({ colour }) =>
      String(colour ?? '')
        .split(' ')
        .slice(1),
    ).length;
    expect([SEED, elements]).toEqual([SEED, appended]); // no lost update
    // Were nothing committed, read, met or collected, all of this would show nothing.
    const seldom = { committed, reads, collected, refusals: world.refusals, asked: world.coordinator.asked.length };
    expect(Math.min(committed, reads, collected, seldom.asked)).toBeGreaterThan(10);
    expect(world.refusals.overwritten).toBeGreaterThan(0);
    if (process.env.HISTORY_REPORT) process.stderr.write(`${JSON.stringify(seldom)}\n`);
  }, 180_000); // a bound for a machine with other work
});
