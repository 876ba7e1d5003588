/** Locks: the line, leases, leader changes, calls that are gone. */
import type { LockAction } from '@concordat/locks';
import { FORMAT_VERSION } from '@concordat/transaction';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type Engine, leadingEngine, pass, settled, startEngine } from '../../test/engine.js';
import type { AcquireRequest, LockCall, LockView } from './locks-api.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const TTL_MS = 5_000;
const request = (over: Partial<AcquireRequest> = {}): AcquireRequest => ({
  ...{ name: 'a', mode: 'exclusive', owner: 'one', ttlMs: TTL_MS, waitMs: 0 },
  ...over,
});
const CALL: LockCall = { caller: 'shop' };

/** Asks, and applies whatever that proposes at once. */
async function asked<T>(engine: Engine, promise: Promise<T>): Promise<T> {
  const seen = settled(promise);
  for (let i = 0; i < 5 && !('value' in seen || seen.error); i += 1) {
    await pass(0);
    engine.log.applyAll();
  }
  return promise;
}

const acquired = (engine: Engine, over: Partial<AcquireRequest> = {}, call: LockCall = CALL) =>
  asked(engine, engine.coordinator.locks.acquire(request(over), call));

const kinds = (engine: Engine): LockAction['kind'][] =>
  engine.log.proposed.flatMap((entry) => (entry.type === 'lock' ? [entry.action.kind] : []));

const owners = (engine: Engine, name = 'a') => engine.replica.ledger.locks.holders(name).map(({ owner }) => owner);

describe('acquire', () => {
  it('LK1: is answered once the grant is applied, with the CSN of its entry as its token', async () => {
    const engine = await leadingEngine();
    const waiting = settled(engine.coordinator.locks.acquire(request(), CALL));
    await pass(1_000);
    expect([waiting, kinds(engine)]).toEqual([{}, ['grant']]);
    engine.log.applyAll();
    await pass(0);
    expect(waiting.value?.held).toMatchObject({ name: 'a', owner: 'one', token: engine.replica.ledger.appliedCsn });
    // Counted from before the proposal, not from when it was applied.
    expect(Math.round((waiting.value?.until ?? 0) - performance.now())).toBe(TTL_MS - 1_000);
  });

  it('refuses at once what is held, and says who holds it and when to come back', async () => {
    const engine = await leadingEngine();
    const { held } = await acquired(engine);
    await pass(1_500);
    await expect(acquired(engine, { owner: 'two' })).rejects.toMatchObject({
      code: 'lock-held',
      retryable: true,
      details: { lock: 'a', owner: 'one', fencingToken: held.token, retryAfterMs: TTL_MS - 1_500 },
    });
    expect(kinds(engine)).toEqual([]);
  });

  it('waits in line: first come, first served, shared ones together, and none past an exclusive one', async () => {
    const engine = await leadingEngine();
    const { held } = await acquired(engine, { mode: 'shared' });
    const wait = (owner: string, mode: 'shared' | 'exclusive') =>
      settled(engine.coordinator.locks.acquire(request({ owner, mode, waitMs: 60_000, ttlMs: 60_000 }), CALL));
    const two = wait('two', 'exclusive');
    const three = wait('three', 'shared');
    const four = wait('four', 'shared');
    await pass(0);
    expect(kinds(engine)).toEqual([]);
    expect((await asked(engine, engine.coordinator.locks.read('a'))).waiting).toBe(3);
    await asked(engine, engine.coordinator.locks.release('a', held.token, 'shop'));
    await pass(0);
    engine.log.applyAll();
    await pass(0);
    expect([two.value?.held.owner, three, four]).toEqual(['two', {}, {}]);
    await asked(engine, engine.coordinator.locks.release('a', two.value?.held.token ?? 0, 'shop'));
    expect(owners(engine)).toEqual(['three', 'four']);
  });

  it('gives up when its wait is over, but waits for a grant that is under way', async () => {
    const engine = await leadingEngine();
    const { held } = await acquired(engine, { ttlMs: 60_000 });
    const two = settled(engine.coordinator.locks.acquire(request({ owner: 'two', waitMs: 300 }), CALL));
    const three = settled(engine.coordinator.locks.acquire(request({ owner: 'three', waitMs: 900 }), CALL));
    await pass(299);
    expect(two).toEqual({});
    await pass(1);
    expect([two.code, three]).toEqual(['lock-held', {}]);
    void engine.coordinator.locks.release('a', held.token, 'shop');
    await pass(0);
    engine.log.applyNext();
    await pass(700);
    expect(kinds(engine)).toEqual(['grant']);
    expect(three).toEqual({});
    engine.log.applyAll();
    await pass(0);
    expect(three.value?.held.owner).toBe('three');
  });

  it('LK4: a call that is gone gets no lock: out of the line, or the grant that was under way is released', async () => {
    const engine = await leadingEngine();
    const { held } = await acquired(engine);
    const gone = new AbortController();
    const call = (owner: string) =>
      settled(engine.coordinator.locks.acquire(request({ owner, waitMs: 60_000 }), { ...CALL, signal: gone.signal }));
    call('in line');
    await pass(0);
    gone.abort();
    await asked(engine, engine.coordinator.locks.release('a', held.token, 'shop'));
    expect([kinds(engine), owners(engine)]).toEqual([[], []]);

    const left = new AbortController();
    void settled(engine.coordinator.locks.acquire(request({ owner: 'granted' }), { ...CALL, signal: left.signal }));
    await pass(0);
    expect(kinds(engine)).toEqual(['grant']);
    left.abort();
    engine.log.applyAll();
    await pass(0);
    expect(kinds(engine)).toEqual(['release']);
    engine.log.applyAll();
    expect(owners(engine)).toEqual([]);
  });
});

