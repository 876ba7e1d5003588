// What `client.transaction` and the reads make of the coordinator's answers.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Behaviour, FakeReplica, json, problem, transaction } from '../test/fake-replica.js';
import { ConcordatClient } from './client.js';
import { OutcomeUnknownError, TransactionAbortedError } from './errors.js';

/** A coordinator in a few lines; `behave` may answer first. */
class FakeCoordinator {
  begun = 0;
  readonly ends: string[] = [];
  before: Behaviour | undefined;
  readonly server: FakeReplica = new FakeReplica(async (heard, response, request) => {
    await this.before?.(heard, response, request);
    if (response.writableEnded || response.destroyed) return;
    const [path = ''] = heard.path.split('?');
    const [, , , id, action] = path.split('/');
    if (id === undefined) {
      this.begun += 1;
      return json(response, 201, transaction({ id: `1-1-${this.begun}`, status: 'active', csn: null }));
    }
    if (action === 'branches') {
      const result = heard.path.endsWith('execute=now') ? { got: heard.body } : null;
      return json(response, 201, { id: String(this.server.heard.length), status: 'enlisted', result });
    }
    this.ends.push(`${action} ${id}`);
    const branches = this.server.heard.map((_, index) => ({ id: String(index + 1), result: `result ${index + 1}` }));
    return json(response, 200, transaction({ id, branches }));
  });
}

