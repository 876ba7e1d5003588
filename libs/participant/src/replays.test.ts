/** Genuine commands that somebody who can write to the topic sends again: docs/security-kafka.md says why each is harmless. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../test/test-database.js';
import { TestCoordinator, TestParticipant } from '../test/test-participant.js';

const incarnation = Date.now();
let database: TestDatabase;
let participant: TestParticipant;
const coordinator = new TestCoordinator('accounts', incarnation);

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  participant = await TestParticipant.start({ url: database.url });
});
afterEach(() => participant.stop());

/** Everything that can be seen of the participant's data. */
const state = async () => ({
  items: await database.query('SELECT id, n FROM item ORDER BY id'),
  prepared: await database.query('SELECT gid FROM pg_prepared_xacts WHERE database = current_database()'),
});

/** Begins, decides, and gives what was sent, as a stranger would have recorded it. */
async function finished(item: string, outcome: 'commit' | 'rollback') {
  const id = coordinator.id();
  const recorded = [coordinator.prepare(id, [['put', item]]), coordinator[outcome](id)] as const;
  await participant.prepare(recorded[0]);
  await participant.decide(recorded[1]);
  return { id, recorded };
}

describe.each(['commit', 'rollback'] as const)(
  'what was recorded of a transaction that ended in %s, sent again',
  (outcome) => {
    it('changes nothing while its row is there, in any order', async () => {
      const { id, recorded } = await finished(`again-${outcome}`, outcome);
      const before = await state();
      for (const command of [...recorded, ...recorded.toReversed(), ...recorded]) await participant.deliver(command);
      await participant.idle();
      expect(await state()).toEqual(before);
      const ends = new Set(participant.dones(id).map((done) => done.outcome));
      expect([...ends]).toEqual([outcome === 'commit' ? 'committed' : 'rolled-back']);
    });

    it('changes nothing when it is forgotten and its row is gone (S8), also after a restart', async () => {
      const { id, recorded } = await finished(`gone-${outcome}`, outcome);
      const next = coordinator.id();
      await participant.decide(coordinator.rollback(next, { horizon: next })); // brings the horizon
      await participant.parts.garbage.collect();
      expect(await database.query('SELECT 1 FROM concordat_branch WHERE transaction_id = $1', [id])).toEqual([]);
      const before = await state();
      await participant.stop();
      participant = await TestParticipant.start({ url: database.url });
      for (const command of recorded) await participant.deliver(command);
      await participant.idle();
      expect(await state()).toEqual(before);
      expect(participant.votes(id)).toMatchObject([{ vote: 'refused', reason: { code: 'below-horizon' } }]);
      expect(participant.dones(id)).toHaveLength(1);
      expect(participant.dones(id)[0]?.outcome).not.toBe('hazard');
    });
  },
);

describe('what was recorded of an earlier incarnation, sent again', () => {
  it('begins nothing once the participant has seen a later one (D1), also after a restart', async () => {
    const earlier = coordinator.id();
    const prepare = coordinator.prepare(earlier, [['put', 'earlier']]);
    const restored = new TestCoordinator('accounts', incarnation + 1);
    const id = restored.id();
    await participant.prepare(restored.prepare(id, [['put', 'later']]));
    await participant.decide(restored.commit(id));
    const before = await state();
    for (let round = 0; round < 2; round += 1) {
      await participant.deliver(prepare);
      await participant.idle();
      expect(participant.votes(earlier)).toMatchObject([{ vote: 'refused', reason: { code: 'stale-incarnation' } }]);
      expect(await state()).toEqual(before);
      await participant.stop();
      participant = await TestParticipant.start({ url: database.url });
    }
  });
});

describe('an old horizon or watermark, sent again', () => {
  it('takes nothing back', async () => {
    const first = coordinator.id();
    const old = coordinator.rollback(first);
    const next = coordinator.id();
    await participant.decide(coordinator.rollback(next, { horizon: next }));
    await participant.deliver(old);
    expect(participant.parts.state.isBelowHorizon(first)).toBe(true);
  });
});