describe('the same call made again, by its key', () => {
  const keyed = { ...CALL, key: 'k' };

  it('gets the token that it has, and no second place in line', async () => {
    const engine = await leadingEngine();
    const { held } = await acquired(engine, {}, keyed);
    expect((await acquired(engine, {}, keyed)).held).toEqual(held);
    const again = () =>
      settled(engine.coordinator.locks.acquire(request({ owner: 'two', waitMs: 9_000 }), { caller: 'b', key: 'k' }));
    const [first, second] = [again(), again()];
    await pass(0);
    expect((await engine.coordinator.locks.read('a')).waiting).toBe(1);
    await asked(engine, engine.coordinator.locks.release('a', held.token, 'shop'));
    await pass(0);
    engine.log.applyAll();
    await pass(0);
    expect(first.value?.held).toEqual(second.value?.held);
    expect(owners(engine)).toEqual(['two']);
  });

  it('gets it from the next leader too', async () => {
    const engine = await leadingEngine();
    const lost = settled(engine.coordinator.locks.acquire(request(), keyed));
    await pass(0);
    engine.log.lose(1);
    await pass(0);
    expect(lost.code).toBe('not-ready');
    engine.log.lead(2);
    engine.log.applyAll();
    const token = engine.replica.ledger.locks.holders('a')[0]?.token;
    expect((await acquired(engine, {}, keyed)).held.token).toBe(token);
  });

  it('is no other call: another caller, owner or mode; without a key it waits for itself', async () => {
    const engine = await leadingEngine();
    await acquired(engine, {}, keyed);
    await expect(acquired(engine, {}, { caller: 'other', key: 'k' })).rejects.toMatchObject({ code: 'lock-held' });
    await expect(acquired(engine, { owner: 'two' }, keyed)).rejects.toMatchObject({ code: 'idempotency-key-reused' });
    await expect(acquired(engine, { mode: 'shared' }, keyed)).rejects.toMatchObject({ code: 'idempotency-key-reused' });
    await expect(acquired(engine)).rejects.toMatchObject({ code: 'lock-held', details: { owner: 'one' } });
  });
});

