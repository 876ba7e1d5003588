/** Snapshots at begin and on lease, the watermark, isolation. */
import { csnOf } from '@concordat/transaction';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  CALLER,
  type Engine,
  heartbeatOf,
  keyed,
  leadingEngine,
  pass,
  prepareBoth,
  settled,
  startEngine,
  vote,
} from '../../test/engine.js';
import { SNAPSHOT_LEASES_MAX } from './snapshot-leases.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const branch = (participant: string) => ({ participant, operation: 'debit', input: {} });

/** East and west are local, bank is global. */
async function mixedEngine(): Promise<Engine> {
  const engine = await leadingEngine();
  engine.coordinator.onHeartbeat(heartbeatOf('bank', { isolation: 'global' }));
  engine.log.applyAll();
  return engine;
}

/** The entry of a lease or release is applied as soon as it is proposed. */
async function applied<T>(engine: Engine, promise: Promise<T>): Promise<T> {
  await pass(0);
  engine.log.applyAll();
  return promise;
}

describe('the snapshot of a transaction', () => {
  it('is what the leader has applied, whatever the isolation, and below its own commit', async () => {
    const engine = await mixedEngine();
    const before = engine.replica.ledger.appliedCsn;
    const { id, outcome } = await prepareBoth(engine);
    expect(await engine.coordinator.get(id, {})).toMatchObject({ snapshot: before, isolation: 'local' });
    for (const participant of ['east', 'west']) vote(engine, id, participant);
    engine.log.applyAll();
    await pass(0);
    expect(outcome.value?.csn).toBeGreaterThan(before);
    expect(before).toBe(csnOf(engine.replica.ledger.incarnation, 4)); // term, east, west, bank
  });

  it('travels with the commands, with what is applied and with the watermark', async () => {
    const engine = await mixedEngine();
    const snapshot = engine.replica.ledger.appliedCsn;
    await prepareBoth(engine);
    const [command] = engine.messenger.sent;
    expect(command).toMatchObject({ type: 'prepare', snapshot, appliedCsn: snapshot, watermark: snapshot });
  });
});

describe('isolation', () => {
  const begin = async (engine: Engine, request: object) => (await engine.coordinator.begin(request, CALLER)).isolation;

  it('is local when all participants named are, else global; either may name both kinds', async () => {
    const engine = await mixedEngine();
    expect(await begin(engine, {})).toBe('global');
    expect(await begin(engine, { branches: [branch('east'), branch('west')] })).toBe('local');
    expect(await begin(engine, { branches: [branch('east'), branch('bank')] })).toBe('global');
    expect(await begin(engine, { isolation: 'global', branches: [branch('east')] })).toBe('global');
    const { id } = await engine.coordinator.begin({ isolation: 'local', branches: [branch('bank')] }, CALLER);
    await engine.coordinator.enlist(id, branch('east'));
  });

  it('is serializable with global participants only, at begin, at enlist, and never when local', async () => {
    const engine = await mixedEngine();
    const mismatch = { code: 'isolation-mismatch' };
    const serializable = { serializable: true };
    await expect(begin(engine, { ...serializable, branches: [branch('east')] })).rejects.toMatchObject(mismatch);
    await expect(begin(engine, { ...serializable, isolation: 'local' })).rejects.toMatchObject(mismatch);
    expect(engine.replica.leader?.inFlight).toBe(0);
    const { id } = await engine.coordinator.begin({ ...serializable, branches: [branch('bank')] }, CALLER);
    await expect(engine.coordinator.enlist(id, branch('east'))).rejects.toMatchObject(mismatch);
    expect(await engine.coordinator.get(id, {})).toMatchObject({ serializable: true, isolation: 'global' });
  });
});

describe('while a restored cluster reconciles', () => {
  it('gives out no snapshot and answers no status, and local work goes on without', async () => {
    const engine = await mixedEngine();
    engine.replica.ledger.reconciliation = 'pending';
    const { coordinator } = engine;
    await expect(coordinator.begin({}, CALLER)).rejects.toMatchObject({ code: 'not-ready' });
    await expect(coordinator.begin({ isolation: 'local', branches: [branch('bank')] }, CALLER)).rejects.toMatchObject({
      code: 'not-ready',
    });
    await expect(coordinator.snapshots.lease(1000)).rejects.toMatchObject({ code: 'not-ready' });
    await expect(coordinator.snapshots.statuses({ transactionIds: [] })).rejects.toMatchObject({
      code: 'snapshot-unavailable',
    });
    const { id, snapshot } = await coordinator.begin({ branches: [branch('east')] }, CALLER);
    expect(snapshot).toBeNull();
    void coordinator.commit(id, {}, CALLER);
    await pass(0);
    expect(engine.messenger.sent.at(-1)).toMatchObject({ type: 'prepare', snapshot: null });
    expect(engine.messenger.sent.at(-1)).not.toHaveProperty('watermark');
    const later = await coordinator.begin({ branches: [branch('east')] }, CALLER);
    await expect(coordinator.enlist(later.id, branch('bank'))).rejects.toMatchObject({ code: 'isolation-mismatch' });
  });
});

