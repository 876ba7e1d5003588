// Reads of transactions while they happen, recorded with their times, and the question whether any went back in time.
import { randomUUID } from 'node:crypto';
import { call, post, transfer } from './api.mjs';

const READERS = 3;
const TIMEOUT_MS = 5_000;
const PROBLEM_STATUSES = [408, 409, 429, 503, 504];
/** How far a transaction has come. Whatever is undecided may still end either way. */
const RANKS = { active: 0, preparing: 1, committed: 2, aborted: 2, completed: 3 };

/** @typedef {{ startedAt: number, endedAt: number, rank: number, outcome: string | undefined, what: string }} Observation */

/**
 * Begins transfers step by step, with readers at random replicas all along, until told to stop.
 */
export class HistoryLoops {
  /** One list for each transaction. @type {{ id: string, from: object, to: object, reference: string, seen: Observation[] }[]} */ histories =
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
    const pick = () => this.accounts[Math.floor(Math.random() * this.accounts.length)];
    const from = pick();
    const to = this.accounts.find(({ participant }) => participant !== from.participant);
    const reference = randomUUID();
    const branches = transfer({ from, to, amount: 1, reference });
    const begun = await attempt(() =>
      post(`${this.url()}/v1/transactions`, { branches, timeoutMs: TIMEOUT_MS }, {}, TIMEOUT_MS),
    );
    if (begun?.status !== 201) {
      await pause(100); // nothing to read: no such transaction, or one that will end at its deadline
      return;
    }
    const history = { id: begun.body.id, from, to, reference, seen: [] };
    this.histories.push(history);
    let done = false;
    const readers = Array.from({ length: READERS }, async () => {
      while (!done) {
        await this.#read(history);
        await pause(20 * Math.random());
      }
    });
    await pause(100 * Math.random());
    await this.#commit(history);
    await pause(300);
    done = true;
    await Promise.all(readers);
  }

  async #commit({ id, seen }) {
    const startedAt = performance.now();
    const answer = await attempt(() => post(`${this.url()}/v1/transactions/${id}/commit`, {}, {}, TIMEOUT_MS));
    if (answer?.status !== 200) return;
    seen.push({ ...observed(answer.body), startedAt, endedAt: performance.now(), what: 'commit' });
  }

  async #read({ id, seen }) {
    const startedAt = performance.now();
    const answer = await attempt(() => call(`${this.url()}/v1/transactions/${id}`, { timeoutMs: TIMEOUT_MS }));
    if (answer?.status === 200) {
      seen.push({ ...observed(answer.body), startedAt, endedAt: performance.now(), what: 'read' });
    } else if (answer && !PROBLEM_STATUSES.includes(answer.status)) {
      // It was begun and acknowledged, so nothing but the outcome may be told of it.
      seen.push({ rank: -1, outcome: undefined, startedAt, endedAt: performance.now(), what: `${answer.status}` });
    }
  }
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const attempt = (action) => action().catch(() => undefined); // no answer: nothing was observed

function observed({ status, csn, outcomeReason }) {
  const decided = RANKS[status] >= 2;
  return {
    rank: RANKS[status],
    outcome: decided ? (csn === null || outcomeReason ? 'aborted' : `committed ${csn}`) : undefined,
  };
}

/**
 * Whatever an operation observed that ended before another began, that other must not fall behind.
 * @param {HistoryLoops['histories']} histories
 * @returns {string[]} violations
 */
export function findTimeTravel(histories) {
  return histories.flatMap(({ id, seen }) => {
    const violations = [];
    const outcomes = new Set(seen.map(({ outcome }) => outcome).filter(Boolean));
    if (outcomes.size > 1) violations.push(`${id} was seen as ${[...outcomes].join(' and as ')}`);
    const byEnd = seen.toSorted((a, b) => a.endedAt - b.endedAt);
    let highest;
    let next = 0;
    for (const one of seen.toSorted((a, b) => a.startedAt - b.startedAt)) {
      while (next < byEnd.length && byEnd[next].endedAt < one.startedAt) {
        if (!highest || byEnd[next].rank > highest.rank) highest = byEnd[next];
        next += 1;
      }
      if (highest && one.rank < highest.rank) {
        violations.push(`${id}: a ${one.what} showed ${one.rank} after a ${highest.what} had shown ${highest.rank}`);
      }
    }
    return violations;
  });
}
