/** After a restore: what the leader asks, what it decides, what prepared branches are told meanwhile. */
import type { BranchesReply, ReportedBranch } from '@concordat/protocol';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { done, type Engine, heartbeatOf, pass, vote } from '../../test/engine.js';
import { NEW, old, restored, undecided } from '../../test/restored-engine.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const LOWEST = '1-1-1';

function answer(
  engine: Engine,
  participant: string,
  states: [number, ReportedBranch['state']][],
  more: Partial<BranchesReply> = {},
) {
  const branches = states.map(([sequence, state]) => ({ transactionId: old(sequence), state, csn: null }));
  const fixed = {
    v: 1,
    type: 'branches',
    incarnation: NEW,
    scope: 'after',
    transactionId: LOWEST,
    complete: true,
    horizon: null,
  } as const;
  engine.coordinator.onBranches({ ...fixed, participant, branches, ...more });
}

/** Lets the reconciler look up what is known, propose, and take up what was applied. */
async function settle(engine: Engine): Promise<void> {
  await pass(0);
  engine.log.applyAll();
  await pass(0);
}

/** Both have nothing more to tell, and nobody new came. */
async function finish(engine: Engine): Promise<void> {
  await pass(6000);
  engine.log.applyAll();
}

const told = (engine: Engine) =>
  engine.messenger.sent
    .splice(0)
    .filter(({ type }) => type !== 'report')
    .map(({ type, participant, transactionId }) => `${type} ${participant} ${transactionId}`);