describe('client.transaction', () => {
  let coordinator: FakeCoordinator;
  let client: ConcordatClient;
  beforeEach(async () => {
    coordinator = new FakeCoordinator();
    await coordinator.server.start();
    client = new ConcordatClient({ urls: [`${coordinator.server.url}/`], backoff: { baseMs: 5, maxMs: 10 } });
  });
  afterEach(() => coordinator.server.die());

  const lose = (count: number, wanted: (path: string) => boolean) => {
    let left = count;
    coordinator.before = ({ path }, response) => {
      if (!wanted(path) || left === 0) return;
      left -= 1;
      response.destroy();
    };
  };

  it('begins, calls at once, enlists for later, commits, and gives back what the work returned', async () => {
    const result = await client.transaction({ label: 'transfer', wait: 'completed' }, async (tx) => {
      const deferred = await tx.enlist('west', 'credit', { amount: 1 });
      expect(() => deferred.result).toThrow('once the transaction is committed');
      const got = await tx.call('east', 'debit', { amount: 1 });
      return { deferred, got, id: tx.id, snapshot: tx.snapshot };
    });
    expect(result).toMatchObject({ got: { got: { participant: 'east' } }, id: '1-1-1', snapshot: 6 });
    expect(result.deferred.result).toBe('result 2');
    const { heard } = coordinator.server;
    expect(heard.map(({ path }) => path)).toEqual([
      '/v1/transactions',
      '/v1/transactions/1-1-1/branches',
      '/v1/transactions/1-1-1/branches?execute=now',
      '/v1/transactions/1-1-1/commit',
    ]);
    expect(heard[0]?.body).toMatchObject({ label: 'transfer', timeoutMs: expect.any(Number) });
    expect(heard[3]?.body).toEqual({ wait: 'completed' });
    const keys = [heard[0], heard[3]].map((one) => one?.headers['idempotency-key']);
    expect(new Set(keys).size).toBe(2);
    expect(keys).not.toContain(undefined);
  });

  it('rolls back when the work throws, and throws the same', async () => {
    const own = new Error('changed my mind');
    const call = client.transaction(async (tx) => {
      await tx.call('east', 'debit', {});
      throw own;
    });
    await expect(call).rejects.toBe(own);
    expect(coordinator.ends).toEqual(['rollback 1-1-1']);
  });

  it('makes it again, as a whole, when it was aborted for a reason that may pass, also if the work wraps the error', async () => {
    coordinator.before = ({ path }, response) => {
      if (!path.includes('execute') || coordinator.begun > 2) return;
      const reason = { code: 'serialization-failure', message: 'another was first', retryable: true };
      problem(response, 409, 'transaction-aborted', { reason, retryable: true });
    };
    let runs = 0;
    await client.transaction(async (tx) => {
      runs += 1;
      await tx.call('east', 'debit', {}).catch((cause) => {
        throw new Error('debit', { cause });
      });
    });
    expect(runs).toBe(3);
    expect(coordinator.ends).toEqual(['rollback 1-1-1', 'rollback 1-1-2', 'commit 1-1-3']);
  });

  it('never sends a branch twice: when its answer is lost, the transaction is rolled back and made anew', async () => {
    lose(1, (path) => path.includes('/branches'));
    await client.transaction((tx) => tx.enlist('east', 'debit', {}));
    expect(coordinator.ends).toEqual(['rollback 1-1-1', 'commit 1-1-2']);
    expect(coordinator.server.heard.filter(({ path }) => path === '/v1/transactions/1-1-1/branches')).toHaveLength(1);
  });

  it('does not commit without a lost branch, even if the work passes over the error', async () => {
    let branches = 0;
    lose(1, (path) => path.includes('/branches') && ++branches === 2);
    await client.transaction(async (tx) => {
      await tx.enlist('east', 'debit', {});
      await tx.enlist('west', 'credit', {}).catch(() => undefined);
    });
    expect(coordinator.ends).toEqual(['rollback 1-1-1', 'commit 1-1-2']);
  });

  it('repeats a begin and a commit whose answers were lost, under their keys, and does not run the work again', async () => {
    const lost = new Set<string>();
    coordinator.before = ({ path }, response) => {
      if (path.includes('branches') || lost.has(path)) return;
      lost.add(path);
      response.destroy();
    };
    let runs = 0;
    await client.transaction(async (tx) => {
      runs += 1;
      await tx.call('east', 'debit', {});
    });
    expect(runs).toBe(1);
    const keys = coordinator.server.heard.map(({ headers }) => headers['idempotency-key']);
    expect([keys[0] === keys[1], keys[3] === keys[4], keys[0] === keys[3]]).toEqual([true, true, false]);
  });

  it('throws OutcomeUnknownError with the id when a commit stays unanswered, and neither rolls back nor tries anew', async () => {
    lose(1_000, (path) => path.endsWith('/commit'));
    let runs = 0;
    const call = client.transaction({ timeoutMs: 1_500 }, async (tx) => {
      runs += 1;
      await tx.call('east', 'debit', {});
    });
    await expect(call).rejects.toBeInstanceOf(OutcomeUnknownError);
    await expect(call).rejects.toMatchObject({ transactionId: '1-1-1', code: 'outcome-unknown', retryable: false });
    expect([runs, coordinator.begun, coordinator.ends]).toEqual([1, 1, []]);
  });

  it('waits for calls that the work left running, and takes none after it', async () => {
    let late: Promise<unknown> | undefined;
    await client.transaction(async (tx) => {
      void tx.enlist('east', 'debit', {});
      late = new Promise((resolve) => setTimeout(resolve, 100)).then(() => tx.call('east', 'debit', {}));
      late.catch(() => undefined);
    });
    expect(coordinator.server.heard.map(({ path }) => path.split('/').at(-1))).toEqual([
      'transactions',
      'branches',
      'commit',
    ]);
    await expect(late).rejects.toMatchObject({ code: 'misuse' });
  });

  it('has nothing to commit where nothing was enlisted', async () => {
    expect(await client.transaction(async () => 5)).toBe(5);
    expect(coordinator.ends).toEqual(['rollback 1-1-1']);
  });

  it('gives up at the deadline what is aborted again and again', async () => {
    coordinator.before = ({ path }, response) => {
      if (!path.endsWith('/commit')) return;
      const reason = { code: 'lock-timeout', message: 'held', retryable: true };
      problem(response, 409, 'transaction-aborted', { reason, transactionId: '1-1-1' });
    };
    const patient = new ConcordatClient({
      urls: [coordinator.server.url],
      backoff: { baseMs: 100_000, maxMs: 100_000 },
      random: () => 0.5,
    });
    const call = patient.transaction({ timeoutMs: 5_000 }, (tx) => tx.enlist('east', 'debit', {}));
    await expect(call).rejects.toBeInstanceOf(TransactionAbortedError); // the next try would come too late
    expect(coordinator.begun).toBe(1);
  });
});

