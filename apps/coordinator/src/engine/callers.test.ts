/** D8 and admission: what callers hear of ids, keys and limits. */

import { formatTransactionId } from '@concordat/protocol';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  CALLER,
  done,
  type Engine,
  GATHERED_MS,
  heartbeatOf,
  keyed,
  leadingEngine,
  ONE_SHOT,
  pass,
  prepareBoth,
  settled,
  startEngine,
  vote,
} from '../../test/engine.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const idIn = ({ replica }: Engine, term: number, sequence: number, incarnation = replica.ledger.incarnation) =>
  formatTransactionId({ incarnation, term, sequence });

const branch = { participant: 'east', operation: 'debit', input: { amount: 1 } };

/** A one-shot with the votes of both and its entry applied. */
async function oneShot(engine: Engine, context = CALLER) {
  const outcome = settled(engine.coordinator.begin(ONE_SHOT, context));
  await pass(0);
  const id = engine.messenger.sent.at(-1)?.transactionId ?? '';
  for (const participant of ['east', 'west']) vote(engine, id, participant);
  engine.log.applyAll();
  await pass(0);
  return { id, outcome };
}

describe('D8: an id that is not known', () => {
  it('D8: of an older term reads aborted, because its leader changed, and may be begun anew', async () => {
    const engine = await leadingEngine({ term: 3 });
    expect(await engine.coordinator.get(idIn(engine, 2, 7), {})).toMatchObject({
      status: 'aborted',
      outcome: 'aborted',
      reason: { code: 'leader-changed', retryable: true },
    });
    const commit = settled(engine.coordinator.commit(idIn(engine, 2, 7), {}, CALLER));
    await pass(0);
    expect(commit).toMatchObject({ code: 'transaction-aborted', error: { retryable: true } });
    await expect(engine.coordinator.rollback(idIn(engine, 2, 7), {}, CALLER)).resolves.toMatchObject({
      outcome: 'aborted',
    });
  });

  it('D8: at or below what was pruned is gone, above it aborted', async () => {
    const engine = await leadingEngine({ term: 3 });
    engine.store.prunedThrough = idIn(engine, 2, 7);
    for (const id of [idIn(engine, 2, 7), idIn(engine, 1, 99)]) {
      await expect(engine.coordinator.get(id, {})).rejects.toMatchObject({ code: 'transaction-gone' });
    }
    await expect(engine.coordinator.get(idIn(engine, 2, 8), {})).resolves.toMatchObject({ outcome: 'aborted' });
  });

  it('D8: that was never given out is not found', async () => {
    const engine = await leadingEngine({ term: 3 });
    const strange = [
      idIn(engine, 3, 1),
      idIn(engine, 4, 1),
      idIn(engine, 2, 1, 99),
      'nonsense',
      '1-1',
      `${idIn(engine, 2, 1)} `,
    ];
    for (const id of strange) {
      await expect(engine.coordinator.get(id, {})).rejects.toMatchObject({ code: 'transaction-not-found' });
    }
  });

  it('D8: of this term, finished and pruned, is gone', async () => {
    const engine = await leadingEngine();
    const { id } = await oneShot(engine);
    for (const participant of ['east', 'west']) done(engine, id, participant);
    await pass(GATHERED_MS);
    engine.log.applyAll();
    await pass(1000);
    expect(await engine.coordinator.get(id, {})).toMatchObject({ status: 'completed', outcome: 'committed' });
    engine.store.transactions.delete(id);
    await expect(engine.coordinator.get(id, {})).rejects.toMatchObject({ code: 'transaction-gone' });
  });

  it('D8: is not spoken of before this replica leads: neither absent nor aborted', async () => {
    const first = await leadingEngine();
    const engine = await startEngine({ term: 2, entries: first.log.applied });
    await expect(engine.coordinator.get(idIn(engine, 1, 1), {})).rejects.toMatchObject({ code: 'not-ready' });
    engine.log.applyAll();
    await expect(engine.coordinator.get(idIn(engine, 1, 1), {})).resolves.toMatchObject({ outcome: 'aborted' });
  });
});

