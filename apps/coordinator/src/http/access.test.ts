import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { expectProblem } from '../../test/expect-problem.js';
import { FakeCoordinator } from '../../test/fake-coordinator.js';
import { type HttpHarness, LoneCluster, startHttp } from '../../test/http-harness.js';
import { AUDIENCE, IdentityProvider, ISSUER } from '../../test/identity-provider.js';
import { KeyRing } from '../../test/key-ring.js';
import { Liveness } from '../engine/liveness.js';
import { CredentialAuthenticator } from '../security/authenticator.js';
import { KeySet } from '../security/key-set.js';
import { type Access, ROLES, type Role } from '../security/principal.js';
import { TokenVerifier } from '../security/tokens.js';
import { accessOf } from './access.js';
import { ROUTES } from './routes.js';

/** Who gets through, by what a route asks for. */
const LET_IN: Readonly<Record<Access, readonly Role[]>> = {
  public: ROLES,
  known: ROLES,
  caller: ['caller', 'operator', 'admin'],
  participant: ['participant', 'operator', 'admin'],
  monitor: ['monitor', 'operator', 'admin'],
  operator: ['operator', 'admin'],
  admin: ['admin'],
};
const DEBIT = { participant: 'accounts-east', operation: 'debit', input: { account: 'a', amount: 5 } };
const ring = new KeyRing();

describe('the guard of the routes', () => {
  let api: FakeCoordinator;
  let http: HttpHarness;

  beforeAll(async () => {
    api = new FakeCoordinator();
    http = await startHttp(api, new LoneCluster(), new Liveness(), { authenticator: ring.authenticator });
  });
  afterAll(() => http.close());
  beforeEach(() => {
    api.calls.length = 0;
  });

  /** Without a body a write is refused as malformed, which is behind the guard and does nothing. */
  const status = async (route: (typeof ROUTES)[number], headers: Record<string, string>) => {
    const path = route.path.replaceAll(/\{\w+\}/g, 'a-1-1').replace('/events', '/events?x=1');
    return (await http.call(route.method, path, undefined, headers)).status;
  };

  it.each(ROUTES.map((route) => [`${route.method} ${route.path}`, route] as const))(
    '%s lets in those with its role, and nobody else',
    async (_, route) => {
      const withoutCredentials = await status(route, {});
      if (route.role === 'public') expect([401, 403]).not.toContain(withoutCredentials);
      else expect(withoutCredentials).toBe(401);
      for (const role of ROLES) {
        const answer = await status(route, ring.as(role));
        if (LET_IN[route.role].includes(role)) expect([role, answer === 401 || answer === 403]).toEqual([role, false]);
        else expect([role, answer]).toEqual([role, 403]);
      }
    },
  );

  it('knows what each route that is served asks for', () => {
    for (const served of http.routes()) {
      const [method = '', path = ''] = served.split(' ');
      expect([served, accessOf(method, path)]).not.toContain(undefined);
    }
    expect(accessOf('GET', '/somewhere/new')).toBeUndefined();
  });

  it('leaves public nothing but probes and descriptions', () => {
    const open = ROUTES.filter(({ role }) => role === 'public').map(({ path }) => path);
    expect(open.every((path) => /^\/(health\/|docs|openapi\.json$|asyncapi\.json$|console)/.test(path))).toBe(true);
  });

  it('says how to come in, and nothing else', async () => {
    const response = await http.call('GET', '/v1/cluster');
    expectProblem(response, 'unauthenticated');
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="concordat"');
    for (const name of ['x-concordat-leader', 'x-concordat-applied-index'])
      expect(response.headers.has(name)).toBe(false);
    expect(expectProblem(await http.call('GET', '/v1/cluster', undefined, ring.as('caller')), 'forbidden').detail).toBe(
      'This call asks for the role operator.',
    );
  });

  it.each(['', 'Basic YTpi', 'Bearer', 'Bearer ', 'Bearer a b', 'Digest x', `concordat`])(
    'refuses the header "%s"',
    async (authorization) => {
      expectProblem(await http.call('GET', '/v1/cluster', undefined, { authorization }), 'unauthenticated');
    },
  );

  it('tells the coordinator in whose name a call is made, and lists to a caller only its own', async () => {
    await http.call('POST', '/v1/transactions', {}, ring.as('caller'));
    await http.call('POST', '/v1/transactions', {}, { ...ring.as('operator'), 'idempotency-key': 'k' });
    await http.call('GET', '/v1/transactions', undefined, ring.as('caller'));
    await http.call('GET', '/v1/transactions', undefined, ring.as('operator'));
    const begins = api.calls.filter(({ method }) => method === 'begin').map(({ args }) => args[1]);
    expect(begins).toMatchObject([
      { caller: 'caller-service', reachesAll: false },
      { caller: 'operator-service', reachesAll: true, claim: { caller: 'operator-service', key: 'k' } },
    ]);
    const lists = api.calls.filter(({ method }) => method === 'list').map(({ args }) => args[0]);
    expect(lists).toEqual([{ limit: 50, caller: 'caller-service' }, { limit: 50 }]);
  });

  it('lets nobody enlist a participant that is not theirs, in any call', async () => {
    const headers = ring.as('confined');
    const { id } = (await http.call('POST', '/v1/transactions', {}, headers)).json;
    for (const [path, body] of [
      ['/v1/transactions', { branches: [DEBIT] }],
      ['/v1/transactions', { branches: [DEBIT], commit: true }],
      [`/v1/transactions/${id}/branches`, DEBIT],
      [`/v1/transactions/${id}/branches?execute=now`, DEBIT],
    ] as const) {
      const problem = expectProblem(await http.call('POST', path, body, headers), 'forbidden');
      expect(problem.participant).toBe('accounts-east');
    }
    expect(api.calls.map(({ method }) => method)).toEqual(['begin']);
    expect((await http.call('POST', `/v1/transactions/${id}/branches`, DEBIT, ring.as('caller'))).status).toBe(201);
  });

  it('counts those turned away, by code', async () => {
    await http.call('GET', '/v1/cluster');
    await http.call('GET', '/v1/cluster', undefined, ring.as('caller'));
    const { text } = await http.call('GET', '/metrics', undefined, ring.as('monitor'));
    expect(text).toMatch(/concordat_http_refused_total\{code="unauthenticated"\} [1-9]/);
    expect(text).toMatch(/concordat_http_refused_total\{code="forbidden"\} [1-9]/);
  });
});

