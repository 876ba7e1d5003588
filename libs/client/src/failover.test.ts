// The client against servers that are slow, dying, lying, resting. Time is real here, and nothing is asserted of it but order.
import { afterEach, describe, expect, it } from '@jest/globals';
import { aborted, type Behaviour, FakeReplica, json, problem, transaction } from '../test/fake-replica.js';
import { seededRandom } from '../test/seeded-random.js';
import { ConcordatClient } from './client.js';
import { sleep, systemClock } from './clock.js';
import { DeadlineExceededError, OutcomeUnknownError, TransactionAbortedError } from './errors.js';
import type { ConcordatClientOptions } from './options.js';

const replicas: FakeReplica[] = [];
afterEach(async () => {
  await Promise.all(replicas.splice(0).map((replica) => replica.die()));
});

async function start(...behaviours: Behaviour[]): Promise<FakeReplica[]> {
  const started = await Promise.all(behaviours.map((behave) => new FakeReplica(behave).start()));
  replicas.push(...started);
  return started;
}

const clientOf = (servers: readonly FakeReplica[], options: Partial<ConcordatClientOptions> = {}) =>
  new ConcordatClient({
    urls: servers.map(({ url }) => url),
    policy: { pick: ([first]) => first as never }, // in order, where the test does not say otherwise
    backoff: { baseMs: 5, maxMs: 20 },
    timeoutMs: 10_000,
    hedge: false,
    random: seededRandom(7),
    ...options,
  });

const commits: Behaviour = (_heard, response) => json(response, 200, transaction());
const branches = [{ participant: 'east', operation: 'debit', input: {} }];
const keysOf = (server: FakeReplica) => server.heard.map(({ headers }) => headers['idempotency-key']);

describe('failover within one call', () => {
  it('goes to another replica when one does not take connections', async () => {
    const [dead, alive] = await start(commits, commits);
    await dead?.die();
    expect(await clientOf([dead, alive] as FakeReplica[]).run({ branches })).toMatchObject({ csn: 7 });
    expect(alive?.heard).toHaveLength(1);
    await dead?.rise();
  });

  it('repeats under the same key, with the same body, what a replica may have carried out as it died', async () => {
    const [dying, alive] = await start((_heard, response) => void response.destroy(), commits);
    await clientOf([dying, alive] as FakeReplica[]).run({ branches });
    const [first, second] = [dying?.heard[0], alive?.heard[0]];
    expect(first?.headers['idempotency-key']).toMatch(/^[0-9a-f-]{32,36}$/);
    expect(second?.headers['idempotency-key']).toBe(first?.headers['idempotency-key']);
    expect(second?.body).toEqual(first?.body);
  });

  it('goes past a replica that says it is not ready, and leaves it alone for as long as it asked', async () => {
    const resting: Behaviour = (_heard, response) => problem(response, 503, 'not-ready', {}, { 'retry-after': '60' });
    const servers = await start(resting, commits);
    const client = clientOf(servers);
    for (let i = 0; i < 5; i += 1) await client.run({ branches });
    expect(servers.map(({ heard }) => heard.length)).toEqual([1, 5]);
  });

  it('takes no 503 for the truth: a commit that was refused and carried out all the same is one commit', async () => {
    const outcomes = new Map<unknown, object>();
    const carryOut: Behaviour = ({ headers }, response) => {
      const known = outcomes.get(headers['idempotency-key']);
      outcomes.set(headers['idempotency-key'], known ?? transaction({ csn: 1 + outcomes.size }));
      if (known) json(response, 200, known);
      else response.writeHead(503).end('a proxy lost patience');
    };
    const servers = await start(carryOut, carryOut);
    expect(await clientOf(servers).run({ branches })).toMatchObject({ csn: 1 });
    expect(outcomes.size).toBe(1);
  });

  it('waits with Retry-After where every replica would say the same, and does not turn to the others', async () => {
    let calls = 0;
    const once: Behaviour = (heard, response, request) => {
      calls += 1;
      if (calls === 1) problem(response, 503, 'overloaded', { retryable: true }, { 'retry-after': '1' });
      else return commits(heard, response, request);
    };
    const servers = await start(once, once);
    const startedAt = performance.now();
    await clientOf(servers).run({ branches });
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(990);
    expect(servers.map(({ heard }) => heard.length)).toEqual([2, 0]);
  });

  it('gives up a replica that hangs while there is still time for another', async () => {
    const servers = await start(() => undefined, commits);
    await clientOf(servers, { timeoutMs: 6_000 }).run({ branches });
    expect(keysOf(servers[0] as FakeReplica)).toEqual(keysOf(servers[1] as FakeReplica));
  });

  it('opens the circuit of a replica that fails, and closes it when a probe succeeds', async () => {
    const servers = await start((_heard, response) => void response.destroy(), commits);
    const [failing, good] = servers as [FakeReplica, FakeReplica];
    let skippedMs = 0; // so that how busy the machine is makes no difference
    const clock = { now: () => performance.now() + skippedMs, after: systemClock.after };
    const minute = 60_000;
    const breaker = { callsMin: 3, windowMs: 100 * minute, openMs: minute, openMsMax: minute };
    const client = clientOf(servers, { clock, breaker });
    for (let i = 0; i < 10; i += 1) await client.run({ branches });
    expect([failing.heard.length, good.heard.length]).toEqual([3, 10]);
    skippedMs += minute;
    await Promise.all(Array.from({ length: 5 }, () => client.run({ branches })));
    expect(failing.heard).toHaveLength(4); // one probe, however many ask
    failing.behave = commits;
    skippedMs += minute;
    for (let i = 0; i < 5; i += 1) await client.run({ branches });
    expect(failing.heard).toHaveLength(9); // the probe, and then again everything
  });

  it('does not take slow for dead: the circuit stays closed where the replica says that it lives', async () => {
    const servers = await start(() => undefined);
    const [slow] = servers as [FakeReplica];
    const client = clientOf(servers, {
      breaker: { callsMin: 1, failureRatio: 0.1, openMs: 60_000, openMsMax: 60_000 },
    });
    await expect(client.run({ branches, timeoutMs: 300 })).rejects.toBeInstanceOf(OutcomeUnknownError);
    slow.behave = commits;
    await client.run({ branches });
    slow.alive = false;
    slow.behave = () => undefined;
    await expect(client.run({ branches, timeoutMs: 300 })).rejects.toBeInstanceOf(OutcomeUnknownError);
    await new Promise((resolve) => setTimeout(resolve, 1_200)); // it has not said that it lives
    const heard = slow.heard.length;
    await expect(client.run({ branches, timeoutMs: 300 })).rejects.toBeInstanceOf(DeadlineExceededError);
    expect(slow.heard).toHaveLength(heard);
  });

  it('waits for the retry budget rather than to multiply the load, and succeeds when the outage ends', async () => {
    let failing = true;
    const servers = await start((heard, response, request) => {
      if (failing) response.writeHead(502).end();
      else return commits(heard, response, request);
    });
    const [server] = servers as [FakeReplica];
    const client = clientOf(servers, {
      retryBudget: { ratio: 0, retriesPerSecondMin: 20, burst: 5 },
      breaker: { callsMin: 1_000 },
    });
    const startedAt = performance.now();
    const calls = Array.from({ length: 10 }, () => client.run({ branches }));
    await new Promise((resolve) => setTimeout(resolve, 500));
    const earned = ((performance.now() - startedAt) / 1_000) * 20;
    expect(server.heard.length).toBeLessThanOrEqual(10 + 5 + earned);
    failing = false;
    expect(await Promise.all(calls)).toHaveLength(10);
  });
});

