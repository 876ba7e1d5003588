/** What is in doubt: what is listed, what an operator can end (D3, L2), what is kept and for how long. */
import { formatTransactionId } from '@concordat/protocol';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  CALLER,
  done,
  type Engine,
  GATHERED_MS,
  heartbeatOf,
  leadingEngine,
  ONE_SHOT,
  pass,
  prepareBoth,
  settled,
  startEngine,
  vote,
} from '../../test/engine.js';
import { HAZARDS_OPEN_MAX } from './in-doubt-hazards.js';
import { ORPHAN_SILENT_MS, ORPHANS_MAX } from './in-doubt-orphans.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const ADA = { caller: 'ada' };
const EVERYTHING = { minAgeMs: 0, limit: 200 };

/** Committed and applied; nobody has carried it out. */
async function committed(engine: Engine): Promise<string> {
  const { id } = await prepareBoth(engine);
  for (const participant of ['east', 'west']) vote(engine, id, participant);
  engine.log.applyAll();
  return id;
}

/** Lets what was gathered go into the log, and applies it. */
async function apply(engine: Engine): Promise<void> {
  await pass(GATHERED_MS);
  engine.log.applyAll();
  await pass(GATHERED_MS);
}

const goodbye = (engine: Engine, participant: string): void =>
  engine.coordinator.onHeartbeat(heartbeatOf(participant, { stopping: true }));

async function resolve(engine: Engine, id: string, outcome: 'committed' | 'aborted', reason = 'the disk burnt') {
  const answer = settled(engine.coordinator.operators.resolve(id, { outcome, reason }, ADA));
  await pass(0);
  engine.log.applyAll();
  await pass(0);
  return answer;
}

/** Reads it as soon as Postgres has it. */
async function trail(engine: Engine, limit = 10, before?: number) {
  const actions = engine.coordinator.operators.actions(limit, before);
  await pass(1000);
  return actions;
}

const listed = async (engine: Engine) => {
  const { items } = await engine.coordinator.operators.inDoubt(EVERYTHING);
  return items.map(({ id, cause, branches }) => `${id} ${cause} ${branches.map((one) => one.participant)}`);
};

/** The next leader, from what Postgres holds and from the log behind it. */
async function nextLeader(engine: Engine): Promise<Engine> {
  await pass(1000); // everything is persisted
  engine.log.lose();
  const next = await startEngine({ term: 2, store: engine.store, entries: engine.log.applied });
  next.log.applyAll();
  for (const participant of ['east', 'west']) next.coordinator.onHeartbeat(heartbeatOf(participant));
  next.log.applyAll();
  return next;
}

describe('the list of what is in doubt', () => {
  it('names who owes a vote, who owes DONE, and who is down, the oldest first', async () => {
    const engine = await leadingEngine();
    const decided = await committed(engine);
    await pass(5000);
    const { id } = await prepareBoth(engine);
    vote(engine, id, 'east');
    await engine.coordinator.begin({ branches: ONE_SHOT.branches ?? [] }, CALLER); // nothing is prepared
    done(engine, decided, 'east');
    expect(await listed(engine)).toEqual([`${decided} finalising west`, `${id} voting west`]);
    goodbye(engine, 'west');
    expect(await listed(engine)).toEqual([`${decided} participant-down west`, `${id} voting west`]);
    const [item] = (await engine.coordinator.operators.inDoubt(EVERYTHING)).items;
    expect(item).toMatchObject({ outcome: 'committed', branches: [{ awaits: 'done', health: 'down' }] });
    expect(Date.now() - (item?.since ?? 0)).toBe(5000);
  });

  it('shows what matches, at most as many as asked for, and says how many there are', async () => {
    const engine = await leadingEngine();
    const [first] = [await committed(engine), await committed(engine)];
    await pass(2000);
    await committed(engine);
    const { operators } = engine.coordinator;
    const bounded = await operators.inDoubt({ ...EVERYTHING, limit: 1 });
    expect([bounded.items.map(({ id }) => id), bounded.total]).toEqual([[first], 3]);
    expect((await operators.inDoubt({ ...EVERYTHING, minAgeMs: 1000 })).total).toBe(2);
    expect((await operators.inDoubt({ ...EVERYTHING, participant: 'north' })).total).toBe(0);
    expect((await operators.inDoubt({ ...EVERYTHING, participant: 'west' })).total).toBe(3);
    expect((await operators.inDoubt({ ...EVERYTHING, cause: 'voting' })).total).toBe(0);
    const troubles = [{ transactionId: first as string, message: 'disk full' }];
    const said = { preparedCount: 3, oldestPreparedMs: 2000, foreignPrepared: 1, troubles };
    engine.coordinator.onHeartbeat(heartbeatOf('west', said));
    const { items, participants } = await operators.inDoubt({ ...EVERYTHING, limit: 1 });
    expect(participants).toMatchObject([{ name: 'west', preparedCount: 3, oldestInDoubtMs: 2000, foreignPrepared: 1 }]);
    expect(items[0]?.branches.map(({ error }) => error)).toEqual([null, 'disk full']);
  });

  it('is answered by the leader only', async () => {
    const engine = await leadingEngine();
    engine.log.lose();
    await expect(engine.coordinator.operators.inDoubt(EVERYTHING)).rejects.toMatchObject({ code: 'not-ready' });
  });
});

