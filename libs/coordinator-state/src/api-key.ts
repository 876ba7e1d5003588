/**
 * API keys: how they look, and what is kept of them. A key is `concordat_<id>_<secret>`; the id finds the entry, the secret is
 * 256 random bits. So a plain SHA-256 is as good as a slow hash: there is nothing to guess it from, and a wrong key costs a
 * coordinator a microsecond.
 */
import { hash, randomBytes } from 'node:crypto';

/** Groups: the id, the secret. */
export const API_KEY_PATTERN = /^concordat_([a-z0-9][a-z0-9-]{0,62})_([A-Za-z0-9_-]{43})$/;
export const API_KEY_ID_PATTERN = /^[a-z0-9][a-z0-9-]{0,62}$/;
/** What the file of keys holds in place of a key. */
export const API_KEY_HASH_PATTERN = /^sha256:[0-9a-f]{64}$/;
/** What a key may be for; docs/security.md says what each allows. */
export const API_KEY_ROLES = ['caller', 'operator', 'admin', 'participant', 'monitor'] as const;
const SECRET_BYTES = 32;

/** @param secret 32 random bytes; for tests */
export function createApiKey(id: string, secret: Buffer = randomBytes(SECRET_BYTES)): { key: string; hash: string } {
  if (!API_KEY_ID_PATTERN.test(id)) throw new RangeError('an id is 1 to 63 of a-z, 0-9 and -');
  const key = `concordat_${id}_${secret.toString('base64url')}`;
  return { key, hash: hashApiKey(key) };
}

/** Of the whole key, so that a hash stands for its id as well. */
export const hashApiKey = (key: string): string => `sha256:${hash('sha256', key, 'hex')}`;
