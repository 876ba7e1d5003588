/** Admission as callers meet it: who waits, who is refused and what they are told, and what is never refused. */
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
  settled,
  vote,
} from '../../test/engine.js';
import { OWED_AT_FIRST, WAIT_MS_MAX } from './admission/bounds.js';
import type { BeginRequest } from './api.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const at = (participant: string): BeginRequest => ({
  branches: [{ participant, operation: 'debit', input: { amount: 1 } }],
  commit: true,
});
const by = (caller: string) => ({ caller });

/** So many one-shots at a participant that answers nothing. */
async function fill(engine: Engine, count: number, request = at('east'), caller = 'shop') {
  const calls = Array.from({ length: count }, () => settled(engine.coordinator.begin(request, by(caller))));
  await pass(0);
  return calls;
}

const idsAsked = (engine: Engine) => engine.messenger.sent.map(({ transactionId }) => transactionId);

/** All votes that are owed, and what follows from them. */
async function answerAll(engine: Engine) {
  for (const { type, transactionId, participant } of engine.messenger.sent.splice(0)) {
    if (type === 'prepare') vote(engine, transactionId, participant);
    else done(engine, transactionId, participant);
  }
  engine.log.applyAll();
  await pass(0);
}

describe('a participant that owes too many answers', () => {
  it('is asked for no more until it has answered, while work for others goes on', async () => {
    const engine = await leadingEngine({ inFlightMax: 1000 });
    await fill(engine, OWED_AT_FIRST);
    expect(engine.replica.leader?.lagOf('east')).toBe(OWED_AT_FIRST);
    const waiting = settled(engine.coordinator.begin(ONE_SHOT, CALLER));
    await pass(0);
    expect([waiting, idsAsked(engine).length]).toEqual([{}, OWED_AT_FIRST]);
    engine.messenger.sent.splice(1);
    settled(engine.coordinator.begin(at('west'), CALLER));
    await pass(0);
    expect(engine.messenger.sent.map(({ participant }) => participant)).toEqual(['east', 'west']);
    const [first] = idsAsked(engine);
    vote(engine, first ?? '', 'east', { vote: 'read-only' });
    await pass(0);
    expect(engine.messenger.take()).toEqual(['prepare east', 'prepare west', 'prepare east', 'prepare west']);
  });

  it('is named when a call for it is refused, with a time to come back', async () => {
    const engine = await leadingEngine({ inFlightMax: 1000 });
    await fill(engine, OWED_AT_FIRST);
    const waiting = settled(engine.coordinator.begin(ONE_SHOT, CALLER));
    await pass(WAIT_MS_MAX + 50);
    expect(waiting).toMatchObject({
      code: 'overloaded',
      error: { retryable: true, details: { participant: 'east', retryAfterMs: expect.any(Number) } },
    });
    expect(engine.metrics.counts.get('turned away by participant shop')).toBe(1);
  });

  it('owes nothing any more once its transactions are finished, also in other ways than by votes', async () => {
    const engine = await leadingEngine({ inFlightMax: 1000 });
    await fill(engine, 3, { ...ONE_SHOT, timeoutMs: 1000 });
    const lags = () => ['east', 'west'].map((name) => engine.replica.leader?.lagOf(name));
    expect(lags()).toEqual([3, 3]);
    await pass(1500); // aborted by the deadline: rollbacks are owed an answer
    engine.log.applyAll();
    expect(lags()).toEqual([3, 3]);
    await pass(10_000);
    await answerAll(engine);
    await pass(GATHERED_MS);
    await answerAll(engine);
    await pass(GATHERED_MS);
    engine.log.applyAll();
    expect([...lags(), engine.replica.leader?.inFlight, engine.replica.leader?.load.working(Date.now())]).toEqual([
      0, 0, 0, 0,
    ]);
  });
});

describe('callers', () => {
  it('take turns: one with a single call goes on before the hundred that came earlier', async () => {
    const engine = await leadingEngine({ inFlightMax: 1000 });
    await fill(engine, OWED_AT_FIRST);
    await fill(engine, 100, ONE_SHOT, 'greedy');
    const modest = settled(engine.coordinator.begin(at('east'), by('modest')));
    await pass(0);
    expect(modest).toEqual({});
    const owing = idsAsked(engine);
    engine.messenger.sent.length = 0;
    for (const id of owing.slice(0, 2)) vote(engine, id, 'east', { vote: 'read-only' });
    await pass(0);
    const begun = new Set(engine.messenger.sent.map(({ transactionId }) => transactionId));
    const callers = [...begun].map((id) => engine.replica.leader?.get(id)?.header.caller);
    expect(callers.sort()).toEqual(['greedy', 'modest']);
  });

  it('do not take everything: one that has nine tenths of what may be in flight is refused, another is not', async () => {
    const engine = await leadingEngine({ inFlightMax: 10 });
    for (let n = 0; n < 9; n += 1) await engine.coordinator.begin({}, by('greedy'));
    await expect(engine.coordinator.begin({}, by('greedy'))).rejects.toMatchObject({
      code: 'too-many-requests',
      retryable: true,
      details: { retryAfterMs: expect.any(Number) },
    });
    await expect(engine.coordinator.begin({}, by('modest'))).resolves.toMatchObject({ status: 'active' });
    await expect(engine.coordinator.begin({}, by('modest'))).rejects.toMatchObject({ code: 'overloaded' });
  });
});