describe('D3: resolving what is undecided', () => {
  it('D3: aborts it at once, whoever has voted, and answers once that is applied', async () => {
    const engine = await leadingEngine();
    const { id, outcome } = await prepareBoth(engine);
    vote(engine, id, 'east');
    engine.messenger.take();
    const answer = await resolve(engine, id, 'aborted');
    expect(answer.value).toMatchObject({ status: 'aborted', reason: { code: 'resolved-by-operator' } });
    expect(engine.messenger.take()).toEqual(['rollback east', 'rollback west']);
    expect(outcome.code).toBe('transaction-aborted');
    vote(engine, id, 'west'); // too late
    expect((await resolve(engine, id, 'committed')).code).toBe('resolve-refused');
  });

  it('D3: never commits it, not even with all votes but one', async () => {
    const engine = await leadingEngine();
    const { id } = await prepareBoth(engine);
    vote(engine, id, 'east');
    expect(await resolve(engine, id, 'committed')).toMatchObject({ code: 'resolve-refused' });
    expect(engine.logger.lines).toContain('warn a resolve was not carried out');
    expect(engine.log.applied.some(({ data }) => Buffer.from(data).toString().includes('"operator"'))).toBe(false);
    vote(engine, id, 'west');
    engine.log.applyAll();
    expect(await engine.coordinator.get(id, {}, CALLER)).toMatchObject({ outcome: 'committed' });
  });

  it('D3: waits for a decision that is settled and not applied, and does not change it', async () => {
    const engine = await leadingEngine();
    const { id } = await prepareBoth(engine);
    for (const participant of ['east', 'west']) vote(engine, id, participant);
    expect(await resolve(engine, id, 'aborted')).toMatchObject({ code: 'resolve-refused' });
    expect(await engine.coordinator.get(id, {}, CALLER)).toMatchObject({ outcome: 'committed' });
  });

  it('says of an id that nobody knows what a read of it would say', async () => {
    const engine = await leadingEngine();
    expect(await resolve(engine, 'zz-1-1', 'aborted')).toMatchObject({ code: 'transaction-not-found' });
  });
});

