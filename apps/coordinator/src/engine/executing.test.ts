/** Operations that run at once: their way to the participant and back, and that no call hangs. */
import type { Executed } from '@concordat/protocol';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { CALLER, done, type Engine, heartbeatOf, leadingEngine, pass, settled, vote } from '../../test/engine.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const branch = (participant: string, operation = 'debit') => ({ participant, operation, input: { n: 1 } });

/** Bank and fund are global, east and west local. A transaction has begun. */
async function begun(): Promise<{ engine: Engine; id: string; execute: (name: string) => ReturnType<typeof settled> }> {
  const engine = await leadingEngine();
  for (const name of ['bank', 'fund']) engine.coordinator.onHeartbeat(heartbeatOf(name, { isolation: 'global' }));
  engine.log.applyAll();
  const { id } = await engine.coordinator.begin({}, CALLER);
  return { engine, id, execute: (name) => settled(engine.coordinator.execute(id, branch(name))) };
}

function executed(engine: Engine, transactionId: string, participant: string, over: Partial<Executed>): void {
  const fixed = { v: 1, type: 'executed', nonce: 'n', result: null, reason: null, number: 1, branchId: '1' } as const;
  engine.coordinator.onExecuted({ ...fixed, transactionId, participant, ...over });
}

const refusal = { code: 'insufficient-funds', message: 'Too little.', retryable: false };

describe('an operation that runs at once', () => {
  it('is sent at the snapshot of the transaction, and answered with its result', async () => {
    const { engine, id, execute } = await begun();
    const call = execute('bank');
    await pass(0);
    const { snapshot } = await engine.coordinator.get(id, {});
    expect(engine.messenger.sent).toMatchObject([
      {
        type: 'execute',
        snapshot,
        number: 1,
        nonce: null,
        call: { branchId: '1', operation: 'debit', input: { n: 1 } },
      },
    ]);
    expect(call).toEqual({});
    executed(engine, id, 'bank', { result: { balance: 5 } });
    await pass(0);
    expect(call.value).toMatchObject({ id: '1', status: 'enlisted', result: { balance: 5 } });
  });

  it('waits its turn; the prepare names the session and carries only what was not executed', async () => {
    const { engine, id, execute } = await begun();
    const calls = [execute('bank'), execute('bank')];
    await engine.coordinator.enlist(id, branch('bank'));
    await pass(0);
    expect(engine.messenger.take()).toEqual(['execute bank']);
    const refused = settled(engine.coordinator.commit(id, {}, CALLER));
    await pass(0);
    expect(refused.code).toBe('operation-running');
    executed(engine, id, 'bank', {});
    expect(engine.messenger.sent).toMatchObject([{ type: 'execute', number: 2, nonce: 'n', call: { branchId: '2' } }]);
    executed(engine, id, 'bank', { number: 2, branchId: '2', result: 2 });
    await pass(0);
    expect(calls[1]?.value).toMatchObject({ id: '2', result: 2 });
    engine.messenger.take();
    void engine.coordinator.commit(id, {}, CALLER);
    await pass(0);
    expect(engine.messenger.sent).toMatchObject([
      { type: 'prepare', session: { nonce: 'n', executed: 2 }, operations: [{ branchId: '3' }] },
    ]);
  });

  it('is refused when one command cannot carry it; each has a command of its own', async () => {
    const { engine, id, execute } = await begun();
    const large = { ...branch('bank'), input: { text: 'x'.repeat(800_000) } };
    await expect(engine.coordinator.execute(id, large)).rejects.toMatchObject({ code: 'body-too-large' });
    const call = execute('bank');
    await pass(0);
    executed(engine, id, 'bank', {});
    await pass(0);
    expect(call.value).toMatchObject({ id: '1', status: 'enlisted' });
  });

  it('is for participants with global isolation, and for transactions that have a snapshot', async () => {
    const { engine, id, execute } = await begun();
    const call = execute('east');
    await pass(0);
    expect(call.code).toBe('isolation-mismatch');
    expect((await engine.coordinator.get(id, {})).branches).toEqual([]);
    await expect(engine.coordinator.execute('a-1-1', branch('bank'))).rejects.toMatchObject({
      code: 'transaction-not-found',
    });
    engine.messenger.available = false;
    await expect(engine.coordinator.execute(id, branch('bank'))).rejects.toMatchObject({ code: 'kafka-unavailable' });
  });

  it('that is refused aborts the transaction: every call of it says so, with the reason', async () => {
    const { engine, id, execute } = await begun();
    const calls = [execute('bank'), execute('bank'), execute('fund')];
    await pass(0);
    executed(engine, id, 'bank', { reason: refusal });
    await pass(0);
    for (const call of calls) {
      expect(call).toMatchObject({
        code: 'transaction-aborted',
        error: {
          retryable: false,
          details: { reason: { code: 'insufficient-funds', participant: 'bank', branchId: '1' } },
        },
      });
    }
    expect(engine.messenger.take()).toEqual(['execute bank', 'execute fund', 'rollback fund']);
  });

  it('is sent again until it is answered, at once when the participant comes back', async () => {
    const { engine, id, execute } = await begun();
    execute('bank');
    await pass(600);
    expect(engine.messenger.take()).toEqual(['execute bank', 'execute bank']);
    engine.coordinator.onHeartbeat(heartbeatOf('bank', { isolation: 'global', instance: 'bank-2' }));
    expect(engine.messenger.take()).toEqual(['execute bank']);
    executed(engine, id, 'bank', {});
    executed(engine, id, 'bank', {}); // a repetition
    await pass(10_000);
    expect(engine.messenger.take()).toEqual([]);
    expect(engine.metrics.counts.get('resent execute')).toBe(2);
    executed(engine, 'a-1-1', 'bank', {});
    expect(engine.metrics.counts.get('stray executed')).toBe(1);
  });

  it('counts as lag of its participant until it is answered', async () => {
    const { engine, id, execute } = await begun();
    execute('bank');
    await pass(0);
    expect(engine.replica.leader?.lagOf('bank')).toBe(1);
    executed(engine, id, 'bank', {});
    expect(engine.replica.leader?.lagOf('bank')).toBe(0);
  });

  it('tells who watches the transaction', async () => {
    const { engine, id, execute } = await begun();
    const seen: unknown[] = [];
    await engine.coordinator.watch(id, ({ branches }) => void seen.push(branches[0]?.result));
    execute('bank');
    await pass(0);
    executed(engine, id, 'bank', { result: 7 });
    expect(seen.at(-1)).toBe(7);
  });
});

