/** Ids follow each other, so anybody can guess them: what protects a transaction is that it belongs to its caller. */
import type { ConcordatError } from '@concordat/protocol';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { CALLER, done, type Engine, leadingEngine, ONE_SHOT, pass, settled, vote } from '../../test/engine.js';
import type { CallContext } from './api.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const STRANGER: CallContext = { caller: 'mallory' };
const OPERATOR: CallContext = { caller: 'olga', reachesAll: true };
const BRANCH = { participant: 'east', operation: 'debit', input: { amount: 1 } };

/** Every call on one transaction, by its name. */
const CALLS: Readonly<Record<string, (engine: Engine, id: string, context: CallContext) => Promise<unknown>>> = {
  get: ({ coordinator }, id, context) => coordinator.get(id, {}, context),
  'stale get': ({ coordinator }, id, context) => coordinator.get(id, { consistency: 'stale' }, context),
  'long poll': ({ coordinator }, id, context) => coordinator.get(id, { wait: 'completed' }, context),
  watch: ({ coordinator }, id, context) => coordinator.watch(id, () => {}, context),
  enlist: ({ coordinator }, id, context) => coordinator.enlist(id, BRANCH, context),
  execute: ({ coordinator }, id, context) => coordinator.execute(id, BRANCH, context),
  commit: ({ coordinator }, id, context) => coordinator.commit(id, {}, context),
  rollback: ({ coordinator }, id, context) => coordinator.rollback(id, {}, context),
};

async function finished(engine: Engine): Promise<string> {
  const outcome = settled(engine.coordinator.begin(ONE_SHOT, CALLER));
  await pass(0);
  const id = engine.messenger.sent.at(-1)?.transactionId ?? '';
  for (const participant of ['east', 'west']) vote(engine, id, participant);
  engine.log.applyAll();
  await pass(0);
  for (const participant of ['east', 'west']) done(engine, id, participant);
  await pass(50);
  engine.log.applyAll();
  await pass(50);
  expect(outcome).toMatchObject({ value: { outcome: 'committed' } });
  return id;
}

describe('the transaction of another caller', () => {
  it.each(Object.keys(CALLS))(
    'does not exist for %s: word for word what is said of an id never given out',
    async (name) => {
      const engine = await leadingEngine();
      const call = CALLS[name] as (typeof CALLS)[string];
      const open = (await engine.coordinator.begin({}, CALLER)).id;
      const closed = await finished(engine);
      const never = `${open.slice(0, open.lastIndexOf('-'))}-zzz`;
      const told = async (id: string) => {
        const error = (await call(engine, id, STRANGER).catch((thrown: unknown) => thrown)) as ConcordatError;
        return { code: error.code, message: error.message.replace(id, 'ID'), details: error.details };
      };
      const nothing = await told(never);
      expect(nothing.code).toBe('transaction-not-found');
      expect(await told(open)).toEqual(nothing);
      expect(await told(closed)).toEqual(nothing);
      expect(await engine.coordinator.get(open, {}, CALLER)).toMatchObject({ status: 'active', branches: [] });
    },
  );

  it('is within reach of an operator', async () => {
    const engine = await leadingEngine();
    const { id } = await engine.coordinator.begin({}, CALLER);
    await engine.coordinator.enlist(id, BRANCH, OPERATOR);
    expect((await engine.coordinator.get(id, {}, OPERATOR)).branches).toHaveLength(1);
    const outcome = settled(engine.coordinator.rollback(id, {}, OPERATOR));
    await pass(0);
    engine.log.applyAll();
    await pass(0);
    expect(outcome).toMatchObject({ value: { outcome: 'aborted', caller: 'shop' } });
  });

  it('tells a stranger who listens nothing that happens meanwhile', async () => {
    const engine = await leadingEngine();
    const { id } = await engine.coordinator.begin({}, CALLER);
    const heard: unknown[] = [];
    const listening = engine.coordinator.watch(id, (record) => heard.push(record), STRANGER);
    await expect(listening).rejects.toMatchObject({ code: 'transaction-not-found' });
    await engine.coordinator.enlist(id, BRANCH, CALLER);
    expect(heard).toEqual([]);
  });
});