describe('L2: resolving what is decided', () => {
  it('L2: is refused against the decision', async () => {
    const engine = await leadingEngine();
    const id = await committed(engine);
    goodbye(engine, 'west');
    expect(await resolve(engine, id, 'aborted')).toMatchObject({ code: 'resolve-refused' });
    expect(await listed(engine)).toEqual([`${id} participant-down east,west`]);
  });

  it('gives up nobody who may still carry it out', async () => {
    const engine = await leadingEngine();
    const id = await committed(engine);
    goodbye(engine, 'west');
    const refused = await resolve(engine, id, 'committed');
    expect(refused.error).toMatchObject({ code: 'resolve-refused', message: expect.stringContaining('east') });
  });

  it('ends the wait for a participant that is down; its branch is a hazard, and is kept', async () => {
    const engine = await leadingEngine();
    const id = await committed(engine);
    done(engine, id, 'east');
    goodbye(engine, 'west');
    const answer = await resolve(engine, id, 'committed');
    expect(answer.value).toMatchObject({
      status: 'completed',
      outcome: 'committed',
      branches: [{ status: 'committed' }, { status: 'hazard', reason: { code: 'resolved-by-operator' } }],
    });
    expect(engine.replica.leader?.inFlight).toBe(0);
    expect(await listed(engine)).toEqual([`${id} unconfirmed west`]);
    expect((await resolve(engine, id, 'committed')).value).toEqual(answer.value);
    expect(await trail(engine)).toMatchObject([
      { actor: 'ada', action: 'resolve', target: id, reason: 'the disk burnt', outcome: 'committed' },
    ]);
    const { csn } = await engine.coordinator.get(id, {}, CALLER);
    const { statuses } = await engine.coordinator.snapshots.statuses({ transactionIds: [id] });
    expect(statuses).toEqual([{ status: 'committed', csn }]); // its intents may stand there still
  });

  it('tells a participant that returns the decision, and shows it committed once it says so', async () => {
    const first = await leadingEngine();
    const id = await committed(first);
    done(first, id, 'east');
    goodbye(first, 'west');
    await resolve(first, id, 'committed');
    const engine = await nextLeader(first);
    expect(await listed(engine)).toEqual([`${id} unconfirmed west`]);
    engine.messenger.take();
    vote(engine, id, 'west');
    await pass(0);
    expect(engine.messenger.take()).toEqual(['commit west']);
    done(engine, id, 'west');
    await apply(engine);
    expect(await listed(engine)).toEqual([]);
    const { branches } = await engine.coordinator.get(id, {}, CALLER);
    expect(branches).toMatchObject([{ status: 'committed' }, { status: 'committed', reason: null }]);
    done(engine, id, 'west'); // repeated
    await apply(engine);
    expect(engine.replica.ledger.hazards.size).toBe(0);
  });

  it('raises a hazard when one that was given up contradicts', async () => {
    const engine = await leadingEngine();
    const id = await committed(engine);
    done(engine, id, 'east');
    goodbye(engine, 'west');
    await resolve(engine, id, 'committed');
    done(engine, id, 'west', 'hazard');
    await apply(engine);
    expect(await listed(engine)).toEqual([`${id} hazard west`]);
  });

  it('keeps nothing open of an aborted one: unknown means the same to its participant (D6)', async () => {
    const engine = await leadingEngine();
    const { id } = await prepareBoth(engine);
    await engine.coordinator.rollback(id, {}, CALLER);
    engine.log.applyAll();
    for (const participant of ['east', 'west']) goodbye(engine, participant);
    const answer = await resolve(engine, id, 'aborted');
    expect(answer.value).toMatchObject({ status: 'completed', branches: [{ status: 'hazard' }, { status: 'hazard' }] });
    expect(await listed(engine)).toEqual([]);
  });

  it('forgets on, though what a FORGET names was given up meanwhile', async () => {
    const engine = await leadingEngine();
    const id = await committed(engine);
    for (const participant of ['east', 'west']) goodbye(engine, participant);
    const answer = settled(engine.coordinator.operators.resolve(id, { outcome: 'committed', reason: 'gone' }, ADA));
    await pass(0); // its entry is under way
    for (const participant of ['east', 'west']) done(engine, id, participant);
    await pass(GATHERED_MS);
    engine.log.applyAll();
    await pass(0);
    expect(answer.value).toMatchObject({ status: 'completed' });
    for (const participant of ['east', 'west']) engine.coordinator.onHeartbeat(heartbeatOf(participant));
    const next = await committed(engine);
    for (const participant of ['east', 'west']) done(engine, next, participant);
    await apply(engine);
    expect(await engine.coordinator.get(next, {}, CALLER)).toMatchObject({ status: 'completed' });
  });

  it('is not durable and says so when leadership is lost on the way', async () => {
    const engine = await leadingEngine();
    const id = await committed(engine);
    for (const participant of ['east', 'west']) goodbye(engine, participant);
    const answer = settled(engine.coordinator.operators.resolve(id, { outcome: 'committed', reason: 'gone' }, ADA));
    await pass(0);
    engine.log.lose();
    await pass(0);
    expect(answer.code).toBe('not-ready');
  });
});

