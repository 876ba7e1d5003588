import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { base64url, generateKeyPair, SignJWT } from 'jose';
import { AUDIENCE, IdentityProvider, ISSUER } from '../../test/identity-provider.js';
import { COOLDOWN_MS, KeySet, REFRESH_MS, RETRY_MS } from './key-set.js';
import { type TokenRules, TokenVerifier } from './tokens.js';

const RULES: TokenRules = {
  issuer: ISSUER,
  audience: AUDIENCE,
  rolesClaim: 'roles',
  rolesPrefix: '',
  participantsClaim: 'participants',
};
const HOUR_S = 3600;

let provider: IdentityProvider;
/** What is added to the clock, in ms. */
let later: number;
const now = () => Date.now() + later;

beforeEach(async () => {
  provider = await IdentityProvider.start();
  later = 0;
});
afterEach(() => provider.stop());

function verifier(rules: Partial<TokenRules> = {}) {
  const failures: unknown[] = [];
  const keys = new KeySet(provider.url, now, (error) => failures.push(error));
  return { tokens: new TokenVerifier({ ...RULES, ...rules }, keys, now), keys, failures };
}

const part = (value: object): string => base64url.encode(JSON.stringify(value));

describe('a token', () => {
  it('names its caller, apart from those of API keys, with roles and participants', async () => {
    const { tokens } = verifier();
    const token = await provider.token({ roles: ['caller', 'emperor'], participants: ['accounts-east'] });
    expect(await tokens.verify(token)).toEqual({
      caller: 'jwt:shop',
      roles: new Set(['caller']),
      participants: new Set(['accounts-east']),
    });
  });

  it('has its roles and participants where the configuration says', async () => {
    const { tokens } = verifier({ rolesClaim: 'realm_access.roles', rolesPrefix: 'tx-', participantsClaim: 'scope' });
    const token = await provider.token({ realm_access: { roles: ['admin', 'tx-operator'] }, scope: 'a *' });
    const { roles, participants } = await tokens.verify(token);
    expect([roles.has('operator'), roles.has('admin'), participants]).toEqual([true, false, '*']);
    const named = verifier({ rolesClaim: 'https://x.example/roles' });
    expect((await named.tokens.verify(await provider.token({ 'https://x.example/roles': 'monitor' }))).roles).toEqual(
      new Set(['monitor']),
    );
  });

  it.each<[string, unknown, string]>([
    ['of a wrong type', { admin: true }, 'roles'],
    ['with a list in the list', [['admin']], 'roles'],
    ['that is inherited', undefined, 'constructor.name'],
    ['by way of __proto__', undefined, '__proto__.x'],
  ])('has no role by a claim %s', async (_, roles, rolesClaim) => {
    const { tokens } = verifier({ rolesClaim });
    expect((await tokens.verify(await provider.token({ roles }))).roles).toEqual(new Set());
  });

  it.each<[string, () => Promise<string> | string]>([
    ['is for another audience', () => provider.token({ aud: 'somebody-else' })],
    ['has no audience', () => provider.token({ aud: undefined })],
    ['comes from another issuer', () => provider.token({ iss: 'https://evil.example' })],
    ['is over', () => provider.token({ exp: Math.floor(Date.now() / 1000) - 120 })],
    ['never ends', () => provider.token({ exp: undefined })],
    ['is not valid yet', () => provider.token({ nbf: Math.floor(Date.now() / 1000) + HOUR_S })],
    ['names nobody', () => provider.token({ sub: undefined })],
    ['names nobody that could be written down', () => provider.token({ sub: 'a\r\nb' })],
    ['names nobody short enough', () => provider.token({ sub: 'x'.repeat(201) })],
    ['names somebody with a NUL, to get at the keys of another', () => provider.token({ sub: 'shop\u0000key' })],
    ['is too long', () => provider.token({ padding: 'x'.repeat(9_000) })],
    ['is none', () => 'garbage'],
    ['is empty within', () => '..'],
    ['has been changed', async () => (await provider.token()).replace(/\.[^.]+\./, `.${part({ sub: 'root' })}.`)],
    [
      'is signed by nobody (alg: none)',
      async () => `${part({ alg: 'none' })}.${(await provider.token()).split('.')[1]}.`,
    ],
    [
      'is signed by nobody, in capitals',
      async () => `${part({ alg: 'NONE' })}.${(await provider.token()).split('.')[1]}.`,
    ],
    [
      'is signed with the public key as an HMAC secret',
      async () =>
        new SignJWT({ sub: 'root', iss: ISSUER, aud: AUDIENCE, exp: 4e9 })
          .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
          .sign(new TextEncoder().encode(provider.publicKey('k1'))),
    ],
    [
      'is signed with a key of the attacker that it brings along',
      async () => {
        const { privateKey } = await generateKeyPair('RS256');
        return new SignJWT({ sub: 'root', iss: ISSUER, aud: AUDIENCE, exp: 4e9 })
          .setProtectedHeader({ alg: 'RS256', kid: 'k1', jku: 'http://127.0.0.1:1/jwks' })
          .sign(privateKey);
      },
    ],
  ])('is refused that %s', async (_, make) => {
    const { tokens } = verifier();
    await expect(tokens.verify(await make())).rejects.toMatchObject({ code: 'unauthenticated' });
    expect(await tokens.verify(await provider.token())).toMatchObject({ caller: 'jwt:shop' });
  });

  it('is remembered no longer than it is valid', async () => {
    const { tokens } = verifier();
    const token = await provider.token({ exp: Math.floor(Date.now() / 1000) + 40 });
    await tokens.verify(token);
    later = 80_000;
    await expect(tokens.verify(token)).rejects.toMatchObject({
      code: 'unauthenticated',
      message: 'The token is expired.',
    });
  });
});

