// Transactions that are begun, enlisted in, committed and rolled back step by step, with readers at random replicas all
// along: every call recorded with its times and its answer, for the linearizability checker.
import { randomUUID } from 'node:crypto';
import { seen, seenAbsent, told } from '../linearizability/transaction-model.mjs';
import { call, post, transfer } from './api.mjs';

const READERS = 3;
const TIMEOUT_MS = 5_000;
const BEGIN_ATTEMPTS = 5;
const UNKNOWN = Infinity;

/** What a call's answer tells of the transaction; undefined for none. */
const LEARNT = {
  200: ({ body }) => seen(body),
  404: () => seenAbsent,
  410: () => seenAbsent, // nothing is pruned this soon
  'transaction-aborted': () => told('aborted'),
  'transaction-committed': () => told('committed'),
};

/** @typedef {{ id: string, from: object, to: object, reference: string }} Transfer */

/** Runs clients against the product until told to stop. */
export class HistoryLoops {
  /** Every transaction that got an id. @type {Transfer[]} */ transfers = [];
  /** One key for each of them. @type {import('../linearizability/linearizability.mjs').Operation<object>[]} */ operations =
    [];
  #stopping = false;
  #loops;

  /** @param {() => string} url picks the coordinator for a call @param {{ participant: string, account: string }[]} accounts @param {number} count */
  constructor(url, accounts, count) {
    this.url = url;
    this.accounts = accounts;
    this.#loops = Array.from({ length: count }, async () => {
      while (!this.#stopping) await this.#one();
    });
    for (const loop of this.#loops) loop.catch(() => undefined); // told by `stop`
  }

  async stop() {
    this.#stopping = true;
    await Promise.all(this.#loops);
  }

  async #one() {
    const from = this.accounts[Math.floor(Math.random() * this.accounts.length)];
    const to = this.accounts.find(({ participant }) => participant !== from.participant);
    const reference = randomUUID();
    const [debit, credit] = transfer({ from, to, amount: 1, reference });
    const late = Math.random() < 0.5 ? credit : undefined;
    const id = await this.#begin(late ? [debit] : [debit, credit], reference);
    if (id === undefined) return; // nothing to read: no such transaction, or one that ends at its deadline
    this.transfers.push({ id, from, to, reference });
    let done = false;
    const readers = Array.from({ length: READERS }, async () => {
      while (!done) {
        await this.#observe(id, '');
        await pause(20 * Math.random());
      }
    });
    await pause(50 * Math.random());
    await this.#finish(id, late);
    await pause(200);
    done = true;
    await Promise.all(readers);
  }

  /** Half a transfer must not be committed: what is not known to have both branches is rolled back. */
  async #finish(id, late) {
    const isWhole = late === undefined || (await this.#enlist(id, late));
    await pause(50 * Math.random());
    const ends = [];
    if (isWhole) ends.push(this.#observe(id, '/commit', { call: 'want-commit' }));
    if (!isWhole || Math.random() < 0.2) ends.push(this.#observe(id, '/rollback'));
    await Promise.all(ends);
  }

  /** Under one key, until it has an id: earlier attempts may have begun the same transaction. */
  async #begin(branches, key) {
    const begin = { call: 'begin', branches: branches.length };
    const lost = [];
    for (let attempt = 0; attempt < BEGIN_ATTEMPTS; attempt += 1) {
      const body = { branches, timeoutMs: TIMEOUT_MS };
      const { answer, ...times } = await timed(() =>
        post(this.#path(''), body, { 'idempotency-key': key }, TIMEOUT_MS),
      );
      if (answer?.status === 201) {
        const { id } = answer.body;
        for (const earlier of lost) this.#note(id, begin, { ...earlier, endsAt: UNKNOWN });
        this.#note(id, begin, times);
        this.#note(id, seen(answer.body), times);
        return id;
      }
      lost.push(times);
      await pause(100);
    }
    return undefined;
  }

  /** @returns {Promise<boolean>} whether the branch is known to be part of the transaction */
  async #enlist(id, branch) {
    const { answer, ...times } = await timed(() => post(this.#path(`/${id}/branches`), branch, {}, TIMEOUT_MS));
    if (answer?.body.code === 'transaction-not-active') return false;
    const isKnown = answer?.status === 201;
    this.#note(id, { call: 'enlist' }, isKnown ? times : { ...times, endsAt: UNKNOWN });
    return isKnown;
  }

  /** A call that shows the transaction. @param {object} [effect] what it does beside, whether it is answered or not */
  async #observe(id, what, effect) {
    const url = this.#path(`/${id}${what}`);
    const { answer, ...times } = await timed(() =>
      what ? post(url, {}, {}, TIMEOUT_MS) : call(url, { timeoutMs: TIMEOUT_MS }),
    );
    const learnt = answer && LEARNT[answer.status === 409 ? answer.body.code : answer.status]?.(answer);
    if (effect) this.#note(id, effect, learnt ? times : { ...times, endsAt: UNKNOWN });
    if (learnt) this.#note(id, learnt, times);
  }

  /** How many of the calls nobody knows the outcome of. */
  get unknown() {
    return this.operations.filter(({ endsAt }) => endsAt === UNKNOWN).length;
  }

  #path(rest) {
    return `${this.url()}/v1/transactions${rest}`;
  }

  #note(key, input, { beginsAt, endsAt }) {
    this.operations.push({ key, input, beginsAt, endsAt });
  }
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @param {() => Promise<object>} action @returns what it answered, if it did, and between when and when */
async function timed(action) {
  const beginsAt = performance.now();
  const answer = await action().catch(() => undefined);
  return { answer, beginsAt, endsAt: performance.now() };
}
