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

/** Runs clients against the product until told to stop. */
export class TransferLoops {
  /** @type {Answer[]} */ answers = [];
  /** How often a call got no outcome at first: connection lost, 503, 504. */
  unsettled = 0;
  #stopping = false;
  #loops;

  /**
   * @param {() => string} url picks the coordinator for a call
   * @param {{ participant: string, account: string }[]} accounts
   * @param {number} clients
   */
  constructor(url, accounts, clients) {
    this.url = url;
    this.accounts = accounts;
    this.#loops = Array.from({ length: clients }, () => this.#loop());
  }

  /** Finishes what is under way. */
  async stop() {
    this.#stopping = true;
    await Promise.all(this.#loops);
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
      const answer = await oneShot(this.url(), transfer(one), {}, headers).catch(() => undefined);
      if (answer?.status === 200) return { ...one, outcome: 'committed', status: 200 };
      if (answer?.status === 409) return { ...one, outcome: 'aborted', status: 409 };
      if (answer && answer.status !== 503 && answer.status !== 504) {
        throw new Error(`a transfer got ${answer.status}: ${JSON.stringify(answer.body)}`);
      }
      this.unsettled += 1;
      await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 100));
    }
  }
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