describe('policies on the wire', () => {
  const countsAfter = async (servers: FakeReplica[], options: Partial<ConcordatClientOptions>, calls: number) => {
    const client = clientOf(servers, options);
    for (let i = 0; i < calls; i += 1) await client.run({ branches });
    return servers.map(({ heard }) => heard.length);
  };

  it('round-robin gives each replica the same', async () => {
    const servers = await start(commits, commits, commits);
    expect(await countsAfter(servers, { policy: 'round-robin' }, 30)).toEqual([10, 10, 10]);
  });

  it('random and weighted reach all, in about their shares', async () => {
    const [a = 0, b = 0] = await countsAfter(await start(commits, commits), { policy: 'random' }, 100);
    expect(Math.min(a, b)).toBeGreaterThan(30);
    const servers = await start(commits, commits);
    const [light, heavy] = servers as [FakeReplica, FakeReplica];
    const [c = 0, d = 0] = await countsAfter(servers, { policy: { weights: { [light.url]: 1, [heavy.url]: 9 } } }, 100);
    expect([c < 25, d > 75, c > 0]).toEqual([true, true, true]);
  });

  it('leader-first follows the leader that the answers name, and looks elsewhere when it dies', async () => {
    let leader = '';
    const naming: Behaviour = (_heard, response) =>
      json(response, 200, transaction(), { 'x-concordat-leader': leader });
    const servers = await start(naming, naming, naming);
    const [, second, third] = servers as [FakeReplica, FakeReplica, FakeReplica];
    leader = second.url;
    const client = clientOf(servers, { policy: 'leader-first' });
    await client.run({ branches });
    const before = second.heard.length;
    for (let i = 0; i < 9; i += 1) await client.run({ branches });
    expect(second.heard.length - before).toBe(9);
    await client.get('1-1-1', { consistency: 'stale' }); // any replica can answer that one
    leader = third.url;
    await second.die();
    for (let i = 0; i < 9; i += 1) await client.run({ branches });
    expect(third.heard.length).toBeGreaterThanOrEqual(8);
    await second.rise();
  });
});

