import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { count, GlobalTest, Thing } from '../../test/global-test.js';
import { type Handler, until } from '../../test/test-participant.js';

let test: GlobalTest;
beforeAll(async () => {
  test = await GlobalTest.start();
});
afterEach(() => test.stopAll());
afterAll(() => test.close());

const resultsOf = ({ results }: { results: readonly { result: unknown }[] | null }) =>
  results?.map(({ result }) => result);

describe('a branch with global isolation', () => {
  it('runs at the snapshot, sees its own writes, and is visible from its commit on', async () => {
    const participant = await test.participant();
    const id = test.commands.id();
    const snapshot = test.coordinator.appliedCsn;
    const vote = await participant.prepare(test.prepare(id, [['count', 'a'], ['count', 'a'], ['look', 'a']])); // biome-ignore format: one line
    expect(vote.vote).toBe('prepared');
    expect(resultsOf(vote)).toEqual([{ n: 1 }, { n: 2 }, { n: 2, snapshot }]);
    const commit = test.decide(id);
    expect(await participant.decide(commit)).toMatchObject({ outcome: 'committed' });
    const after = await participant.prepare(test.prepare(test.commands.id(), [['look', 'a']]));
    expect(after).toMatchObject({ vote: 'read-only', results: [{ result: { n: 2, snapshot: commit.csn } }] });
    const before = await participant.prepare(test.prepare(test.commands.id(), [['look', 'a']], { snapshot }));
    expect(resultsOf(before)).toEqual([{ n: null, snapshot }]);
  });

  it('is seen by a reader as soon as it is decided, finalised or not, and never waited for', async () => {
    const participant = await test.participant();
    await test.run(participant, ['count', 'b']);
    const id = test.commands.id();
    await participant.prepare(test.prepare(id, [['count', 'b']]));
    test.coordinator.outcomes.set(id, { status: 'undecided' });
    const look = async () => resultsOf(await test.run(participant, ['look', 'b']))?.[0];
    expect(await look()).toMatchObject({ n: 1 });
    test.decide(id);
    expect(await look()).toMatchObject({ n: 2 });
  });

  it('loses against whoever committed first', async () => {
    const participant = await test.participant();
    const id = test.commands.id();
    const late = test.prepare(id, [['count', 'c']]);
    await test.run(participant, ['count', 'c']);
    expect(await participant.prepare(late)).toMatchObject({
      vote: 'refused',
      reason: { code: 'serialization-failure', retryable: true },
    });
  });

  it('gives way to an undecided one, and finalises a decided one that is in its way', async () => {
    const participant = await test.participant();
    await test.run(participant, ['count', 'd']);
    const first = test.commands.id();
    await participant.prepare(test.prepare(first, [['count', 'd']]));
    for (const status of ['undecided', 'unknown'] as const) {
      test.coordinator.outcomes.set(first, { status });
      const vote = await test.run(participant, ['count', 'd']);
      expect(vote.reason).toMatchObject({ code: 'serialization-failure', retryable: true });
    }
    const commit = test.decide(first);
    expect(resultsOf(await test.run(participant, ['count', 'd']))).toEqual([{ n: 3 }]);
    expect(await participant.decide(commit)).toMatchObject({ outcome: 'committed' });

    const second = test.commands.id();
    await participant.prepare(test.prepare(second, [['count', 'd']]));
    test.coordinator.outcomes.set(second, { status: 'aborted' });
    expect(resultsOf(await test.run(participant, ['count', 'd']))).toEqual([{ n: 4 }]);
    expect(await participant.decide(test.commands.rollback(second))).toMatchObject({ outcome: 'rolled-back' });
  });

  it('S2: works at no snapshot of the future', async () => {
    const participant = await test.participant();
    const command = test.prepare(test.commands.id(), [['look', 'a']], { snapshot: test.coordinator.appliedCsn + 1 });
    expect((await participant.prepare(command)).reason).toMatchObject({ code: 'snapshot-in-future', retryable: true });
    expect((await participant.prepare(test.prepare(test.commands.id(), [['look', 'a']]))).vote).toBe('read-only');
  });

  it('S2: shows nobody outside of transactions a snapshot of the future either', async () => {
    const participant = await test.participant();
    const { appliedCsn } = test.coordinator;
    expect((await participant.parts.global?.readerAt(appliedCsn))?.snapshot).toBe(appliedCsn);
    const future = participant.parts.global?.readerAt(appliedCsn + 1);
    await expect(future).rejects.toMatchObject({ code: 'snapshot-unavailable' });
  });

  it('keeps unique values apart, and lets them be taken again', async () => {
    const name: Handler = async ({ id }, { store }) => {
      await store.put(Thing, { id, n: 0, colour: null, code: 'same' });
      return null;
    };
    const remove: Handler = async ({ id }, { store }) => store.delete(Thing, { id });
    const participant = await test.participant({ operations: { name, remove } });
    expect((await test.run(participant, ['name', 'u1'])).vote).toBe('prepared');
    expect((await test.run(participant, ['name', 'u2'])).reason?.code).toBe('unique-violation');
    const racers = [test.commands.id(), test.commands.id()];
    await test.run(participant, ['remove', 'u1']);
    const commands = racers.map((id, index) => test.prepare(id, [['name', `u${index + 3}`]]));
    const votes = [];
    for (const command of commands) votes.push((await participant.prepare(command)).vote);
    expect(votes).toEqual(['prepared', 'refused']);
  });

  it('collects what no snapshot needs, one run after it was heard of', async () => {
    const participant = await test.participant();
    for (let turn = 0; turn < 3; turn += 1) await test.run(participant, ['count', 'g']);
    const versions = async () =>
      (await test.database.query(`SELECT csn FROM thing_version WHERE id = 'g' AND csn IS NOT NULL`)).length;
    expect(await versions()).toBe(3);
    const old = test.coordinator.appliedCsn - 2;
    const watermark = test.coordinator.appliedCsn;
    await participant.prepare(test.prepare(test.commands.id(), [['look', 'g']], { watermark }));
    expect(await participant.parts.global?.versionGarbage.collect()).toBe(0);
    await test.database.query(`SELECT 1`);
    for (const row of await test.database.query(
      `SELECT transaction_id FROM concordat_branch WHERE state = 'prepared'`,
    )) {
      await participant.decide(test.commands.rollback(String(row.transaction_id)));
    }
    expect(await participant.parts.global?.versionGarbage.collect()).toBeGreaterThanOrEqual(2);
    expect(await versions()).toBe(1);
    const late = test.prepare(test.commands.id(), [['look', 'g']], { snapshot: old });
    expect((await participant.prepare(late)).reason).toMatchObject({ code: 'snapshot-too-old', retryable: true });
    await expect((await participant.parts.global?.readerAt(old))?.get(Thing, { id: 'g' })).rejects.toMatchObject({
      code: 'snapshot-too-old',
    });
  });
});

