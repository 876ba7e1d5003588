/**
 * The public keys of the identity provider (JWKS). Owns when they are fetched.
 *
 * Invariants:
 * - at most one fetch is under way, and one begins at most every `COOLDOWN_MS` whatever tokens claim, so that made-up
 *   key ids neither slow calls down nor reach the provider;
 * - keys once fetched go on working while the provider cannot be reached, for at most `STALE_MAX_MS`.
 */
import { ConcordatError } from '@concordat/protocol';
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';

/** Between two fetches, in ms, and after one that failed. */
export const COOLDOWN_MS = 30_000;
export const RETRY_MS = 5_000;
/** Keys older than this are fetched again, in ms, behind the call that finds them so. */
export const REFRESH_MS = 600_000;
const STALE_MAX_MS = 24 * 60 * 60 * 1000;
const FETCH_TIMEOUT_MS = 5_000;
const BYTES_MAX = 256 * 1024;

export class KeySet {
  #keys: JWTVerifyGetKey | undefined;
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #triedAt = Number.NEGATIVE_INFINITY;
  #failed = false;
  #fetching: Promise<void> | undefined;
  /** Fetches that worked, and those that did not. */
  readonly fetches = { good: 0, bad: 0 };

  /**
   * @param url of the set
   * @param now Unix time in ms
   * @param onFailure told of each fetch that did not work
   */
  constructor(
    private readonly url: string,
    private readonly now: () => number,
    private readonly onFailure: (error: unknown) => void,
  ) {}

  /** Finds the key that a token names; for `jwtVerify`. @throws ConcordatError identity-unavailable; errors of jose */
  readonly keyOf: JWTVerifyGetKey = async (header, token) => {
    const ageMs = this.now() - this.#fetchedAt;
    if (ageMs > STALE_MAX_MS) await this.refresh();
    else if (ageMs > REFRESH_MS) void this.refresh();
    if (!this.#keys || this.now() - this.#fetchedAt > STALE_MAX_MS) throw unavailable();
    try {
      return await this.#keys(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await this.refresh(); // it may be a new one
      if (this.#failed) throw unavailable(error);
      return this.#keys(header, token);
    }
  };

  /** Fetches the keys, unless that was tried a moment ago. Never rejects. */
  refresh(): Promise<void> {
    if (this.#fetching) return this.#fetching;
    if (this.now() - this.#triedAt < (this.#failed ? RETRY_MS : COOLDOWN_MS)) return Promise.resolve();
    this.#triedAt = this.now();
    this.#fetching = this.#fetch().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #fetch(): Promise<void> {
    try {
      const response = await fetch(this.url, {
        signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
        redirect: 'error',
        headers: { accept: 'application/json, application/jwk-set+json' },
      });
      if (!response.ok) throw new Error(`the identity provider answered ${response.status}`);
      this.#keys = createLocalJWKSet(JSON.parse(await boundedText(response)) as JSONWebKeySet);
      this.#fetchedAt = this.now();
      this.#failed = false;
      this.fetches.good += 1;
    } catch (error) {
      this.#failed = true;
      this.fetches.bad += 1;
      this.onFailure(error);
    }
  }
}

async function boundedText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > BYTES_MAX) throw new Error(`the key set is larger than ${BYTES_MAX} bytes`);
  }
  return text + decoder.decode();
}

const unavailable = (cause?: unknown): ConcordatError =>
  new ConcordatError(
    'identity-unavailable',
    'The identity provider cannot be asked for its keys.',
    { retryAfterMs: RETRY_MS },
    { cause },
  );
