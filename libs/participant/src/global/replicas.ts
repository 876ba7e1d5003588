import { setTimeout as sleep } from 'node:timers/promises';
import { ConcordatError, type StatusesAnswer, type StatusesRequest, statusesAnswerSchema } from '@concordat/protocol';
import type { Logger } from 'pino';
import { backoffMs, type Clock, type Random } from '../backoff.js';
import type { ApiKeyFile } from './api-key-file.js';

interface ReplicaLimits {
  /** How long one replica may take to answer. */
  readonly statusRequestTimeoutMs: number;
  /** How long a question may take over all replicas and attempts. */
  readonly statusTimeoutMs: number;
}

export interface ReplicaSurroundings {
  readonly limits: ReplicaLimits;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Pause after every replica was asked in vain. */
const PAUSE_BASE_MS = 20;
const PAUSE_CAP_MS = 500;
const RETRY_AFTER_MS = 1000;
const REFUSED: readonly number[] = [401, 403];

/** Somebody has to do something about the API key. */
class RefusedError extends Error {
  override readonly name = 'RefusedError';
}

/** Asks the coordinators, whichever answers: the one that answered last is asked first. */
export class Replicas {
  readonly #urls: readonly string[];
  #preferred = 0;

  /** `baseUrls`: of the coordinators, as in `http://coordinator-1:8080`. */
  constructor(
    baseUrls: readonly string[],
    private readonly surroundings: ReplicaSurroundings,
    private readonly apiKey?: Pick<ApiKeyFile, 'authorization'>,
  ) {
    if (baseUrls.length === 0)
      throw new TypeError('a participant with global isolation needs the URL of a coordinator');
    this.#urls = baseUrls.map((base) => new URL('v1/statuses', base.endsWith('/') ? base : `${base}/`).href);
  }

  /** Throws `snapshot-unavailable` when no replica answered within `statusTimeoutMs`. */
  async ask(request: StatusesRequest): Promise<StatusesAnswer> {
    const { limits, clock, random, logger } = this.surroundings;
    const endMs = clock.nowMs() + limits.statusTimeoutMs;
    let cause: unknown;
    for (let attempt = 1; ; attempt += 1) {
      const remainingMs = endMs - clock.nowMs();
      if (remainingMs <= 0) break;
      const index = this.#preferred % this.#urls.length;
      try {
        return await this.#post(index, request, Math.min(remainingMs, limits.statusRequestTimeoutMs));
      } catch (error) {
        cause = error;
        const level = error instanceof RefusedError ? 'warn' : 'debug';
        logger[level]({ err: error, url: this.#urls[index] }, 'a coordinator did not tell statuses');
        if (this.#preferred % this.#urls.length === index) this.#preferred = (index + 1) % this.#urls.length;
        const round = Math.floor(attempt / this.#urls.length);
        if (attempt % this.#urls.length === 0) await sleep(backoffMs(round, PAUSE_BASE_MS, PAUSE_CAP_MS, random));
      }
    }
    const message = `None of ${this.#urls.length} coordinators answered within ${limits.statusTimeoutMs} ms.`;
    throw new ConcordatError('snapshot-unavailable', message, { retryAfterMs: RETRY_AFTER_MS }, { cause });
  }

  async #post(index: number, request: StatusesRequest, timeoutMs: number): Promise<StatusesAnswer> {
    const authorization = await this.apiKey?.authorization();
    const answer = await fetch(this.#urls[index] as string, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(authorization !== undefined && { authorization }) },
      redirect: 'error', // the key is for coordinators only
      body: JSON.stringify(request),
      signal: AbortSignal.timeout(Math.ceil(timeoutMs)),
    });
    const body: unknown = await answer.json();
    if (!answer.ok) {
      const message = `answered ${answer.status} ${(body as { code?: string })?.code ?? ''}`;
      throw REFUSED.includes(answer.status) ? new RefusedError(message) : new Error(message);
    }
    const parsed = statusesAnswerSchema.parse(body);
    if (parsed.statuses.length !== request.transactionIds.length) throw new Error('answered another question');
    if (parsed.appliedCsn < (request.minCsn ?? 0)) throw new Error(`has applied ${parsed.appliedCsn} only`);
    return parsed;
  }
}