describe('hedged reads', () => {
  const hangs: Behaviour = () => undefined;

  it('ask a second replica when the first is slow, and cancel the loser', async () => {
    let onCancel = () => {};
    const cancelled = new Promise<void>((resolve) => {
      onCancel = resolve;
    });
    const servers = await start((_heard, response) => void response.on('close', onCancel), commits);
    const client = clientOf(servers, { hedge: { initialDelayMs: 30 }, timeoutMs: 300_000 }); // no attempt ends by itself
    expect(await client.get('1-1-1')).toMatchObject({ id: '1-1-1' });
    await cancelled;
    expect(servers.map(({ heard }) => heard.length)).toEqual([1, 1]);
  });

  it('ask nobody twice who answers in time, and never hedge what writes or waits', async () => {
    const servers = await start(commits, commits);
    const client = clientOf(servers, { hedge: { initialDelayMs: 2_000 } });
    for (let i = 0; i < 10; i += 1) await client.get('1-1-1');
    expect(servers.map(({ heard }) => heard.length)).toEqual([10, 0]);
    const [first, second] = servers as [FakeReplica, FakeReplica];
    first.behave = hangs;
    const eager = clientOf(servers, { hedge: { initialDelayMs: 1, delayMsMin: 1 }, timeoutMs: 60_000 });
    const calls = [
      (signal: AbortSignal) => eager.run({ branches, signal }),
      (signal: AbortSignal) => eager.get('1-1-1', { wait: 'decided', signal }),
    ];
    for (const call of calls) {
      const heardBefore = first.heard.length;
      const giveUp = new AbortController();
      const ended = call(giveUp.signal).catch(({ name }: Error) => name);
      while (first.heard.length === heardBefore) await sleep(systemClock, 5);
      await sleep(systemClock, 50); // many times the delay of a hedge, and far from the end of the attempt
      giveUp.abort();
      expect(await ended).toMatch(/Error$/);
    }
    expect(second.heard).toHaveLength(0);
  });
});

describe('how a call ends', () => {
  it('with the refusal of the coordinator, after one attempt', async () => {
    const servers = await start((_heard, response) => problem(response, 422, 'input-invalid', { participant: 'east' }));
    const call = clientOf(servers).run({ branches });
    await expect(call).rejects.toMatchObject({ code: 'input-invalid', status: 422, problem: { participant: 'east' } });
    expect(servers[0]?.heard).toHaveLength(1);
  });

  it('as unknown when something may have been carried out, even if it is refused later', async () => {
    let calls = 0;
    const servers = await start((_heard, response) => {
      calls += 1;
      if (calls === 1) response.destroy();
      else problem(response, 422, 'participant-unknown');
    });
    const call = clientOf(servers).run({ branches });
    await expect(call).rejects.toBeInstanceOf(OutcomeUnknownError);
    await expect(call).rejects.toMatchObject({ idempotencyKey: keysOf(servers[0] as FakeReplica)[0] });
  });

  it('as unknown, with the id that the coordinator named, when it does not learn the outcome either', async () => {
    const servers = await start((_h, response) =>
      problem(response, 504, 'outcome-unknown', { transactionId: '1-2-3' }),
    );
    const call = clientOf(servers).run({ branches, timeoutMs: 1_500 });
    await expect(call).rejects.toMatchObject({ name: 'OutcomeUnknownError', transactionId: '1-2-3' });
    expect(new Set(keysOf(servers[0] as FakeReplica)).size).toBe(1); // never a new transaction
  });

  it('at the deadline, with the last refusal as the cause, when surely nothing was done', async () => {
    const servers = await start((_heard, response) =>
      problem(response, 503, 'kafka-unavailable', {}, { 'retry-after': '2' }),
    );
    const call = clientOf(servers).run({ branches, timeoutMs: 1_000 });
    await expect(call).rejects.toMatchObject({ code: 'deadline-exceeded', cause: { code: 'kafka-unavailable' } });
  });

  it('when the caller wants it to: with its reason before the commit, as unknown during it', async () => {
    const reason = new Error('no longer wanted');
    const servers = await start(() => undefined);
    const client = clientOf(servers);
    const stopped = AbortSignal.abort(reason);
    await expect(client.run({ branches, signal: stopped })).rejects.toBe(reason);
    const stop = new AbortController();
    const call = client.run({ branches, signal: stop.signal });
    setTimeout(() => stop.abort(reason), 50);
    await expect(call).rejects.toMatchObject({ code: 'outcome-unknown', cause: reason });
  });

  it('with success after a retryable abort, as a new transaction under a new key', async () => {
    let calls = 0;
    const servers = await start((heard, response, request) => {
      calls += 1;
      if (calls < 3) aborted(response, 'leader-changed', true);
      else return commits(heard, response, request);
    });
    await clientOf(servers).run({ branches });
    expect(new Set(keysOf(servers[0] as FakeReplica)).size).toBe(3);
    await clientOf(servers).run({ branches, idempotencyKey: 'order 7' });
    expect(keysOf(servers[0] as FakeReplica).at(-1)).toBe('order 7');
  });

  it('with the abort where it would come again', async () => {
    const servers = await start((_heard, response) => aborted(response, 'insufficient-funds', false));
    const call = clientOf(servers).run({ branches });
    await expect(call).rejects.toBeInstanceOf(TransactionAbortedError);
    await expect(call).rejects.toMatchObject({ reason: { code: 'insufficient-funds' } });
    expect(servers[0]?.heard).toHaveLength(1);
  });
});
