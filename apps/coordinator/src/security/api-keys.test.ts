import { createApiKey, hashApiKey } from '@concordat/coordinator-state';
import { describe, expect, it } from '@jest/globals';
import { ApiKeys, ApiKeysError } from './api-keys.js';

const first = createApiKey('shop-1', Buffer.alloc(32, 1));
const second = createApiKey('shop-2', Buffer.alloc(32, 2));
const entry = (id: string, hash: string, more: object = {}) => ({
  id,
  hash,
  caller: 'shop',
  roles: ['caller'],
  ...more,
});
const parse = (...keys: object[]) => ApiKeys.parse(JSON.stringify({ keys }));
const NOW = Date.parse('2026-06-01T00:00:00Z');

describe('API keys', () => {
  it('name their caller, with roles and participants; several of one caller hold at once', () => {
    const keys = parse(
      entry('shop-1', first.hash, { participants: ['accounts-east'] }),
      entry('shop-2', second.hash, { roles: ['operator'], participants: '*' }),
    );
    expect(keys.find(first.key, NOW)).toEqual({
      caller: 'shop',
      roles: new Set(['caller']),
      participants: new Set(['accounts-east']),
    });
    expect(keys.find(second.key, NOW)).toEqual({
      caller: 'shop',
      roles: new Set(['operator', 'caller', 'participant', 'monitor']),
      participants: '*',
    });
  });

  it('enlist nobody unless they say whom', () => {
    expect(parse(entry('shop-1', first.hash)).find(first.key, NOW)).toMatchObject({ participants: new Set() });
  });

  it('are refused where the secret is another, the id is another, or the form is wrong', () => {
    const keys = parse(entry('shop-1', first.hash), entry('shop-2', second.hash));
    expect(keys.find(first.key.replace(/.$/, 'x'), NOW)).toBe('unknown');
    expect(keys.find(first.key.replace('shop-1', 'shop-2'), NOW)).toBe('unknown');
    expect(keys.find(first.key.replace('shop-1', 'shop-3'), NOW)).toBe('unknown');
    for (const text of ['', 'concordat', 'concordat_shop-1_', `${first.key}x`, 'concordat___proto___x', first.hash]) {
      expect(keys.find(text, NOW)).toBe('malformed');
    }
  });

  it('hold from notBefore until expiresAt', () => {
    const keys = parse(
      entry('shop-1', first.hash, { notBefore: '2026-05-01T00:00:00Z', expiresAt: '2026-07-01T02:00:00+02:00' }),
    );
    const at = (time: string) => keys.find(first.key, Date.parse(time));
    expect(at('2026-04-30T23:59:59.999Z')).toBe('not-yet-valid');
    expect(at('2026-05-01T00:00:00Z')).toMatchObject({ caller: 'shop' });
    expect(at('2026-06-30T23:59:59.999Z')).toMatchObject({ caller: 'shop' });
    expect(at('2026-07-01T00:00:00Z')).toBe('expired');
  });

  it('are made at random, and hashed with their id', () => {
    const made = createApiKey('a');
    expect(made.key).toMatch(/^concordat_a_[A-Za-z0-9_-]{43}$/);
    expect(made.hash).toBe(hashApiKey(made.key));
    expect(createApiKey('a').key).not.toBe(made.key);
    expect(() => createApiKey('A_b')).toThrow(RangeError);
  });

  it.each<[string, string, RegExp]>([
    ['that is no JSON', `{"keys": [${first.key}`, /not JSON/],
    ['without keys', '{}', /keys: expected a list/],
    ['with the key in place of its hash', JSON.stringify({ keys: [entry('shop-1', first.key)] }), /keys\.0\.hash/],
    [
      'with the key as a member',
      JSON.stringify({ keys: [entry('shop-1', first.hash, { [first.key]: 1 })] }),
      /keys\.0/,
    ],
    [
      'with the key as a role',
      JSON.stringify({ keys: [entry('shop-1', first.hash, { roles: [first.key] })] }),
      /roles/,
    ],
    ['with the key as its id', JSON.stringify({ keys: [entry(first.key, first.hash)] }), /keys\.0\.id/],
    [
      'with the key as a time',
      JSON.stringify({ keys: [entry('a', first.hash, { expiresAt: first.key })] }),
      /expiresAt/,
    ],
    [
      'with a caller that looks like a token’s',
      JSON.stringify({ keys: [entry('a', first.hash, { caller: 'jwt:x' })] }),
      /caller/,
    ],
    [
      'with one id twice',
      JSON.stringify({ keys: [entry('a', first.hash), entry('a', second.hash)] }),
      /two keys have the id a/,
    ],
  ])('in a file %s are refused, and nothing of it is repeated', (_, text, message) => {
    const secret = first.key.slice(-43);
    let thrown: unknown;
    try {
      ApiKeys.parse(text);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ApiKeysError);
    expect((thrown as Error).message).toMatch(message);
    expect(String((thrown as Error).stack)).not.toContain(secret);
  });
});