describe('a restored leader', () => {
  it('asks every participant for its branches, and again until it is answered', async () => {
    const engine = await restored();
    const asked = () => engine.messenger.take();
    expect(asked()).toEqual(['report east', 'report west']);
    answer(engine, 'east', []);
    await pass(500);
    expect(asked()).toEqual(['report west']);
  });

  it('asks for the next page behind the last id it was told', async () => {
    const engine = await restored();
    engine.messenger.sent.length = 0;
    answer(engine, 'east', [[4, 'aborted']], { complete: false });
    expect(engine.messenger.sent).toMatchObject([
      { type: 'report', participant: 'east', scope: 'after', transactionId: old(4), incarnation: NEW },
    ]);
  });

  it('commits again what one participant has committed, and tells those that are prepared', async () => {
    const engine = await restored(undecided(1));
    answer(engine, 'west', [[1, 'prepared']]);
    answer(engine, 'east', [[1, 'committed']]);
    await settle(engine);
    expect(told(engine)).toEqual([`commit west ${old(1)}`]);
    done(engine, old(1), 'west');
    await pass(1000);
    engine.log.applyAll();
    const record = await engine.coordinator.get(old(1), {});
    expect(record).toMatchObject({
      status: 'completed',
      outcome: 'committed',
      label: 'before the backup',
      reason: { code: 'restored' },
    });
    expect(record.branches.map(({ status }) => status)).toEqual(['committed', 'committed']);
  });

  it('gives a prepared branch no answer while its outcome is in doubt', async () => {
    const engine = await restored(undecided(1));
    answer(engine, 'east', [
      [1, 'prepared'],
      [2, 'prepared'],
    ]);
    for (const sequence of [1, 2]) vote(engine, old(sequence), 'east');
    await settle(engine);
    await pass(60_000);
    expect(told(engine)).toEqual([]);
    expect(engine.logger.lines).toContain(
      'warn reconciliation waits for participants; what they may hold stays in doubt',
    );
    await expect(engine.coordinator.get(old(2), {})).rejects.toMatchObject({ code: 'outcome-unknown' });
    await expect(engine.coordinator.commit(old(1), {}, { caller: 'shop' })).rejects.toMatchObject({
      code: 'outcome-unknown',
    });
  });

  it('rolls back only what every participant was heard about, and the prepared one twice', async () => {
    const engine = await restored(undecided(1));
    answer(engine, 'east', [[1, 'prepared']]);
    answer(engine, 'west', []);
    await settle(engine);
    expect(told(engine)).toEqual([]);
    answer(engine, 'east', [[1, 'prepared']], { scope: 'one', transactionId: old(1) });
    await settle(engine);
    expect(told(engine)).toEqual([`rollback east ${old(1)}`]);
  });

  it('lets a participant that is heard later commit what others had committed', async () => {
    const engine = await restored();
    answer(engine, 'east', [[3, 'committed']]);
    await settle(engine);
    expect(told(engine)).toEqual([]);
    vote(engine, old(3), 'west');
    await settle(engine);
    expect(told(engine)).toEqual([`commit west ${old(3)}`]);
    const record = await engine.coordinator.get(old(3), {});
    expect(record.branches.map(({ participant, status }) => `${participant} ${status}`)).toEqual([
      'east committed',
      'west prepared',
    ]);
  });

  it('presumes again once everybody was heard and everything is settled', async () => {
    const engine = await restored();
    answer(engine, 'east', []);
    answer(engine, 'west', []);
    vote(engine, old(9), 'east');
    await settle(engine);
    expect(told(engine)).toEqual([]);
    await finish(engine);
    expect(engine.replica.ledger.reconciliation).toBe('done');
    vote(engine, old(9), 'east');
    await settle(engine);
    expect(told(engine)).toEqual([`rollback east ${old(9)}`]);
    await expect(engine.coordinator.get(old(9), {})).rejects.toMatchObject({ code: 'transaction-gone' });
    await pass(1000);
    expect(engine.store.batches.some(({ reconciled }) => reconciled)).toBe(true);
  });

  it('waits for a participant that registered after the backup was taken', async () => {
    const engine = await restored();
    answer(engine, 'east', []);
    answer(engine, 'west', []);
    await pass(2000);
    engine.coordinator.onHeartbeat(heartbeatOf('north'));
    engine.log.applyAll();
    await finish(engine);
    expect(engine.replica.ledger.reconciliation).toBe('pending');
    answer(engine, 'north', []);
    await finish(engine);
    expect(engine.replica.ledger.reconciliation).toBe('done');
  });

  it('lets no participant forget a branch before that', async () => {
    const engine = await restored();
    const horizonOf = async () => {
      const { id } = await engine.coordinator.begin(
        { branches: [{ participant: 'east', operation: 'debit', input: {} }] },
        { caller: 'shop' },
      );
      void engine.coordinator.rollback(id, {}, { caller: 'shop' }).catch(() => undefined);
      void engine.coordinator.begin(
        { branches: [{ participant: 'east', operation: 'debit', input: {} }], commit: true },
        { caller: 'shop' },
      );
      await pass(0);
      return engine.messenger.sent.findLast(({ type }) => type === 'prepare')?.horizon;
    };
    expect(await horizonOf()).toBe(LOWEST);
    answer(engine, 'east', []);
    answer(engine, 'west', []);
    await finish(engine);
    expect(await horizonOf()).not.toBe(LOWEST);
  });

  it('keeps what was decided before the backup, and hides no participant that contradicts it', async () => {
    const decided = undecided(1, {
      status: 'completed',
      outcome: 'aborted',
      decidedIndex: -5,
      decidedAt: 1,
      completedAt: 1,
    });
    const engine = await restored(decided);
    answer(engine, 'east', [[1, 'committed']]);
    await settle(engine);
    expect((await engine.coordinator.get(old(1), {})).outcome).toBe('aborted');
    expect(engine.metrics.counts.get('hazard east')).toBe(1);
  });

  it('asks everything anew when leadership changes, and stops asking when it is deposed', async () => {
    const engine = await restored(undecided(1));
    answer(engine, 'east', [[1, 'prepared']]);
    engine.log.lose();
    engine.messenger.take();
    await pass(5000);
    expect(engine.messenger.take()).toEqual([]);
    engine.log.lead(9);
    engine.log.applyAll();
    expect(engine.messenger.take()).toEqual(['report east', 'report west']);
    expect(engine.replica.ledger.live.get(old(1))?.outcome).toBeNull();
  });
});