describe('D8: idempotency keys', () => {
  it('D8: two calls with one key at the same moment begin one transaction', async () => {
    const engine = await leadingEngine();
    engine.replica.ledger.keysComplete = false; // both have to ask Postgres first
    const calls = [1, 2, 3].map(() => settled(engine.coordinator.begin(ONE_SHOT, keyed('k'))));
    await pass(0);
    expect(engine.messenger.take()).toEqual(['prepare east', 'prepare west']);
    const id = engine.replica.leader && idIn(engine, 1, 1);
    for (const participant of ['east', 'west']) vote(engine, id ?? '', participant);
    engine.log.applyAll();
    await pass(0);
    expect(calls.map(({ value }) => [value?.id, value?.outcome])).toEqual([1, 2, 3].map(() => [id, 'committed']));
  });

  it('D8: a repeated call gets the same transaction, however it ended, also after a restart', async () => {
    const engine = await leadingEngine();
    const { id } = await oneShot(engine, keyed('k'));
    const again = await engine.coordinator.begin(ONE_SHOT, keyed('k'));
    expect(again).toMatchObject({ id, outcome: 'committed' });
    const second = await leadingEngine({ term: 2, entries: engine.log.applied });
    await expect(second.coordinator.begin(ONE_SHOT, keyed('k'))).resolves.toMatchObject({ id, outcome: 'committed' });
  });

  it('D8: a key whose transaction was lost with its leader stays with that aborted transaction', async () => {
    const first = await leadingEngine();
    settled(first.coordinator.begin(ONE_SHOT, keyed('k')));
    await pass(0);
    first.log.applyAll();
    const second = await leadingEngine({ term: 2, entries: first.log.applied });
    await expect(second.coordinator.begin(ONE_SHOT, keyed('k'))).rejects.toMatchObject({
      code: 'transaction-aborted',
      details: { transactionId: idIn(first, 1, 1), reason: { code: 'leader-changed' } },
    });
  });

  it('D8: a key with another request is refused; the same key of another caller is another key', async () => {
    const engine = await leadingEngine();
    const { id } = await engine.coordinator.begin({}, keyed('k'));
    const reused = engine.coordinator.begin({}, keyed('k', 'shop', 'other'));
    await expect(reused).rejects.toMatchObject({ code: 'idempotency-key-reused', details: { transactionId: id } });
    const { id: other } = await engine.coordinator.begin({}, keyed('k', 'bank'));
    expect(other).not.toBe(id);
    await expect(engine.coordinator.begin({}, keyed('k'))).resolves.toMatchObject({ id });
  });

  it('D8: a key that memory no longer holds is looked up in Postgres, and nothing begins while that is away', async () => {
    const engine = await leadingEngine();
    const { id } = await oneShot(engine, keyed('old'));
    await pass(1000);
    const second = await leadingEngine({ term: 2, entries: engine.log.applied, store: engine.store });
    const ledger = second.replica.ledger;
    ledger.keysComplete = false;
    ledger.findKey = () => undefined; // made room for others
    engine.store.available = false;
    await expect(second.coordinator.begin(ONE_SHOT, keyed('old'))).rejects.toMatchObject({
      code: 'postgres-unavailable',
    });
    engine.store.available = true;
    await expect(second.coordinator.begin(ONE_SHOT, keyed('old'))).resolves.toMatchObject({ id });
  });

  it('a key of a commit that was refused binds nothing and can be used again', async () => {
    const engine = await leadingEngine();
    const { id } = await engine.coordinator.begin({}, CALLER);
    await expect(engine.coordinator.commit(id, {}, keyed('c'))).rejects.toMatchObject({ code: 'transaction-empty' });
    for (const participant of ['east', 'west']) await engine.coordinator.enlist(id, { ...branch, participant });
    const outcome = settled(engine.coordinator.commit(id, {}, keyed('c')));
    await pass(0);
    for (const participant of ['east', 'west']) vote(engine, id, participant);
    engine.log.applyAll();
    await pass(0);
    expect(outcome.value).toMatchObject({ outcome: 'committed' });
    expect(engine.replica.ledger.findKey('shop', 'c')).toMatchObject({ transactionId: id });
  });

  it('a key of one transaction does not commit another', async () => {
    const engine = await leadingEngine();
    const { id: first } = await engine.coordinator.begin({ branches: [branch] }, keyed('k'));
    const { id: second } = await engine.coordinator.begin({ branches: [branch] }, CALLER);
    const reused = engine.coordinator.commit(second, {}, keyed('k'));
    await expect(reused).rejects.toMatchObject({ code: 'idempotency-key-reused', details: { transactionId: first } });
  });
});

