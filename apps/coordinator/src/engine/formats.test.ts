/** New kinds of entries are proposed only once every member supports them (design §2). */
import { ENTRY_FORMATS, type Entry, FORMAT_VERSION, type MemberRecord } from '@concordat/transaction';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type Engine, leadingEngine, pass, settled } from '../../test/engine.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const member = (nodeId: number, over: Partial<MemberRecord> = {}): MemberRecord => ({
  raftId: nodeId,
  nodeId,
  address: `replica-${nodeId}:9000`,
  url: `http://replica-${nodeId}:8080`,
  removed: false,
  formatVersion: FORMAT_VERSION,
  ...over,
});

function record(engine: Engine, ...members: readonly MemberRecord[]): void {
  for (const one of members) engine.log.receive(1, { type: 'member', member: one });
}

const { formatVersion: _, ...silent } = member(2);

/** Leases a snapshot whose entry is applied at once. */
async function leased(engine: Engine, ttlMs = 60_000): Promise<string> {
  const leasing = engine.coordinator.snapshots.lease(ttlMs);
  await pass(0);
  engine.log.applyAll();
  return (await leasing).id;
}

const kinds = Object.keys(ENTRY_FORMATS) as Entry['type'][];

describe('while a member is of an earlier version', () => {
  it.each(kinds)('an entry of kind %s reaches the log only if that member understands it', async (type) => {
    const engine = await leadingEngine();
    record(engine, member(1), silent);
    const understood = ENTRY_FORMATS[type] === 1;
    expect(engine.replica.propose({ type } as Entry)).toBe(understood);
    expect(engine.log.proposed).toEqual(understood ? [{ type }] : []);
    engine.log.pending = [];
    record(engine, member(2));
    expect(engine.replica.propose({ type } as Entry)).toBe(true);
    expect(engine.log.proposed).toEqual([{ type }]);
  });

  it('a lease is refused with the members that must be upgraded, and nothing is proposed', async () => {
    const engine = await leadingEngine();
    record(engine, member(1), silent, { ...silent, raftId: 3, nodeId: 3, address: 'replica-3:9000' });
    const refused = settled(engine.coordinator.snapshots.lease(1000));
    await pass(0);
    expect(refused.error).toMatchObject({ code: 'snapshot-unavailable', retryable: true });
    expect(refused.error).toHaveProperty('message', expect.stringContaining('replica-2:9000, replica-3:9000'));
    expect(refused.error).toHaveProperty('message', expect.not.stringContaining('replica-1'));
    expect(engine.log.proposed).toEqual([]);
  });

  it('leases are given out again once the last one has announced itself anew', async () => {
    const engine = await leadingEngine();
    record(engine, member(1), silent, { ...silent, raftId: 3 }, member(2));
    await expect(engine.coordinator.snapshots.lease(1000)).rejects.toMatchObject({ code: 'snapshot-unavailable' });
    record(engine, member(3));
    await leased(engine);
  });

  it('leases are given out again once the last one was removed', async () => {
    const engine = await leadingEngine();
    record(engine, member(1), silent, member(3), { ...silent, removed: true });
    await leased(engine);
  });

  it('a lease whose time is over ends when all members understand its end', async () => {
    const engine = await leadingEngine();
    record(engine, member(1), member(2));
    const id = await leased(engine, 1_000);
    record(engine, silent);
    await expect(engine.coordinator.snapshots.release(id)).rejects.toMatchObject({ code: 'snapshot-unavailable' });
    await pass(5_000);
    expect(engine.log.proposed).not.toContainEqual(expect.objectContaining({ type: 'release' }));
    record(engine, member(2));
    await pass(1_000);
    engine.log.applyAll();
    expect(engine.replica.ledger.leases.size).toBe(0);
  });
});

describe('a replica that is alone', () => {
  it('needs nobody else, whatever an earlier version has recorded of it', async () => {
    const engine = await leadingEngine();
    await leased(engine);
    record(engine, silent, { ...silent, raftId: 3, removed: true });
    await leased(engine);
  });
});