describe('what is under way', () => {
  it('is never refused its end, however much there is', async () => {
    const engine = await leadingEngine({ inFlightMax: 1000 });
    const { id } = await engine.coordinator.begin({ branches: at('east').branches ?? [] }, CALLER);
    const other = await engine.coordinator.begin({}, CALLER);
    await fill(engine, OWED_AT_FIRST);
    engine.messenger.sent.length = 0;
    settled(engine.coordinator.commit(id, {}, CALLER));
    const rolledBack = settled(engine.coordinator.rollback(other.id, {}, CALLER));
    await pass(0);
    expect(engine.messenger.take()).toEqual(['prepare east']);
    expect(rolledBack.code).toBeUndefined();
    expect(await engine.coordinator.get(id, {}, CALLER)).toMatchObject({ status: 'preparing' });
  });

  it('an operation that is to run at once waits for its participant as a one-shot does', async () => {
    const engine = await leadingEngine({ inFlightMax: 1000 });
    engine.coordinator.onHeartbeat(heartbeatOf('bank', { isolation: 'global' }));
    engine.log.applyAll();
    const { id } = await engine.coordinator.begin({}, CALLER);
    await fill(engine, OWED_AT_FIRST, at('bank'));
    engine.messenger.sent.length = 1;
    const execute = settled(
      engine.coordinator.execute(id, { participant: 'bank', operation: 'debit', input: {} }, CALLER),
    );
    await pass(0);
    expect([execute, engine.messenger.sent.length]).toEqual([{}, 1]);
    vote(engine, idsAsked(engine)[0] ?? '', 'bank', { vote: 'read-only' });
    await pass(0);
    expect(engine.messenger.take()).toEqual(['prepare bank', 'execute bank']);
  });

  it('ends for those who wait when leadership is lost, and when the replica stops', async () => {
    for (const [end, code] of [
      [(engine: Engine) => engine.log.lose(), 'not-ready'],
      [(engine: Engine) => void engine.coordinator.stop(0), 'stopping'],
    ] as const) {
      const engine = await leadingEngine({ inFlightMax: 1000 });
      await fill(engine, OWED_AT_FIRST);
      const waiting = settled(engine.coordinator.begin(at('east'), CALLER));
      await pass(0);
      expect(waiting).toEqual({});
      end(engine);
      await pass(0);
      expect(waiting.code).toBe(code);
    }
  });

  it('begins without a commit are let in at the pace of the places, not all at once', async () => {
    const engine = await leadingEngine({ inFlightMax: 10_000 });
    const calls = Array.from({ length: 700 }, () => settled(engine.coordinator.begin({}, CALLER)));
    await pass(0);
    const places = engine.replica.leader?.load.places as number;
    expect(calls.filter(({ value }) => value).length).toBe(places);
    await pass(200);
    expect(calls.filter(({ value }) => value).length).toBe(700);
  });
});

describe('the refusal before a call is looked at', () => {
  it('says what begin would say, and lets a call pass that asks again with its key', async () => {
    const engine = await leadingEngine({ inFlightMax: 2 });
    const { admission } = engine.coordinator;
    expect(admission.turnaway('shop', ['east', 'west'])).toBeUndefined();
    settled(engine.coordinator.begin(ONE_SHOT, keyed('k')));
    await engine.coordinator.begin({}, by('other'));
    const refused = admission.turnaway('shop', ['east', 'west'], 'another key');
    expect(refused).toMatchObject({ code: 'overloaded' });
    expect(refused?.promise()).toBeGreaterThan(0);
    await expect(engine.coordinator.begin(ONE_SHOT, CALLER)).rejects.toMatchObject({ code: refused?.code });
    expect(admission.turnaway('shop', ['east', 'west'], 'k')).toBeUndefined();
    expect(admission.turnaway('somebody else', ['east', 'west'], 'k')).toBeDefined();
  });
});