describe('calls in states that do not allow them', () => {
  it('enlist after commit, commit of nothing, rollback after commit: the right code each time', async () => {
    const engine = await leadingEngine();
    const { coordinator } = engine;
    const { id } = await oneShot(engine);
    await expect(coordinator.enlist(id, branch)).rejects.toMatchObject({ code: 'transaction-not-active' });
    await expect(coordinator.rollback(id, {}, CALLER)).rejects.toMatchObject({ code: 'transaction-committed' });
    await expect(coordinator.commit(id, {}, CALLER)).resolves.toMatchObject({ outcome: 'committed' });
    await expect(coordinator.begin({ commit: true }, CALLER)).rejects.toMatchObject({ code: 'transaction-empty' });
    const { id: rolledBack } = await coordinator.begin({ branches: [branch] }, CALLER);
    await coordinator.rollback(rolledBack, {}, CALLER);
    engine.log.applyAll();
    await expect(coordinator.enlist(rolledBack, branch)).rejects.toMatchObject({ code: 'transaction-not-active' });
    await expect(coordinator.commit(rolledBack, {}, CALLER)).rejects.toMatchObject({ code: 'transaction-aborted' });
    await expect(coordinator.rollback(rolledBack, {}, CALLER)).resolves.toMatchObject({ outcome: 'aborted' });
  });

  it('unknown participants, operations, inputs and isolations are refused before anything is begun', async () => {
    const engine = await leadingEngine();
    const begin = (over: object, serializable = false) =>
      engine.coordinator.begin({ branches: [{ ...branch, ...over }], serializable }, CALLER);
    await expect(begin({ participant: 'nobody' })).rejects.toMatchObject({ code: 'participant-unknown' });
    await expect(begin({ operation: 'nothing' })).rejects.toMatchObject({ code: 'operation-unknown' });
    await expect(begin({ input: 'text' })).rejects.toMatchObject({ code: 'input-invalid' });
    await expect(begin({}, true)).rejects.toMatchObject({ code: 'isolation-mismatch' });
    expect(engine.replica.leader?.inFlight).toBe(0);
  });

  it('an input nested so deeply that it could not be sent is refused', async () => {
    const engine = await leadingEngine();
    const deep = JSON.parse(`{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}`);
    const { id } = await engine.coordinator.begin({}, CALLER);
    await expect(engine.coordinator.enlist(id, { ...branch, input: deep })).rejects.toMatchObject({
      code: 'input-invalid',
    });
  });

  it('at most 100 branches are taken', async () => {
    const engine = await leadingEngine();
    const { id } = await engine.coordinator.begin({}, CALLER);
    for (let i = 1; i <= 100; i += 1) {
      expect(await engine.coordinator.enlist(id, branch)).toMatchObject({ id: String(i), status: 'enlisted' });
    }
    await expect(engine.coordinator.enlist(id, branch)).rejects.toMatchObject({ code: 'too-many-branches' });
  });

  it('more than one command can carry is refused when it comes, and what was enlisted before stays', async () => {
    const engine = await leadingEngine();
    const { coordinator } = engine;
    const large = { ...branch, input: { text: 'é'.repeat(100 * 1024) } };
    const { id } = await coordinator.begin({}, CALLER);
    for (let i = 0; i < 3; i += 1) await coordinator.enlist(id, large);
    await expect(coordinator.enlist(id, large)).rejects.toMatchObject({
      code: 'body-too-large',
      details: { participant: 'east' },
    });
    await coordinator.enlist(id, { ...large, participant: 'west' }); // which has a command of its own
    expect((await coordinator.get(id, {})).branches).toHaveLength(4);
    await expect(coordinator.begin({ branches: Array(4).fill(large) }, CALLER)).rejects.toMatchObject({
      code: 'body-too-large',
    });
  });
});

