/**
 * The keys that messages are signed with, by the name of who shares them with the coordinator. A participant's keys are
 * known to the coordinator and to that participant alone, so that nobody else can speak as it, or to it.
 */
import { createSecretKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';

/** HMAC-SHA256 gains nothing from more than its block, and less than its digest weakens it. */
const secretBytesMin = 32;
const secretBytesMax = 64;
const keysPerOwnerMax = 8;

/** One key. */
export interface MessageKey {
  /** Names the key among those of its owner. */
  readonly kid: string;
  readonly secret: KeyObject;
}

/** The text of a file of keys cannot be used. The message names the place and never repeats what stands there. */
export class MessageKeysError extends Error {
  override readonly name = 'MessageKeysError';
}

const secretSchema = z
  .string()
  .regex(/^[A-Za-z0-9+/_-]+={0,2}$/)
  .transform((text) => Buffer.from(text, 'base64'))
  .refine(({ length }) => length >= secretBytesMin && length <= secretBytesMax);

const fileSchema = z.strictObject({
  keys: z.record(
    z.string().regex(/^[a-z0-9_][a-z0-9-]{0,63}$/),
    z
      .array(z.strictObject({ kid: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/), secret: secretSchema }))
      .min(1)
      .max(keysPerOwnerMax)
      .refine((keys) => new Set(keys.map(({ kid }) => kid)).size === keys.length),
  ),
});

const shape = `{"keys": {"<participant>": [{"kid": "<name>", "secret": "<${secretBytesMin} to ${secretBytesMax} bytes in base64>"}]}}`;

export class MessageKeys {
  readonly #byOwner: ReadonlyMap<string, ReadonlyMap<string, MessageKey>>;

  constructor(byOwner: ReadonlyMap<string, readonly MessageKey[]>) {
    this.#byOwner = new Map(
      [...byOwner].map(([owner, keys]) => [owner, new Map(keys.map((key) => [key.kid, key] as const))] as const),
    );
  }

  /** @throws MessageKeysError naming the place that is wrong */
  static parse(text: string): MessageKeys {
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      throw new MessageKeysError(`The file of message keys is no JSON; expected ${shape}`);
    }
    const parsed = fileSchema.safeParse(json);
    if (!parsed.success) {
      const places = parsed.error.issues.slice(0, 5).map(({ path }) => path.join('.') || 'the whole');
      throw new MessageKeysError(
        `The file of message keys cannot be used (${[...new Set(places)].join(', ')}); expected ${shape}`,
      );
    }
    return new MessageKeys(
      new Map(
        Object.entries(parsed.data.keys).map(([owner, keys]) => [
          owner,
          keys.map(({ kid, secret }) => ({ kid, secret: createSecretKey(secret) })),
        ]),
      ),
    );
  }

  /** The first key of an owner signs; all of them verify. */
  signingKeyOf(owner: string): MessageKey | undefined {
    return this.#byOwner.get(owner)?.values().next().value;
  }

  find(owner: string, kid: string): MessageKey | undefined {
    return this.#byOwner.get(owner)?.get(kid);
  }

  /** Names only. */
  get owners(): string[] {
    return [...this.#byOwner.keys()];
  }
}