describe('the keys of the identity provider', () => {
  it('are fetched once for many tokens, and again for a new key after the cooldown', async () => {
    const { tokens } = verifier();
    const many = await Promise.all(Array.from({ length: 20 }, (_, n) => provider.token({ sub: `shop-${n}` })));
    await Promise.all(many.map((token) => tokens.verify(token)));
    expect(provider.asked).toBe(1);
    await provider.rotate('k2');
    later = COOLDOWN_MS;
    expect(await tokens.verify(await provider.token())).toMatchObject({ caller: 'jwt:shop' });
    expect(provider.asked).toBe(2);
  });

  it('are not asked for by tokens with made-up key ids, however many come', async () => {
    const { tokens } = verifier();
    await tokens.verify(await provider.token());
    const forged = await Promise.all(Array.from({ length: 100 }, (_, n) => provider.token({}, `made-up-${n}`)));
    for (const token of forged) await expect(tokens.verify(token)).rejects.toMatchObject({ code: 'unauthenticated' });
    expect(provider.asked).toBe(1);
    later = COOLDOWN_MS;
    await Promise.allSettled(forged.map((token) => tokens.verify(token)));
    expect(provider.asked).toBe(2);
  });

  it('that were never fetched: 503, soon retried, and no fetch for each token', async () => {
    provider.away = true;
    const { tokens, failures } = verifier();
    const token = await provider.token();
    for (let n = 0; n < 5; n += 1) {
      await expect(tokens.verify(token)).rejects.toMatchObject({ code: 'identity-unavailable', retryable: true });
    }
    expect([provider.asked, failures.length]).toEqual([1, 1]);
    provider.away = false;
    later = RETRY_MS;
    expect(await tokens.verify(token)).toMatchObject({ caller: 'jwt:shop' });
  });

  it('go on working while the provider is away, for a day; unknown ones are 503 meanwhile', async () => {
    const { tokens, failures } = verifier();
    await tokens.verify(await provider.token());
    provider.away = true;
    later = REFRESH_MS + 1;
    const token = await provider.token({ exp: Math.floor(Date.now() / 1000) + 48 * HOUR_S });
    expect(await tokens.verify(token)).toMatchObject({ caller: 'jwt:shop' });
    later += COOLDOWN_MS;
    await expect(tokens.verify(await provider.token({}, 'k9'))).rejects.toMatchObject({ code: 'identity-unavailable' });
    expect(failures.length).toBeGreaterThan(0);
    later = 25 * HOUR_S * 1000;
    await expect(tokens.verify(token)).rejects.toMatchObject({ code: 'identity-unavailable' });
  });

  it('that the provider withdraws are refused after the next refresh', async () => {
    const { tokens, keys } = verifier();
    const old = await provider.token({ exp: Math.floor(Date.now() / 1000) + 2 * HOUR_S });
    await tokens.verify(old);
    await provider.rotate('k2', true);
    later = REFRESH_MS + 1;
    await keys.refresh();
    await expect(tokens.verify(old)).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it.each([
    ['is no JSON', '<html>'],
    ['has no keys', '{"keys":"none"}'],
    ['is huge', `{"keys":[${' '.repeat(300 * 1024)}]}`],
  ])('in an answer that %s are none', async (_, answer) => {
    const { tokens, failures } = verifier();
    provider.answer = answer;
    await expect(tokens.verify(await provider.token())).rejects.toMatchObject({ code: 'identity-unavailable' });
    expect(failures).toHaveLength(1);
  });
});
