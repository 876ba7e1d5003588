/**
 * The file of API keys: who holds which, hashed. Several keys of one caller are valid at once, so that a key is replaced
 * without a gap: add the new one, hand it out, take the old one away (or give it an `expiresAt`).
 */
import { hash, timingSafeEqual } from 'node:crypto';
import { API_KEY_HASH_PATTERN, API_KEY_ID_PATTERN, API_KEY_PATTERN } from '@concordat/coordinator-state';
import { NAME_PATTERN } from '@concordat/protocol';
import { z } from 'zod';
import { createPrincipal, type Principal, ROLES } from './principal.js';

const KEYS_MAX = 10_000;
/** No colon: that marks the subjects of an identity provider. */
const CALLER_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$/;
const time = z.iso.datetime({ offset: true, error: 'a time such as 2026-01-31T00:00:00Z' });

/** The messages are written out because those of zod may repeat what they found, and that may be a key. */
const entrySchema = z.strictObject(
  {
    id: z.string('a text').regex(API_KEY_ID_PATTERN, '1 to 63 of a-z, 0-9 and -'),
    hash: z.string('a text').regex(API_KEY_HASH_PATTERN, 'sha256: and 64 hexadecimal digits, never the key itself'),
    caller: z
      .string('a text')
      .regex(CALLER_PATTERN, '1 to 100 of letters, digits and ._@-, beginning with one of the first'),
    roles: z.array(z.enum(ROLES, `one of ${ROLES.join(', ')}`), 'a list').min(1, 'at least one role'),
    participants: z
      .union([z.literal('*'), z.array(z.string().regex(NAME_PATTERN))], '"*" or a list of names of participants')
      .default([]),
    notBefore: time.optional(),
    expiresAt: time.optional(),
  },
  'an object with id, hash, caller, roles and, if wanted, participants, notBefore, expiresAt, and nothing else',
);

const fileSchema = z.strictObject(
  { keys: z.array(entrySchema, 'a list').max(KEYS_MAX, `at most ${KEYS_MAX} keys`) },
  'an object with the list `keys` and nothing else',
);

/** The file cannot be used. The message repeats nothing of what it holds. */
export class ApiKeysError extends Error {
  override readonly name = 'ApiKeysError';
}

/** Why a key is not taken. */
export type KeyRefusal = 'malformed' | 'unknown' | 'not-yet-valid' | 'expired';

interface ApiKey {
  readonly digest: Buffer;
  readonly notBefore: number;
  readonly expiresAt: number;
  readonly principal: Principal;
}

/** Compared with where there is no key of an id, so that this takes as long as a wrong secret. */
const NOBODY = Buffer.alloc(32);

export class ApiKeys {
  private constructor(private readonly byId: ReadonlyMap<string, ApiKey>) {}

  /** @param text the content of the file. @throws ApiKeysError naming each wrong place */
  static parse(text: string): ApiKeys {
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      throw new ApiKeysError('it is not JSON'); // the error of JSON.parse repeats a part of the text
    }
    const parsed = fileSchema.safeParse(json);
    if (!parsed.success) {
      const lines = parsed.error.issues.map(
        ({ path, message }) => `${path.join('.') || 'the file'}: expected ${message}`,
      );
      throw new ApiKeysError(lines.slice(0, 10).join('; '));
    }
    const byId = new Map<string, ApiKey>();
    for (const { id, hash: digest, caller, roles, participants, notBefore, expiresAt } of parsed.data.keys) {
      if (byId.has(id)) throw new ApiKeysError(`two keys have the id ${id}`);
      byId.set(id, {
        digest: Buffer.from(digest.slice('sha256:'.length), 'hex'),
        notBefore: notBefore === undefined ? Number.NEGATIVE_INFINITY : Date.parse(notBefore),
        expiresAt: expiresAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(expiresAt),
        principal: createPrincipal(caller, roles, participants),
      });
    }
    return new ApiKeys(byId);
  }

  get size(): number {
    return this.byId.size;
  }

  /** One hash and one comparison in constant time, whether there is such a key or not. @param now Unix time in ms */
  find(key: string, now: number): Principal | KeyRefusal {
    const id = API_KEY_PATTERN.exec(key)?.[1];
    if (id === undefined) return 'malformed';
    const found = this.byId.get(id);
    const isRight = timingSafeEqual(hash('sha256', key, 'buffer'), found?.digest ?? NOBODY);
    if (!found || !isRight) return 'unknown';
    if (now < found.notBefore) return 'not-yet-valid';
    return now < found.expiresAt ? found.principal : 'expired';
  }
}