describe('decisions', () => {
  it('contradict nothing: a rollback of what is committed, and a commit of what is not there, are hazards', async () => {
    const participant = await test.participant();
    const id = test.commands.id();
    await participant.prepare(test.prepare(id, [['count', 'h']]));
    const commit = test.decide(id);
    expect(await participant.decide(commit)).toMatchObject({ outcome: 'committed' });
    expect(await participant.decide(commit)).toMatchObject({ outcome: 'committed' });
    expect(await participant.decide({ ...commit, csn: commit.csn + 1 })).toMatchObject({ outcome: 'hazard' });
    expect(await participant.decide(test.commands.rollback(id))).toMatchObject({ outcome: 'hazard' });
    expect(await participant.decide(test.commands.rollback(id, { presumed: true }))).toMatchObject({
      outcome: 'committed',
    });
    expect(await participant.decide(test.decide(test.commands.id()))).toMatchObject({ outcome: 'hazard' });
  });

  it('that come before their prepare leave an abort row against it', async () => {
    const participant = await test.participant();
    const id = test.commands.id();
    expect(await participant.decide(test.commands.rollback(id))).toMatchObject({ outcome: 'rolled-back' });
    expect((await participant.prepare(test.prepare(id, [['count', 'r']]))).reason?.code).toBe('already-rolled-back');
  });

  it('are carried out together where they come together', async () => {
    const participant = await test.participant();
    const ids = Array.from({ length: 20 }, () => test.commands.id());
    await Promise.all(ids.map((id) => participant.prepare(test.prepare(id, [['count', id]]))));
    const answers = await Promise.all(ids.map((id) => participant.decide(test.decide(id))));
    expect(answers.map((answer) => answer?.outcome)).toEqual(ids.map(() => 'committed'));
    const text = await participant.metrics.registry.metrics();
    expect(Number(/finalise_batches_total\{[^}]*\} (\d+)/.exec(text)?.[1])).toBeLessThan(ids.length / 2);
  });
});

