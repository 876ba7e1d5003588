// Transfer loops: clients that move money back and forth, remember every answer, and settle what stayed unknown by
// repeating the call with the same Idempotency-Key, as design rule D8 asks of callers.
import { randomUUID } from 'node:crypto';
import { branch, call, oneShot, transfer } from './api.mjs';

const BANKS = ['accounts-east', 'accounts-west'];
export const OPENING_BALANCE = 1000;

/** Opens `count` accounts in each bank. @returns {Promise<{ participant: string, account: string }[]>} */
export async function openAccounts(url, count, prefix = `a-${randomUUID().slice(0, 8)}`) {
  const accounts = BANKS.flatMap((participant) =>
    Array.from({ length: count }, (_, index) => ({ participant, account: `${prefix}-${index}` })),
  );
  for (const { participant, account } of accounts) {
    const opened = await oneShot(url, [branch(participant, 'open', { account, balance: OPENING_BALANCE })], {
      wait: 'completed',
    });
    if (opened.status !== 200) throw new Error(`open: ${opened.status} ${JSON.stringify(opened.body)}`);
  }
  return accounts;
}

/** @typedef {{ reference: string, outcome: 'committed' | 'aborted', status: number, from: object, to: object, amount: number }} Answer */

/** @typedef {{ at: string, startedAt: number, endedAt: number, answer?: { status: number, headers: Headers, body: any } }} Call */

/** Runs clients against the product until told to stop. */
export class TransferLoops {
  /** @type {Answer[]} */ answers = [];
  /** How often a call got no outcome at first: connection lost, 503, 504. */
  unsettled = 0;
  #stopping = false;
  #failure;
  #loops;

  /**
   * @param {() => string} url picks the coordinator for a call
   * @param {{ participant: string, account: string }[]} accounts
   * @param {number} clients
   * @param {{ timeoutMs?: number, retryMs?: number, onCall?: (call: Call) => void }} [options] how long a client
   *   waits for an answer; with `retryMs` it waits so long before it asks again, whatever Retry-After says
   */
  constructor(url, accounts, clients, { timeoutMs = 60_000, retryMs, onCall = () => {} } = {}) {
    this.url = url;
    this.accounts = accounts;
    this.timeoutMs = timeoutMs;
    this.retryMs = retryMs;
    this.onCall = onCall;
    this.#loops = Array.from({ length: clients }, () => this.#loop());
    for (const loop of this.#loops) loop.catch((error) => (this.#failure ??= error));
  }

  /** Finishes what is under way. Fails if a call was answered as no call may be. */
  async stop() {
    this.#stopping = true;
    await Promise.allSettled(this.#loops);
    if (this.#failure) throw this.#failure;
  }

  async #loop() {
    while (!this.#stopping) this.answers.push(await this.#transfer());
  }

  async #transfer() {
    const pick = (participant) => {
      const own = this.accounts.filter((one) => one.participant === participant);
      return own[Math.floor(Math.random() * own.length)];
    };
    const [a, b] = Math.random() < 0.5 ? BANKS : BANKS.toReversed();
    const one = { from: pick(a), to: pick(b), amount: 1 + Math.floor(Math.random() * 20), reference: randomUUID() };
    const headers = { 'idempotency-key': one.reference };
    for (;;) {
      const at = this.url();
      const startedAt = performance.now();
      const answer = await oneShot(at, transfer(one), {}, headers, this.timeoutMs).catch(() => undefined);
      this.onCall({ at, startedAt, endedAt: performance.now(), answer });
      if (answer?.status === 200) return { ...one, outcome: 'committed', status: 200 };
      if (answer?.status === 409) return { ...one, outcome: 'aborted', status: 409 };
      if (answer && ![429, 503, 504].includes(answer.status)) {
        throw new Error(`a transfer got ${answer.status}: ${JSON.stringify(answer.body)}`);
      }
      this.unsettled += 1;
      await new Promise((resolve) => setTimeout(resolve, this.retryMs ?? retryAfterMs(answer)));
    }
  }
}

/** What a client waits that follows Retry-After; a little by itself where there was no answer. */
function retryAfterMs(answer) {
  const seconds = Number(answer?.headers.get('retry-after') ?? 0);
  return Math.max(seconds * 1000, 50) + Math.random() * 100;
}

/** Every transaction that is not completed. */
export async function unfinished(url) {
  const found = [];
  for (const status of ['active', 'preparing', 'committed', 'aborted']) {
    const { body } = await call(`${url}/v1/transactions?status=${status}&limit=200`);
    found.push(...body.items);
  }
  return found;
}
