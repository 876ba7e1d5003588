/** D3, D4 and D5: how an outcome is settled, when it is told, and what its entry holds. */
import { decodeEntry } from '@concordat/transaction';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  CALLER,
  done,
  type Engine,
  GATHERED_MS,
  keyed,
  leadingEngine,
  ONE_SHOT,
  pass,
  prepareBoth,
  settled,
  startEngine,
  vote,
} from '../../test/engine.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const refusal = {
  vote: 'refused',
  results: null,
  reason: { code: 'poor', message: 'no money', retryable: false },
} as const;

describe('D3: commit or abort is settled once', () => {
  it('D3: a rollback that comes while the commit is being written answers that it is committed', async () => {
    const engine = await leadingEngine();
    const { id, outcome } = await prepareBoth(engine);
    for (const participant of ['east', 'west']) vote(engine, id, participant);
    const rollback = settled(engine.coordinator.rollback(id, {}, CALLER));
    await pass(100_000); // the deadline too comes too late
    engine.log.applyAll();
    await pass(0);
    expect(outcome.code ?? outcome.value?.outcome).toBe('outcome-unknown'); // its caller waited to the end of its time
    expect(rollback.code).toBe('outcome-unknown');
    expect(await engine.coordinator.get(id, {})).toMatchObject({ outcome: 'committed' });
    expect(engine.messenger.take().filter((command) => command.startsWith('rollback'))).toEqual([]);
  });

  it('measures how long it took until the outcome was settled, and from there until it was applied', async () => {
    const engine = await leadingEngine();
    const ended: [string, number][] = [];
    engine.metrics.phaseEnded = (phase, tookMs) => void ended.push([phase, tookMs]);
    const { id } = await prepareBoth(engine);
    await pass(300);
    for (const participant of ['east', 'west']) vote(engine, id, participant);
    await pass(50);
    expect(ended).toEqual([]);
    engine.log.applyAll();
    await pass(0);
    expect(ended).toEqual([
      ['prepare', 300],
      ['decide', 50],
    ]);
  });

  it('D3: a vote that comes after the rollback changes nothing', async () => {
    const engine = await leadingEngine();
    const { id, outcome } = await prepareBoth(engine);
    vote(engine, id, 'east');
    await engine.coordinator.rollback(id, {}, CALLER);
    vote(engine, id, 'west');
    engine.log.applyAll();
    await pass(0);
    expect(outcome.code).toBe('transaction-aborted');
    expect(engine.log.applied.map(({ data }) => JSON.parse(Buffer.from(data).toString()).type)).not.toContain('commit');
  });

  it('D3: nothing commits before the last vote, and the deadline aborts what is missing one', async () => {
    const engine = await leadingEngine();
    const { id, outcome } = await prepareBoth(engine);
    vote(engine, id, 'east');
    engine.log.applyAll();
    await pass(29_000);
    expect(outcome).toEqual({});
    await pass(1100);
    expect(outcome.error).toMatchObject({
      code: 'transaction-aborted',
      retryable: true,
      details: { reason: { code: 'deadline-exceeded', participant: 'west' } },
    });
  });
});

describe('D4: who waits for what', () => {
  it('D4: begin answers before its entry is applied', async () => {
    const engine = await leadingEngine();
    const { id } = await engine.coordinator.begin({}, CALLER);
    expect(engine.log.proposed).toMatchObject([{ type: 'begin', header: { id } }]);
  });

  it('D4: commit is answered only after its entry is applied, and only then is COMMIT sent', async () => {
    const engine = await leadingEngine();
    const { id, outcome } = await prepareBoth(engine);
    engine.log.applyAll();
    for (const participant of ['east', 'west']) vote(engine, id, participant);
    expect(engine.messenger.take()).toEqual(['prepare east', 'prepare west']);
    await pass(100);
    expect(outcome).toEqual({});
    expect(await engine.coordinator.get(id, {})).toMatchObject({ status: 'preparing', outcome: null });
    engine.log.applyAll();
    await pass(0);
    expect(outcome.value).toMatchObject({ status: 'committed', csn: expect.any(Number) });
    expect(engine.messenger.take()).toEqual(['commit east', 'commit west']);
  });

  it('D4: an abort of a call without a key is answered at once, and ROLLBACK sent', async () => {
    const engine = await leadingEngine();
    const { id, outcome } = await prepareBoth(engine);
    vote(engine, id, 'east', refusal);
    await pass(0);
    expect(outcome).toMatchObject({ code: 'transaction-aborted', error: { details: { participant: 'east' } } });
    expect(engine.messenger.take()).toEqual(['prepare east', 'prepare west', 'rollback west']);
    expect(engine.log.proposed.at(-1)).toMatchObject({ type: 'abort' });
  });

  it('D4: an abort of a call with a key is answered after its entry is applied', async () => {
    const engine = await leadingEngine();
    const outcome = settled(engine.coordinator.begin(ONE_SHOT, keyed('k')));
    await pass(0);
    vote(engine, engine.messenger.sent[0]?.transactionId ?? '', 'east', refusal);
    await pass(100);
    expect(outcome).toEqual({});
    engine.log.applyAll();
    await pass(0);
    expect(outcome.code).toBe('transaction-aborted');
    expect(engine.replica.ledger.findKey('shop', 'k')).toBeDefined();
  });

  it('D4: a keyed rollback and a keyed commit are answered after the entry as well', async () => {
    const engine = await leadingEngine();
    const { id } = await prepareBoth(engine);
    const rollback = settled(engine.coordinator.rollback(id, {}, keyed('r')));
    const commit = settled(engine.coordinator.commit(id, {}, keyed('c')));
    await pass(100);
    expect([rollback, commit]).toEqual([{}, {}]);
    engine.log.applyAll();
    await pass(0);
    expect([rollback.value?.outcome, commit.code]).toEqual(['aborted', 'transaction-aborted']);
  });

  it('D4: a commit whose entry is not applied in time is reported as unknown, never as aborted', async () => {
    const engine = await leadingEngine();
    const { id, outcome } = await prepareBoth(engine);
    for (const participant of ['east', 'west']) vote(engine, id, participant);
    await pass(41_000);
    expect(outcome).toMatchObject({ code: 'outcome-unknown', error: { details: { transactionId: id } } });
  });
});