describe('a restart', () => {
  it('repeats the vote with its results, and reports branches with their numbers', async () => {
    const participant = await test.participant();
    const [open, done] = [test.commands.id(), test.commands.id()];
    await participant.prepare(test.prepare(done, [['count', 'x']]));
    const commit = test.decide(done);
    await participant.decide(commit);
    const vote = await participant.prepare(test.prepare(open, [['count', 'x']]));
    await test.stop(participant);
    const restarted = await test.participant();
    restarted.parts.repeater.turn(Date.now() + 3_600_000);
    expect(restarted.votes(open)).toEqual([vote]);
    expect(await restarted.parts.records.find(done)).toEqual({
      transactionId: done,
      state: 'committed',
      csn: commit.csn,
    });
    expect(await restarted.parts.records.find(open)).toMatchObject({ state: 'prepared', csn: null });
    expect(await restarted.decide(test.decide(open))).toMatchObject({ outcome: 'committed' });
  });
});

describe('operations that are executed at once', () => {
  const execute = (id: string, number: number, call: [string, string], nonce: string | null = null) => {
    const { appliedCsn } = test.coordinator;
    return test.commands.execute(id, number, call, { nonce, snapshot: appliedCsn, appliedCsn });
  };

  it('see what went before in their session, which the prepare continues', async () => {
    const participant = await test.participant();
    const id = test.commands.id();
    const one = await participant.execute(execute(id, 1, ['count', 's']));
    expect(one).toMatchObject({ number: 1, result: { n: 1 }, reason: null });
    const two = await participant.execute(execute(id, 2, ['count', 's'], one.nonce));
    expect(two).toMatchObject({ number: 2, result: { n: 2 }, nonce: one.nonce });
    expect(resultsOf(await test.run(participant, ['look', 's']))).toMatchObject([{ n: null }]);
    const session = { nonce: one.nonce, executed: 2 };
    const snapshot = test.coordinator.appliedCsn;
    const vote = await participant.prepare({ ...test.prepare(id, [['count', 's']], { session, snapshot }) });
    expect(vote).toMatchObject({ vote: 'prepared', results: [{ result: { n: 3 } }] });
    expect(participant.parts.global?.sessions.size).toBe(0);
    await participant.decide(test.decide(id));
    expect(resultsOf(await test.run(participant, ['look', 's']))).toMatchObject([{ n: 3 }]);
  });

  it('are run once, and answered again', async () => {
    let runs = 0;
    const counted: Handler = async (input, context) => {
      runs += 1;
      return count(input, context);
    };
    const participant = await test.participant({ operations: { counted } });
    const id = test.commands.id();
    const command = execute(id, 1, ['counted', 'o']);
    const answers = [await participant.execute(command), await participant.execute(command)];
    expect(answers[1]).toEqual(answers[0]);
    expect(runs).toBe(1);
  });

  it('belong to one session: another nonce, or a number that does not follow, means a restart', async () => {
    const participant = await test.participant();
    const id = test.commands.id();
    const { nonce } = await participant.execute(execute(id, 1, ['count', 'n']));
    for (const command of [execute(id, 2, ['count', 'n'], 'other'), execute(id, 3, ['count', 'n'], nonce)]) {
      expect((await participant.execute(command)).reason).toMatchObject({
        code: 'participant-restarted',
        retryable: true,
      });
    }
    const unknown = execute(test.commands.id(), 2, ['count', 'n'], nonce);
    expect((await participant.execute(unknown)).reason?.code).toBe('participant-restarted');
    for (const session of [
      { nonce: 'other', executed: 1 },
      { nonce, executed: 2 },
    ]) {
      const vote = await participant.prepare(test.prepare(id, [], { session }));
      expect(vote.reason).toMatchObject({ code: 'participant-restarted', retryable: true });
    }
  });

  it('that only read vote read-only, again should the prepare come again', async () => {
    const participant = await test.participant();
    const id = test.commands.id();
    const { nonce } = await participant.execute(execute(id, 1, ['look', 'a']));
    const prepare = test.prepare(id, [], { session: { nonce, executed: 1 } });
    for (const _ of [1, 2]) expect((await participant.prepare(prepare)).vote).toBe('read-only');
  });

  it('end at the deadline or by a rollback, and leave nothing behind', async () => {
    const hang: Handler = async (_input, { signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      throw new Error('too late');
    };
    const participant = await test.participant({ operations: { hang }, limits: { sessionsMax: 2 } });
    const [idle, hanging] = [test.commands.id(), test.commands.id()];
    await participant.execute(execute(idle, 1, ['count', 'l']));
    await participant.deliver(execute(hanging, 1, ['hang', 'l']));
    const busy = await participant.execute(execute(test.commands.id(), 1, ['count', 'l']));
    expect(busy.reason).toMatchObject({ code: 'participant-busy', retryable: true });
    expect(await participant.decide(test.commands.rollback(hanging))).toMatchObject({ outcome: 'rolled-back' });
    expect(participant.executed(hanging)).toEqual([]);
    await participant.deliver({ ...execute(test.commands.id(), 1, ['hang', 'l']), remainingMs: 100 });
    await until(() => participant.parts.global?.sessions.size === 1 || undefined);
    await participant.decide(test.commands.rollback(idle));
    expect(participant.parts.global?.sessions.size).toBe(0);
    const rows = await test.database.query(`SELECT 1 FROM thing_version WHERE id = 'l'`);
    expect(rows).toEqual([]);
  });

  it('that refuse say why, and end their session', async () => {
    const participant = await test.participant();
    const { reason } = await participant.execute(execute(test.commands.id(), 1, ['no-such', 'x']));
    expect(reason).toMatchObject({ code: 'operation-unknown' });
  });
});

describe('serializable transactions', () => {
  it('cannot both write what the other has read', async () => {
    const copy =
      (from: string): Handler =>
      async ({ id }, { store }) => {
        const found = await store.get(Thing, { id: from });
        await store.put(Thing, { id, n: (found?.n ?? 0) + 1, colour: null, code: null });
        return null;
      };
    const participant = await test.participant({ operations: { 'copy-p': copy('p'), 'copy-q': copy('q') } });
    const votes = async (serializable: boolean) => {
      const commands = [
        test.prepare(test.commands.id(), [['copy-p', 'q']], { serializable }),
        test.prepare(test.commands.id(), [['copy-q', 'p']], { serializable }),
      ];
      const answers = [];
      for (const command of commands) answers.push(await participant.prepare(command));
      for (const { transactionId } of commands) await participant.decide(test.commands.rollback(transactionId));
      return answers.map(({ vote }) => vote);
    };
    expect(await votes(false)).toEqual(['prepared', 'prepared']);
    expect(await votes(true)).toEqual(['prepared', 'refused']);
  });
});