describe('a call that is handed on to the leader', () => {
  it('is checked where it comes in, and again by the leader, in the same name', async () => {
    const [own, leading] = [new FakeCoordinator(), new FakeCoordinator()];
    const options = { authenticator: ring.authenticator };
    const leader = await startHttp(leading, new LoneCluster(), new Liveness(), options);
    const cluster = new LoneCluster();
    cluster.leads = false;
    cluster.leaderUrl = leader.url;
    const follower = await startHttp(own, cluster, new Liveness(), options);
    try {
      expect((await follower.call('POST', '/v1/transactions', {}, ring.as('caller'))).status).toBe(201);
      expect(leading.calls[0]?.args[1]).toMatchObject({ caller: 'caller-service' });
      expectProblem(await follower.call('POST', '/v1/transactions', {}), 'unauthenticated');
      // Whoever says that a call was handed on is asked all the same.
      const pretended = { 'x-concordat-forwarded': '1' };
      expectProblem(await leader.call('POST', '/v1/transactions', {}, pretended), 'unauthenticated');
      expect(leading.calls).toHaveLength(1);
    } finally {
      await follower.close();
      await leader.close();
    }
  });
});

describe('tokens of an identity provider', () => {
  it('let in by their roles; a provider that is away is 503, not 500', async () => {
    const provider = await IdentityProvider.start();
    const now = () => Date.now();
    const rules = { issuer: ISSUER, audience: AUDIENCE, rolesClaim: 'roles', rolesPrefix: '', participantsClaim: 'p' };
    const tokens = new TokenVerifier(rules, new KeySet(provider.url, now, () => {}), now);
    const authenticator = new CredentialAuthenticator({ tokens }, now);
    const http = await startHttp(new FakeCoordinator(), new LoneCluster(), new Liveness(), { authenticator });
    const as = (token: string) => ({ authorization: `Bearer ${token}` });
    try {
      provider.away = true;
      const away = await http.call('GET', '/v1/cluster', undefined, as(await provider.token()));
      expectProblem(away, 'identity-unavailable');
      expect(Number(away.headers.get('retry-after'))).toBeGreaterThan(0);
    } finally {
      await http.close();
    }
    provider.away = false;
    const again = new TokenVerifier(rules, new KeySet(provider.url, now, () => {}), now);
    const second = await startHttp(new FakeCoordinator(), new LoneCluster(), new Liveness(), {
      authenticator: new CredentialAuthenticator({ tokens: again }, now),
    });
    try {
      const operator = as(await provider.token({ roles: ['operator'] }));
      expect((await second.call('GET', '/v1/cluster', undefined, operator)).status).toBe(200);
      expectProblem(await second.call('GET', '/v1/cluster', undefined, as(await provider.token())), 'forbidden');
      expectProblem(await second.call('GET', '/v1/cluster', undefined, as('a.b.c')), 'unauthenticated');
      expectProblem(await second.call('GET', '/v1/cluster', undefined, ring.as('admin')), 'unauthenticated');
    } finally {
      await second.close();
      await provider.stop();
    }
  });
});