describe('admission', () => {
  it('refuses new work while Kafka is away, and lets reads go on', async () => {
    const engine = await leadingEngine();
    const { id } = await engine.coordinator.begin({ branches: [branch] }, CALLER);
    engine.messenger.available = false;
    await expect(engine.coordinator.begin({}, CALLER)).rejects.toMatchObject({ code: 'kafka-unavailable' });
    await expect(engine.coordinator.commit(id, {}, CALLER)).rejects.toMatchObject({ code: 'kafka-unavailable' });
    await expect(engine.coordinator.get(id, {})).resolves.toMatchObject({ status: 'active' });
  });

  it('stays ready while Kafka is away, and says so: only until Kafka was joined once does that decide', async () => {
    const engine = await leadingEngine();
    engine.messenger.available = false;
    const { ready, checks } = engine.coordinator.readiness();
    expect({ ready, checks }).toMatchObject({ ready: true });
    expect(checks).toContainEqual({ name: 'kafka', ok: false, advisory: true });
    engine.messenger.joined = false;
    expect(engine.coordinator.readiness().ready).toBe(false);
  });

  it('refuses new work at the limit of transactions in flight, and takes it again below', async () => {
    const engine = await leadingEngine({ inFlightMax: 1 });
    const { id } = await engine.coordinator.begin({}, CALLER);
    const refused = engine.coordinator.begin({}, CALLER);
    await expect(refused).rejects.toMatchObject({ code: 'overloaded', details: { retryAfterMs: expect.any(Number) } });
    await engine.coordinator.rollback(id, {}, CALLER);
    engine.log.applyAll();
    await expect(engine.coordinator.begin({}, CALLER)).resolves.toMatchObject({ status: 'active' });
  });

  it('a list waits until Postgres holds what is applied, and says so when Postgres is away', async () => {
    const engine = await leadingEngine();
    const { id } = await engine.coordinator.begin({}, CALLER);
    engine.log.applyAll();
    const list = settled(engine.coordinator.list({ limit: 10 }));
    await pass(10);
    expect(list.value?.map((record) => record.id)).toEqual([id]);
    engine.store.available = false;
    await expect(engine.coordinator.list({ limit: 10 })).rejects.toMatchObject({ code: 'postgres-unavailable' });
  });

  it('a stale list is what Postgres holds at the moment, waiting for nothing', async () => {
    const engine = await leadingEngine();
    await engine.coordinator.begin({}, CALLER);
    engine.log.applyAll();
    await expect(engine.coordinator.list({ limit: 10, consistency: 'stale' })).resolves.toEqual([]);
  });
});

describe('waiting and watching', () => {
  it('wait=completed answers once every branch is finalised and that is logged', async () => {
    const engine = await leadingEngine();
    const outcome = settled(engine.coordinator.begin({ ...ONE_SHOT, wait: 'completed' }, CALLER));
    await pass(0);
    const id = idIn(engine, 1, 1);
    const read = settled(engine.coordinator.get(id, { wait: 'completed' }));
    for (const participant of ['east', 'west']) vote(engine, id, participant);
    engine.log.applyAll();
    for (const participant of ['east', 'west']) done(engine, id, participant);
    await pass(100);
    expect([outcome, read]).toEqual([{}, {}]);
    engine.log.applyAll();
    await pass(0);
    for (const { value } of [outcome, read]) {
      expect(value).toMatchObject({ status: 'completed', outcome: 'committed', completedAt: expect.any(Number) });
    }
  });

  it('a watcher sees every state once, and completed last', async () => {
    const engine = await leadingEngine();
    const { id } = await prepareBoth(engine);
    const seen: string[] = [];
    await engine.coordinator.watch(
      id,
      ({ status, completedAt }) => void seen.push(completedAt ? `${status} at` : status),
    );
    for (const participant of ['east', 'west']) vote(engine, id, participant);
    engine.log.applyAll();
    for (const participant of ['east', 'west']) done(engine, id, participant);
    await pass(GATHERED_MS);
    engine.log.applyAll();
    expect([...new Set(seen)]).toEqual(['preparing', 'committed', 'completed at']);
    expect(seen.filter((status) => status.startsWith('completed'))).toHaveLength(1);
    await expect(engine.coordinator.watch('nonsense', () => undefined)).rejects.toMatchObject({
      code: 'transaction-not-found',
    });
  });
});

describe('participants', () => {
  it('one that announces itself before this replica leads is registered as soon as it does', async () => {
    const engine = await startEngine();
    engine.coordinator.onHeartbeat(heartbeatOf('east'));
    engine.log.applyAll();
    expect(engine.coordinator.participants()).toEqual([]);
    engine.coordinator.onHeartbeat(heartbeatOf('east'));
    engine.log.applyAll();
    expect(engine.coordinator.participants()).toMatchObject([{ name: 'east', health: 'up' }]);
    expect(engine.messenger.topics).toEqual(['east']);
  });

  it('one whose registration was lost with a leader is registered by the next', async () => {
    const engine = await startEngine();
    engine.log.applyAll();
    engine.coordinator.onHeartbeat(heartbeatOf('east'));
    engine.log.lose();
    engine.log.lead(2);
    engine.log.applyAll();
    engine.coordinator.onHeartbeat(heartbeatOf('east'));
    engine.log.applyAll();
    expect(engine.coordinator.participant('east')).toMatchObject({ name: 'east' });
  });
});