describe('a hazard', () => {
  async function raised(): Promise<{ engine: Engine; id: string }> {
    const engine = await leadingEngine();
    const id = await committed(engine);
    done(engine, id, 'east');
    done(engine, id, 'west', 'hazard');
    return { engine, id };
  }

  it('is counted, logged, shown first, and kept when everything else is forgotten', async () => {
    const { engine, id } = await raised();
    expect(engine.metrics.counts.get('hazard west')).toBe(1);
    expect(engine.logger.lines).toContain('error a participant contradicts the decision');
    await apply(engine);
    expect(await engine.coordinator.get(id, {}, CALLER)).toMatchObject({
      status: 'completed',
      branches: [{ status: 'committed' }, { status: 'hazard', reason: { code: 'hazard' } }],
    });
    await pass(60_000);
    const later = await committed(engine);
    expect(await listed(engine)).toEqual([`${id} hazard west`, `${later} finalising east,west`]);
  });

  it('survives the next leader, from the log and from Postgres', async () => {
    const { engine, id } = await raised();
    await apply(engine);
    const next = await nextLeader(engine);
    expect(await listed(next)).toEqual([`${id} hazard west`]);
    const replayed = await startEngine({ term: 3, entries: next.log.applied });
    replayed.log.applyAll();
    expect(await listed(replayed)).toEqual([`${id} hazard west`]);
    expect(replayed.store.hazards.size).toBe(0); // it came from the log alone
  });

  it('survives a leader that dies between the hazard and the FORGET, and the transaction is completed', async () => {
    const { engine, id } = await raised();
    engine.log.applyAll(); // the hazard, not the FORGET, which is still gathered
    expect(engine.replica.ledger.live.get(id)?.branches.at(1)?.status).toBe('hazard');
    const next = await startEngine({ term: 2, entries: engine.log.applied });
    engine.log.lose();
    next.log.applyAll();
    expect(next.messenger.take()).toEqual(['commit east']); // whose DONE was lost with the first leader
    done(next, id, 'east');
    await apply(next);
    expect(await next.coordinator.get(id, {}, CALLER)).toMatchObject({
      status: 'completed',
      branches: [{ status: 'committed' }, { status: 'hazard' }],
    });
  });

  it('does not hold up a new leader that finds nothing else to finalise', async () => {
    const engine = await leadingEngine();
    const id = await committed(engine);
    for (const participant of ['east', 'west']) done(engine, id, participant, 'hazard');
    engine.log.applyAll();
    const next = await startEngine({ term: 2, entries: engine.log.applied });
    engine.log.lose();
    next.log.applyAll();
    await apply(next);
    expect(next.replica.ledger.live.size).toBe(0);
    expect(await listed(next)).toEqual([`${id} hazard east,west`]);
  });

  it('is closed by a resolve that agrees with the decision, once, and stays on the record', async () => {
    const { engine, id } = await raised();
    await apply(engine);
    expect(await resolve(engine, id, 'aborted')).toMatchObject({ code: 'resolve-refused' });
    expect((await resolve(engine, id, 'committed', 'paid back by hand')).value).toMatchObject({
      branches: [{ status: 'committed' }, { status: 'hazard' }],
    });
    expect(await listed(engine)).toEqual([]);
    await resolve(engine, id, 'committed', 'paid back by hand');
    expect(await trail(engine)).toMatchObject([{ reason: 'paid back by hand' }]);
  });

  it('is kept up to a bound, and beyond it logged only', async () => {
    const { engine } = await raised();
    await apply(engine);
    const { hazards } = engine.replica.ledger;
    const [one] = hazards;
    for (let n = hazards.size; one && n < HAZARDS_OPEN_MAX; n += 1) hazards.open({ ...one, participant: `p-${n}` });
    const id = await committed(engine);
    done(engine, id, 'east', 'hazard');
    expect(engine.log.proposed.some(({ type }) => type === 'hazard')).toBe(false);
    expect(engine.logger.lines).toContain('error too many hazards are open to keep it');
  });
});