describe('leases', () => {
  it('LK2: end by an entry a whole time after the last renewal, and the next in line has it', async () => {
    const engine = await leadingEngine();
    const { held } = await acquired(engine);
    await pass(TTL_MS - 1);
    const renewed = await asked(engine, engine.coordinator.locks.renew('a', held.token, 'shop'));
    expect(renewed.held).toMatchObject({ token: held.token, renewals: 1 });
    const next = settled(engine.coordinator.locks.acquire(request({ owner: 'two', waitMs: 60_000 }), CALL));
    await pass(TTL_MS - 1);
    expect(kinds(engine)).toEqual([]);
    await pass(1);
    expect(kinds(engine)).toEqual(['expire']);
    expect(owners(engine)).toEqual(['one']);
    engine.log.applyAll();
    await pass(0);
    expect(next.value?.held.token).toBeGreaterThan(held.token);
    for (const late of [
      engine.coordinator.locks.renew('a', held.token, 'shop'),
      engine.coordinator.locks.release('a', held.token, 'shop'),
    ])
      await expect(asked<unknown>(engine, late)).rejects.toMatchObject({ code: 'lock-not-held' });
    expect(owners(engine)).toEqual(['two']);
  });

  it('LK2: a renewal that was proposed before the expiry wins, one that came after it is told that it is late', async () => {
    const engine = await leadingEngine();
    const { held } = await acquired(engine);
    await pass(TTL_MS - 1);
    const early = settled(engine.coordinator.locks.renew('a', held.token, 'shop'));
    await pass(1);
    expect(kinds(engine)).toEqual(['renew', 'expire']);
    engine.log.applyAll();
    await pass(0);
    expect([early.value?.held.renewals, owners(engine)]).toEqual([1, ['one']]);

    await pass(TTL_MS);
    const late = settled(engine.coordinator.locks.renew('a', held.token, 'shop'));
    await pass(0);
    expect(kinds(engine)).toEqual(['expire', 'renew']);
    engine.log.applyAll();
    await pass(0);
    expect([late.code, owners(engine)]).toEqual(['lock-not-held', []]);
  });

  it('LK3: a new leader counts the whole time anew, and who waited is sent elsewhere', async () => {
    const engine = await leadingEngine();
    await acquired(engine);
    const waiting = settled(engine.coordinator.locks.acquire(request({ owner: 'two', waitMs: 60_000 }), CALL));
    await pass(TTL_MS - 1);
    engine.log.lose();
    await pass(0);
    expect(waiting.code).toBe('not-ready');
    await pass(60_000);
    expect(owners(engine)).toEqual(['one']);
    engine.log.lead(2);
    engine.log.applyAll();
    await pass(TTL_MS - 1);
    expect(kinds(engine)).toEqual([]);
    await pass(1);
    engine.log.applyAll();
    expect(owners(engine)).toEqual([]);
  });

  it('LK1: a grant that an older leader proposed and lost is nobody’s, and is answered as not ready', async () => {
    const engine = await leadingEngine();
    const lost = settled(engine.coordinator.locks.acquire(request(), CALL));
    await pass(0);
    engine.log.lose(0);
    engine.log.lead(2);
    engine.log.applyAll();
    await pass(0);
    expect([lost.code, owners(engine)]).toEqual(['not-ready', []]);
  });

  it('LK1: a grant that the log does not take is nobody’s either', async () => {
    const engine = await leadingEngine();
    engine.log.propose = () => false;
    await expect(acquired(engine)).rejects.toMatchObject({ code: 'not-ready', retryable: true });
    expect(owners(engine)).toEqual([]);
  });

  it('are counted by a process that starts from what Postgres holds', async () => {
    const before = await leadingEngine();
    const { held } = await acquired(before);
    await pass(1_000);
    const after = await startEngine({ term: 2, store: before.store, entries: before.log.applied });
    after.log.applyAll();
    expect(after.replica.ledger.locks.find('a', held.token)).toEqual(held);
    await pass(TTL_MS);
    expect(kinds(after)).toEqual(['expire']);
  });
});

describe('release', () => {
  it('is no mistake when it is repeated, also at the next leader; with a token that never was one, it is', async () => {
    const engine = await leadingEngine();
    const { held } = await acquired(engine);
    const release = (token = held.token, caller = 'shop') =>
      asked(engine, engine.coordinator.locks.release('a', token, caller));
    await expect(release(held.token, 'stranger')).rejects.toMatchObject({ code: 'lock-not-held' });
    await release();
    await release();
    engine.log.lose();
    engine.log.lead(2);
    engine.log.applyAll();
    await release();
    await expect(release(held.token + 1)).rejects.toMatchObject({ code: 'lock-not-held', retryable: false });
  });
});

