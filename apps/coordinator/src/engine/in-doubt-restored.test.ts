/** After a restore: what an operator can end that participants will never tell, and what contradicts it later. */
import type { BranchesReply, ReportedBranch } from '@concordat/protocol';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { done, type Engine, GATHERED_MS, heartbeatOf, pass, settled, vote } from '../../test/engine.js';
import { NEW, old, restored, undecided } from '../../test/restored-engine.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

async function answer(engine: Engine, participant: string, sequence: number, state: ReportedBranch['state']) {
  const reply: BranchesReply = {
    v: 1,
    type: 'branches',
    scope: 'after',
    transactionId: '1-1-1',
    incarnation: NEW,
    complete: true,
    horizon: null,
    participant,
    branches: [{ transactionId: old(sequence), state, csn: state === 'committed' ? 77 : null }],
  };
  engine.coordinator.onBranches(reply);
  await apply(engine);
}

async function apply(engine: Engine): Promise<void> {
  await pass(GATHERED_MS);
  engine.log.applyAll();
  await pass(GATHERED_MS);
}

async function resolve(engine: Engine, outcome: 'committed' | 'aborted') {
  const request = { outcome, reason: 'west burnt down' };
  const resolved = settled(engine.coordinator.operators.resolve(old(1), request, { caller: 'ada' }));
  await pass(0);
  engine.log.applyAll();
  await pass(0);
  return resolved;
}

const listed = async (engine: Engine) => {
  const { items } = await engine.coordinator.operators.inDoubt({ minAgeMs: 0, limit: 10 });
  return items.map(({ id, cause, branches }) => [
    id,
    cause,
    ...branches.map((one) => `${one.participant} ${one.status}`),
  ]);
};

const told = (engine: Engine) =>
  engine.messenger.sent
    .splice(0)
    .flatMap(({ type, participant }) => (type === 'report' ? [] : `${type} ${participant}`));

describe('a restored cluster', () => {
  it('lists what the backup left open, and what only a participant tells, with who has not spoken', async () => {
    const engine = await restored(undecided(1));
    await answer(engine, 'east', 2, 'prepared');
    expect(await listed(engine)).toEqual([
      [old(1), 'reconciling', 'east unknown', 'west unknown'],
      [old(2), 'reconciling', 'east prepared'],
    ]);
    const { items } = await engine.coordinator.operators.inDoubt({ minAgeMs: 0, limit: 1 });
    expect(items[0]?.branches.map(({ error }) => error)).toEqual([null, 'has not told everything yet']);
  });

  it('D3: commits nothing by an operator’s word, whatever has been heard', async () => {
    const engine = await restored(undecided(1));
    await answer(engine, 'east', 1, 'prepared');
    expect(await resolve(engine, 'committed')).toMatchObject({ code: 'resolve-refused' });
  });

  it('aborts what its participants will never tell; who holds it is told, who is silent shows until it is given up', async () => {
    const engine = await restored(undecided(1));
    await answer(engine, 'east', 1, 'prepared');
    told(engine);
    expect((await resolve(engine, 'aborted')).value).toMatchObject({
      outcome: 'aborted',
      reason: { code: 'resolved-by-operator', message: 'ada: west burnt down' },
    });
    expect(told(engine)).toEqual(['rollback east', 'rollback west']);
    done(engine, old(1), 'east', 'rolled-back');
    expect(await listed(engine)).toEqual([[old(1), 'finalising', 'west prepared']]);
    engine.coordinator.onHeartbeat(heartbeatOf('west', { stopping: true }));
    expect((await resolve(engine, 'aborted')).value).toMatchObject({ status: 'completed' });
    expect(engine.replica.isReconciling).toBe(true); // of others nothing is presumed
    vote(engine, old(1), 'west'); // it is there again
    await pass(0);
    expect(told(engine)).toEqual(['rollback west']);
  });

  it('aborts what the backup does not know', async () => {
    const engine = await restored();
    await answer(engine, 'east', 1, 'prepared');
    told(engine);
    expect((await resolve(engine, 'aborted')).value).toMatchObject({ outcome: 'aborted' });
    expect(told(engine)).toEqual(['rollback east']);
  });

  it('raises a hazard, and keeps it, when a participant has committed what an operator aborted', async () => {
    const engine = await restored(undecided(1));
    await answer(engine, 'east', 1, 'prepared');
    await resolve(engine, 'aborted');
    await answer(engine, 'west', 1, 'committed');
    expect(await listed(engine)).toEqual([[old(1), 'hazard', 'west hazard']]);
    done(engine, old(1), 'east', 'rolled-back');
    done(engine, old(1), 'west', 'hazard'); // its answer to the ROLLBACK
    await apply(engine);
    expect(await engine.coordinator.get(old(1), {}, { caller: 'shop' })).toMatchObject({
      status: 'completed',
      outcome: 'aborted',
      branches: [{ status: 'rolled-back' }, { status: 'hazard' }],
    });
    expect(await listed(engine)).toEqual([[old(1), 'hazard', 'west hazard']]);
  });

  it('raises a hazard for one that rolled back what another has committed', async () => {
    const engine = await restored(undecided(1));
    await answer(engine, 'east', 1, 'aborted');
    await answer(engine, 'west', 1, 'committed');
    expect(await listed(engine)).toEqual([[old(1), 'hazard', 'east hazard']]);
    expect(engine.metrics.counts.get('hazard east')).toBe(1);
    expect(await resolve(engine, 'aborted')).toMatchObject({ code: 'resolve-refused' });
    expect((await resolve(engine, 'committed')).value).toMatchObject({ outcome: 'committed' });
    expect(await listed(engine)).toEqual([]);
  });
});