describe('a call whose operation runs gets its true outcome', () => {
  it.each<[string, (engine: Engine, id: string) => Promise<unknown> | unknown, string]>([
    ['the deadline', () => pass(31_000), 'deadline-exceeded'],
    ['a rollback', (engine, id) => engine.coordinator.rollback(id, {}, CALLER), 'rolled-back'],
    [
      'a refusal elsewhere',
      (engine, id) => executed(engine, id, 'fund', { branchId: '2', reason: refusal }),
      refusal.code,
    ],
    [
      'a graceful stop',
      async (engine) => {
        void engine.coordinator.stop(1000);
        await pass(2000);
      },
      'coordinator-stopping',
    ],
    [
      'a change of leaders',
      (engine) => {
        engine.log.lose();
        engine.log.lead(2);
        engine.log.applyAll();
      },
      'leader-changed',
    ],
    [
      'a change of leaders that loses the BEGIN',
      (engine) => {
        engine.log.lose(0);
        engine.log.lead(2);
        engine.log.applyAll();
      },
      'leader-changed',
    ],
  ])('when %s comes first', async (_, happen, code) => {
    const { engine, id, execute } = await begun();
    if (code === 'leader-changed' && !_.includes('loses')) engine.log.applyAll();
    const calls = [execute('bank'), execute('fund')];
    await pass(0);
    await happen(engine, id);
    await pass(0);
    for (const call of calls) {
      expect(call).toMatchObject({ code: 'transaction-aborted', error: { details: { reason: { code } } } });
    }
  });

  it('D7: the abort is complete once every session has ended', async () => {
    const { engine, id, execute } = await begun();
    execute('bank');
    await pass(0);
    await engine.coordinator.rollback(id, {}, CALLER);
    engine.log.applyAll();
    expect(engine.messenger.take()).toEqual(['execute bank', 'rollback bank']);
    expect(engine.replica.ledger.live.get(id)?.status).toBe('aborted');
    done(engine, id, 'bank', 'rolled-back');
    await pass(100);
    engine.log.applyAll();
    expect(engine.replica.ledger.live.has(id)).toBe(false);
  });

  it('commits with what it executed, and nothing twice', async () => {
    const { engine, id, execute } = await begun();
    execute('bank');
    await pass(0);
    executed(engine, id, 'bank', { result: 1 });
    const commit = settled(engine.coordinator.commit(id, {}, CALLER));
    await pass(0);
    vote(engine, id, 'bank', { results: [] });
    engine.log.applyAll();
    await pass(0);
    expect(commit.value).toMatchObject({ outcome: 'committed', branches: [{ status: 'prepared', result: 1 }] });
  });
});