describe('reads', () => {
  const event = (status: string) => `event: transaction\ndata: ${JSON.stringify(transaction({ status }))}\n\n`;
  let server: FakeReplica;
  const clientFor = () => new ConcordatClient({ urls: [server.url], backoff: { baseMs: 5 } });
  const statesOf = async () => {
    const states: string[] = [];
    for await (const { status } of clientFor().watch('1-1-1')) states.push(status);
    return states;
  };
  afterEach(() => server.die());

  it('list goes through all pages', async () => {
    server = await new FakeReplica(({ path }, response) => {
      const cursor = Number(new URL(path, 'http://x').searchParams.get('cursor') ?? 0);
      json(response, 200, {
        items: [transaction({ id: `1-1-${cursor}` })],
        nextCursor: cursor < 3 ? String(cursor + 1) : null,
      });
    }).start();
    const ids: string[] = [];
    for await (const { id } of clientFor().list({ label: 'a b', pageSize: 1, minCsn: 9 })) ids.push(id);
    expect(ids).toEqual(['1-1-0', '1-1-1', '1-1-2', '1-1-3']);
    expect(server.heard[1]?.path).toBe('/v1/transactions?label=a+b&limit=1&cursor=1');
    expect(server.heard[1]?.headers['x-concordat-min-csn']).toBe('9');
  });

  it('watch shows each state once, over a stream that breaks and is opened again', async () => {
    let streams = 0;
    server = await new FakeReplica((_heard, response) => {
      streams += 1;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`: still here\n\nid: 7\n${event(streams === 1 ? 'active' : 'preparing')}`);
      if (streams === 1) setTimeout(() => response.destroy(), 30);
      else if (streams === 2) response.end(event('preparing'));
      else response.end(event('completed'));
    }).start();
    expect(await statesOf()).toEqual(['active', 'preparing', 'completed']);
    expect(server.heard.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, '7', '7']);
  });

  it('watch polls where something on the way turns streams into something else', async () => {
    const states = ['active', 'committed', 'completed'];
    server = await new FakeReplica(({ path }, response) => {
      json(response, 200, path.endsWith('/events') ? {} : transaction({ status: states.shift() }));
    }).start();
    expect(await statesOf()).toEqual(['active', 'committed', 'completed']);
    const polls = server.heard.filter(({ path }) => !path.endsWith('/events'));
    expect(polls.map(({ path }) => path.split('?')[1])).toEqual(['wait=decided', 'wait=decided', 'wait=completed']);
  });

  it('watch ends when the caller wants it to, and with a refusal', async () => {
    server = await new FakeReplica(({ path }, response) => {
      if (path.includes('unknown')) return problem(response, 404, 'transaction-not-found');
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(event('active'));
    }).start();
    const stop = new AbortController();
    const reason = new Error('enough');
    const watching = (async () => {
      for await (const _ of clientFor().watch('1-1-1', { signal: stop.signal })) stop.abort(reason);
    })();
    await expect(watching).rejects.toBe(reason);
    await expect(clientFor().watch('unknown').next()).rejects.toMatchObject({ code: 'transaction-not-found' });
    const waiting = clientFor().waitFor('1-1-1', 'decided', { timeoutMs: 200 });
    await expect(waiting).rejects.toMatchObject({ code: 'deadline-exceeded' });
  });

  it('a snapshot whose release was lost on the way is released', async () => {
    let calls = 0;
    server = await new FakeReplica((_heard, response) => {
      calls += 1;
      if (calls === 1) response.destroy();
      else problem(response, 404, 'snapshot-not-found');
    }).start();
    await clientFor().releaseSnapshot('s-1-1-1');
    await expect(clientFor().releaseSnapshot('s-1-1-1')).rejects.toMatchObject({ code: 'snapshot-not-found' });
  });

  it('headers are asked for before each request', async () => {
    let token = 0;
    server = await new FakeReplica((_heard, response) => json(response, 200, { items: [], nextCursor: null })).start();
    const headers = async () => {
      token += 1;
      return { authorization: `Bearer ${token}` };
    };
    const client = new ConcordatClient({ urls: [server.url], headers });
    await client.participants();
    await client.participants();
    expect(server.heard.map((one) => one.headers.authorization)).toEqual(['Bearer 1', 'Bearer 2']);
  });
});
