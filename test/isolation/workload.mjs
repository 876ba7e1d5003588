// Random list-append transactions over accounts of both banks. An account is one key of the history; when it holds enough it
// makes way for a fresh one, so that lists stay short while contention stays as it is.
import { randomUUID } from 'node:crypto';
import { branch, oneShot } from '../product/api.mjs';

const BANKS = ['accounts-east', 'accounts-west'];
const OPERATIONS_MAX = 4;
const OPENED_AT_ONCE = 40;
const OPEN_TIMEOUT_MS = 120_000;

/**
 * @typedef {{ id: number, participant: string, account: string, appends: number }} Key
 * @typedef {{ f: 'append' | 'r', key: Key, element: number | null }} Step
 */

export class Workload {
  /** How many accounts were opened. */
  opened = 0;
  #options;
  #prefix = `k-${randomUUID().slice(0, 8)}`;
  /** @type {Key[]} */ #active = [];
  /** @type {Key[]} */ #fresh = [];
  #refill;

  /**
   * @param {{ random: () => number, url: () => string, keys: number, appendsPerKey: number }} options how many keys are in use
   *   at a time, and after how many appends one makes way
   */
  constructor(options) {
    this.#options = options;
  }

  async open() {
    while (this.#fresh.length < this.#options.keys) await this.#openSome();
    this.#active = this.#fresh.splice(0, this.#options.keys);
  }

  /** @returns {Step[]} one transaction; no key is appended to before it was opened, so every list begins empty */
  draw() {
    const { random, keys, appendsPerKey } = this.#options;
    return Array.from({ length: 1 + Math.floor(random() * OPERATIONS_MAX) }, () => {
      const at = Math.floor(random() * keys);
      const key = this.#active[at];
      if (random() < 0.5) return { f: 'r', key, element: null };
      key.appends += 1;
      if (key.appends >= appendsPerKey) this.#replace(at);
      return { f: 'append', key, element: key.appends };
    });
  }

  /** Accounts are being opened no more. Fails where opening failed. */
  async close() {
    await this.#refill;
  }

  #replace(at) {
    const { participant } = this.#active[at];
    const next = this.#fresh.findIndex((key) => key.participant === participant);
    if (next >= 0) [this.#active[at]] = this.#fresh.splice(next, 1);
    if (this.#fresh.length > OPENED_AT_ONCE / 2 || this.#refill) return;
    this.#refill = this.#openSome().then(() => {
      this.#refill = undefined;
    });
    this.#refill.catch(() => undefined); // told by `close`
  }

  async #openSome() {
    const keys = Array.from({ length: OPENED_AT_ONCE }, (_, at) => {
      const id = this.opened + at;
      return { id, participant: BANKS[id % BANKS.length], account: `${this.#prefix}-${id}`, appends: 0 };
    });
    this.opened += keys.length;
    const branches = keys.map(({ participant, account }) => branch(participant, 'open', { account, balance: 0 }));
    const key = { 'idempotency-key': randomUUID() };
    const until = Date.now() + OPEN_TIMEOUT_MS;
    for (;;) {
      const answer = await oneShot(this.#options.url(), branches, { wait: 'completed' }, key, 20_000).catch(
        () => undefined,
      );
      if (answer?.status === 200) break;
      if (answer?.status === 409 && answer.body.reason?.retryable) key['idempotency-key'] = randomUUID();
      else if (Date.now() > until || (answer && ![429, 503, 504].includes(answer.status))) {
        throw new Error(`accounts could not be opened: ${answer?.status} ${JSON.stringify(answer?.body)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    this.#fresh.push(...keys);
  }
}