describe('what nobody waits for', () => {
  const logged = ({ log }: Engine) =>
    log.pending.map(({ data, mayWait }) => `${decodeEntry(data).type}${mayWait ? ' may wait' : ''}`);

  it('D4, D5: the BEGIN of a one-shot may wait for its COMMIT, which may not; other BEGINs may not', async () => {
    const engine = await leadingEngine();
    void settled(engine.coordinator.begin(ONE_SHOT, CALLER));
    await pass(0);
    const id = engine.messenger.sent[0]?.transactionId ?? '';
    for (const participant of ['east', 'west']) vote(engine, id, participant);
    expect(logged(engine)).toEqual(['begin may wait', 'commit']);
    engine.log.applyAll();
    await engine.coordinator.begin({}, CALLER);
    expect(logged(engine)).toEqual(['begin']);
  });

  it.each([
    ['decided', ['commit east', 'commit west'], 'forget may wait'],
    ['completed', [], 'forget'],
  ] as const)('COMMITs and FORGET may wait where a caller waits for %s: %j, %s', async (wait, patient, forget) => {
    const engine = await leadingEngine();
    void settled(engine.coordinator.begin({ ...ONE_SHOT, wait }, CALLER));
    await pass(0);
    const id = engine.messenger.sent[0]?.transactionId ?? '';
    for (const participant of ['east', 'west']) vote(engine, id, participant);
    engine.log.applyAll();
    expect(engine.messenger.take()).toEqual(['prepare east', 'prepare west', 'commit east', 'commit west']);
    expect(engine.messenger.patient).toEqual(patient);
    for (const participant of ['east', 'west']) done(engine, id, participant);
    await pass(GATHERED_MS);
    expect(logged(engine)).toEqual([forget]);
  });
});

describe('D5: the COMMIT entry is self-contained', () => {
  it('D5: a commit survives the loss of everything before it, and is carried out from it alone', async () => {
    const first = await leadingEngine();
    const outcome = settled(first.coordinator.begin({ ...ONE_SHOT, label: 'rent' }, keyed('k')));
    await pass(0);
    const id = first.messenger.sent[0]?.transactionId ?? '';
    vote(first, id, 'east', { results: [{ branchId: '1', result: { left: 4 } }] });
    vote(first, id, 'west');
    const [begin, commit] = first.log.pending;
    if (!begin || !commit) throw new Error('two entries were proposed');
    first.log.pending = [commit]; // the BEGIN is lost
    first.log.applyAll();
    await pass(0);
    expect(outcome.value).toMatchObject({ id, label: 'rent', outcome: 'committed' });

    const second = await startEngine({ term: 2, entries: first.log.applied });
    second.log.applyAll();
    expect(second.messenger.take()).toEqual(['commit east', 'commit west']);
    const again = settled(second.coordinator.begin({ ...ONE_SHOT, label: 'rent' }, keyed('k')));
    await pass(0);
    expect(again.value).toMatchObject({ id, branches: [{ result: { left: 4 } }, { result: null }] });
  });

  it('D5: a prepared branch that the COMMIT does not name is told to roll back', async () => {
    const engine = await leadingEngine();
    const { id } = await prepareBoth(engine);
    for (const participant of ['east', 'west']) vote(engine, id, participant);
    engine.log.applyAll();
    engine.messenger.take();
    vote(engine, id, 'stock');
    expect(engine.messenger.sent).toMatchObject([{ type: 'rollback', participant: 'stock', presumed: false }]);
  });
});