describe('S7: the watermark', () => {
  it('S7: stays at the oldest snapshot of an undecided transaction, and moves on when that is settled', async () => {
    const engine = await leadingEngine();
    const { ledger, leader } = engine.replica;
    const at = ledger.appliedCsn;
    const { id: first } = await prepareBoth(engine);
    engine.log.applyAll();
    const { id: second } = await prepareBoth(engine);
    engine.log.applyAll();
    expect(leader?.watermark).toBe(at);
    for (const participant of ['east', 'west']) vote(engine, first, participant);
    expect(leader?.watermark).toBe(at + 1);
    await engine.coordinator.rollback(second, {}, CALLER);
    engine.log.applyAll();
    expect(leader?.watermark).toBe(ledger.appliedCsn);
  });

  it('S7: stays at the oldest leased snapshot until its release is applied', async () => {
    const engine = await leadingEngine();
    const { ledger, leader } = engine.replica;
    const oldest = await applied(engine, engine.coordinator.snapshots.lease(60_000));
    const other = await applied(engine, engine.coordinator.snapshots.lease(60_000));
    expect(leader?.watermark).toBe(oldest.csn);
    const released = settled(engine.coordinator.snapshots.release(oldest.id));
    await pass(0);
    expect(released).toEqual({});
    expect(leader?.watermark).toBe(oldest.csn);
    engine.log.applyAll();
    expect(leader?.watermark).toBe(other.csn);
    expect(ledger.appliedCsn).toBeGreaterThan(other.csn);
  });
});

describe('leased snapshots', () => {
  it('are answered once their entry is applied, with its CSN, and can be read and released', async () => {
    const engine = await leadingEngine();
    const { snapshots } = engine.coordinator;
    const pending = settled(snapshots.lease(1000));
    await pass(100);
    expect(pending).toEqual({});
    engine.log.applyAll();
    await pass(0);
    const lease = pending.value as { id: string; csn: number };
    expect(lease).toMatchObject({ csn: engine.replica.ledger.appliedCsn, ttlMs: 1000 });
    expect(await snapshots.read(lease.id)).toEqual(lease);
    await applied(engine, Promise.all([snapshots.release(lease.id), snapshots.release(lease.id)]));
    await expect(snapshots.read(lease.id)).rejects.toMatchObject({ code: 'snapshot-not-found' });
    await expect(snapshots.release(lease.id)).rejects.toMatchObject({ code: 'snapshot-not-found' });
  });

  it('D9: end by an entry that the leader proposes; a new leader counts the whole time anew', async () => {
    const engine = await leadingEngine();
    const { id } = await applied(engine, engine.coordinator.snapshots.lease(10_000));
    await pass(9_000);
    engine.log.lose();
    await pass(60_000); // nobody leads: nothing ends
    engine.log.lead(2);
    engine.log.applyAll();
    await pass(9_990);
    expect(engine.log.proposed).toEqual([]);
    await pass(20);
    expect(engine.log.proposed.filter(({ type }) => type !== 'prune')).toEqual([{ type: 'release', ids: [id] }]);
    expect(engine.replica.ledger.leases.has(id)).toBe(true);
    engine.log.applyAll();
    expect(engine.replica.ledger.leases.size).toBe(0);
  });

  it('send their callers elsewhere when leadership is lost before the entry is applied', async () => {
    const engine = await leadingEngine();
    const { id } = await applied(engine, engine.coordinator.snapshots.lease(10_000));
    const leasing = settled(engine.coordinator.snapshots.lease(10_000));
    const releasing = settled(engine.coordinator.snapshots.release(id));
    await pass(0);
    engine.log.lose();
    await pass(0);
    expect([leasing.code, releasing.code]).toEqual(['not-ready', 'not-ready']);
  });

  it('are bounded in number, those on their way included', async () => {
    const engine = await leadingEngine();
    const { snapshots } = engine.coordinator;
    const half = SNAPSHOT_LEASES_MAX / 2;
    await applied(engine, Promise.all(Array.from({ length: half }, () => snapshots.lease(60_000))));
    const more = Promise.all(Array.from({ length: half }, () => snapshots.lease(60_000)));
    await expect(snapshots.lease(60_000)).rejects.toMatchObject({ code: 'too-many-snapshots' });
    const leases = await applied(engine, more);
    await expect(snapshots.lease(60_000)).rejects.toMatchObject({ code: 'too-many-snapshots' });
    await applied(engine, snapshots.release(leases[0]?.id ?? ''));
    await applied(engine, snapshots.lease(60_000));
  });

  it('are in Postgres, and there again after a restart', async () => {
    const engine = await leadingEngine();
    const gone = await applied(engine, engine.coordinator.snapshots.lease(60_000));
    const kept = await applied(engine, engine.coordinator.snapshots.lease(60_000));
    await applied(engine, engine.coordinator.snapshots.release(gone.id));
    await applied(engine, engine.replica.persister.covers());
    const again = await startEngine({ store: engine.store, entries: engine.log.applied, term: 0 });
    expect([...again.replica.ledger.leases.values()]).toEqual([kept]);
  });
});

describe('X-Concordat-Min-Csn', () => {
  it('a transaction that begins behind it has a snapshot at or above it', async () => {
    const engine = await leadingEngine();
    await engine.coordinator.begin({}, CALLER);
    const csn = engine.replica.ledger.appliedCsn + 1;
    const begun = engine.coordinator.snapshots.reach(csn).then(() => engine.coordinator.begin({}, keyed('k')));
    engine.log.applyAll();
    expect((await begun).snapshot).toBeGreaterThanOrEqual(csn);
  });
});