describe('an orphan', () => {
  const OLD = formatTransactionId({ incarnation: 1000, term: 1, sequence: 7 });

  it('is listed with whoever holds it, told nothing, and forgotten when it is not heard any more', async () => {
    const engine = await leadingEngine();
    engine.messenger.take();
    for (const participant of ['east', 'west']) vote(engine, OLD, participant);
    await pass(0);
    expect(engine.messenger.take()).toEqual([]);
    expect(await listed(engine)).toEqual([`${OLD} orphan east,west`]);
    await pass(ORPHAN_SILENT_MS + 1);
    expect(await listed(engine)).toEqual([]);
  });

  it('is rolled back by a resolve, at every participant that holds it', async () => {
    const engine = await leadingEngine();
    vote(engine, OLD, 'east');
    await pass(0);
    engine.messenger.take();
    expect(await resolve(engine, OLD, 'committed')).toMatchObject({ code: 'resolve-refused' });
    expect((await resolve(engine, OLD, 'aborted')).value).toMatchObject({
      outcome: 'aborted',
      reason: { code: 'resolved-by-operator' },
    });
    expect(engine.messenger.take()).toEqual(['rollback east']);
    done(engine, OLD, 'east', 'rolled-back');
    await apply(engine);
    expect(await listed(engine)).toEqual([]);
    vote(engine, OLD, 'west'); // heard only now
    await pass(0);
    expect(engine.messenger.take()).toEqual(['rollback west']);
  });

  it('makes room for others', async () => {
    const engine = await leadingEngine();
    for (let sequence = 1; sequence <= ORPHANS_MAX + 1; sequence += 1) {
      vote(engine, formatTransactionId({ incarnation: 1000, term: 1, sequence }), 'east');
    }
    await pass(0);
    expect((await engine.coordinator.operators.inDoubt(EVERYTHING)).total).toBe(ORPHANS_MAX);
  });
});

describe('the audit trail', () => {
  it('holds what was done elsewhere, in order, and survives the leader', async () => {
    const engine = await leadingEngine();
    const { operators } = engine.coordinator;
    for (const target of ['replica-1:9000', 'replica-2:9000']) {
      const noted = settled(
        operators.note({ actor: 'ada', action: 'member-add', target, reason: null, outcome: null }),
      );
      await pass(0);
      engine.log.applyAll();
      await pass(0);
      expect(noted.value).toMatchObject({ target });
    }
    const next = await nextLeader(engine);
    const [newest] = await trail(next, 1);
    expect(newest).toMatchObject({ target: 'replica-2:9000' });
    expect(await trail(next, 10, newest?.id)).toMatchObject([{ target: 'replica-1:9000' }]);
  });

  it('asks for an upgrade first while a member does not understand it', async () => {
    const engine = await leadingEngine();
    const base = { nodeId: 1, address: 'a:1', url: '', removed: false };
    for (const [raftId, formatVersion] of [
      [1, 3],
      [2, 2],
    ] as const) {
      engine.log.receive(1, { type: 'member', member: { ...base, raftId, formatVersion, address: `r-${raftId}:1` } });
    }
    const { id } = await engine.coordinator.begin({ branches: ONE_SHOT.branches ?? [] }, CALLER);
    const answer = await resolve(engine, id, 'aborted');
    expect(answer.error).toMatchObject({ code: 'not-ready', message: expect.stringContaining('r-2:1') });
  });
});
