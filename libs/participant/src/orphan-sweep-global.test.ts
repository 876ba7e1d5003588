import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { GlobalTest } from '../test/global-test.js';
import { INTENTS_LOOKED_AT_EVERY_SWEEPS } from './orphan-sweep.js';

let test: GlobalTest;
beforeAll(async () => {
  test = await GlobalTest.start();
});
afterEach(() => test.stopAll());
afterAll(() => test.close());

/** A participant with a prepared branch whose row somebody has deleted. */
async function withLostRow(key: string) {
  const participant = await test.participant();
  const id = test.commands.id();
  await participant.prepare(test.prepare(id, [['count', key]]));
  test.coordinator.outcomes.set(id, { status: 'undecided' });
  await test.database.query(`DELETE FROM concordat_branch WHERE transaction_id = '${id}'`);
  await test.stop(participant);
  return id;
}

describe('the sweep of intents without a branch', () => {
  it('makes the branch anew at the start, so that it asks and hears COMMIT', async () => {
    const id = await withLostRow('a');
    const participant = await test.participant();
    expect(participant.parts.prepared.get(id)).toBeDefined();
    participant.parts.repeater.turn(Date.now() + 3_600_000);
    expect(participant.votes(id)).toMatchObject([{ vote: 'prepared', results: null }]);
    expect(await participant.decide(test.decide(id))).toMatchObject({ outcome: 'committed' });
    expect((await test.run(participant, ['look', 'a'])).results).toMatchObject([{ result: { n: 1 } }]);
  });

  it('makes it anew later on too, so that ROLLBACK takes the intents out of the way of others', async () => {
    const participant = await test.participant();
    const id = test.commands.id();
    await participant.prepare(test.prepare(id, [['count', 'b']]));
    test.coordinator.outcomes.set(id, { status: 'unknown' });
    await test.database.query(`DELETE FROM concordat_branch WHERE transaction_id = '${id}'`);
    expect(await test.run(participant, ['count', 'b'])).toMatchObject({ vote: 'refused' });
    for (let n = 0; n < INTENTS_LOOKED_AT_EVERY_SWEEPS; n += 1) await participant.parts.sweep.sweep();
    expect(participant.parts.prepared.get(id)).toBeDefined();
    expect(
      (await participant.metrics.registry.metrics()).match(/^concordat_participant_lost_branches_total.* 1$/m),
    ).not.toBeNull();
    expect(await participant.decide(test.commands.rollback(id))).toMatchObject({ outcome: 'rolled-back' });
    expect(await test.run(participant, ['count', 'b'])).toMatchObject({ vote: 'prepared' });
  });

  it('leaves alone what has its branch, prepared or decided, and what others keep', async () => {
    const participant = await test.participant();
    const id = test.commands.id();
    await participant.prepare(test.prepare(id, [['count', 'c']]));
    await test.run(participant, ['count', 'd']);
    const rows = () => test.database.query('SELECT transaction_id, state FROM concordat_branch ORDER BY 1');
    const before = await rows();
    for (let n = 0; n < INTENTS_LOOKED_AT_EVERY_SWEEPS; n += 1) await participant.parts.sweep.sweep();
    expect(await rows()).toEqual(before);
    expect(participant.parts.prepared.size).toBe(1);
    await participant.decide(test.commands.rollback(id));
  });
});