describe('sessions', () => {
  it('keep many locks alive by one renewal, and release all of them at their end', async () => {
    const engine = await leadingEngine();
    const { locks } = engine.coordinator;
    const { held: session } = await asked(engine, locks.openSession('one', TTL_MS, { ...CALL, key: 's' }));
    expect((await asked(engine, locks.openSession('one', TTL_MS, { ...CALL, key: 's' }))).held).toEqual(session);
    const grab = (name: string) =>
      asked(engine, locks.acquire({ name, mode: 'exclusive', waitMs: 0, session: session.id }, CALL));
    const { held } = await grab('a');
    await grab('b');
    expect(held).toMatchObject({ owner: 'one', session: session.id, ttlMs: TTL_MS });
    for (let i = 0; i < 3; i += 1) {
      await pass(TTL_MS - 1);
      const renewal = i === 0 ? locks.renew('a', held.token, 'shop') : locks.renewSession(session.id, 'shop');
      await asked(engine, renewal as Promise<unknown>);
    }
    expect((await locks.readSession(session.id)).locks.map(({ name }) => name)).toEqual(['a', 'b']);
    await pass(TTL_MS);
    expect(kinds(engine)).toEqual(['session-expire']);
    engine.log.applyAll();
    expect([owners(engine, 'a'), owners(engine, 'b')]).toEqual([[], []]);
    await expect(asked(engine, locks.renewSession(session.id, 'shop'))).rejects.toMatchObject({
      code: 'lock-session-not-found',
    });
    await expect(grab('c')).rejects.toMatchObject({ code: 'lock-session-not-found' });
  });

  it('LK3: are counted anew by a new leader, whole, and end all the same', async () => {
    const engine = await leadingEngine();
    const { locks } = engine.coordinator;
    const { held: session } = await asked(engine, locks.openSession('one', TTL_MS, CALL));
    await asked(engine, locks.acquire({ name: 'a', mode: 'exclusive', waitMs: 0, session: session.id }, CALL));
    await pass(TTL_MS - 1);
    engine.log.lose();
    engine.log.lead(2);
    engine.log.applyAll();
    await pass(TTL_MS - 1);
    expect(kinds(engine)).toEqual([]);
    await pass(1);
    engine.log.applyAll();
    expect(owners(engine)).toEqual([]);
  });

  it('end when asked to, for their own caller only', async () => {
    const engine = await leadingEngine();
    const { locks } = engine.coordinator;
    const { held: session } = await asked(engine, locks.openSession('one', TTL_MS, CALL));
    await asked(engine, locks.acquire({ name: 'a', mode: 'shared', waitMs: 0, session: session.id }, CALL));
    await expect(asked(engine, locks.endSession(session.id, 'stranger'))).rejects.toMatchObject({
      code: 'lock-session-not-found',
    });
    await asked(engine, locks.endSession(session.id, 'shop'));
    expect(owners(engine)).toEqual([]);
  });
});

describe('what others see', () => {
  it('a watcher is told of holders that come and go, and not of renewals', async () => {
    const engine = await leadingEngine();
    const seen: LockView[] = [];
    const end = await engine.coordinator.locks.watch('a', (view) => seen.push(view));
    const { held } = await acquired(engine);
    await acquired(engine, { name: 'b' });
    await asked(engine, engine.coordinator.locks.renew('a', held.token, 'shop'));
    await asked(engine, engine.coordinator.locks.release('a', held.token, 'shop'));
    end();
    await acquired(engine);
    expect(seen.map(({ holders }) => holders.map(({ hold }) => hold.token))).toEqual([[], [held.token], []]);
  });

  it('a list goes by name, from page to page, with a prefix', async () => {
    const engine = await leadingEngine();
    for (const name of ['c', 'a', 'b:2', 'b:1']) await acquired(engine, { name });
    const names = async (query: object) =>
      (await engine.coordinator.locks.list({ limit: 2, ...query })).map(({ name }) => name);
    expect(await names({})).toEqual(['a', 'b:1']);
    expect(await names({ after: 'b:1' })).toEqual(['b:2', 'c']);
    expect(await names({ prefix: 'b:' })).toEqual(['b:1', 'b:2']);
  });

  it('nobody is given a lock while a member does not understand it', async () => {
    const engine = await leadingEngine();
    const member = { raftId: 2, nodeId: 2, address: 'replica-2:9000', url: '', removed: false };
    engine.log.receive(1, { type: 'member', member: { ...member, raftId: 1, formatVersion: FORMAT_VERSION } });
    engine.log.receive(1, { type: 'member', member: { ...member, formatVersion: 2 } });
    await expect(acquired(engine)).rejects.toMatchObject({
      code: 'not-ready',
      message: expect.stringContaining('replica-2:9000'),
    });
    expect(kinds(engine)).toEqual([]);
  });
});
