// Carries list-append transactions out over REST, in each of the ways that callers have, and tells what became of them.
import { randomUUID } from 'node:crypto';
import { branch, post } from '../product/api.mjs';

/** @typedef {import('./workload.mjs').Step} Step */
/**
 * @typedef {object} Attempt
 * @property {'ok' | 'fail' | 'info'} outcome `info`: not known yet; `settle` asks again
 * @property {unknown[]} operations as the history has them
 * @property {string} code why it was not committed
 * @property {() => Promise<Attempt>} [settle]
 */

const TRY_AGAIN_STATUSES = [429, 503, 504];
/** Before a commit was asked for, these end the attempt and nothing else: the transaction can only abort. */
const HOPELESS_STATUSES = [...TRY_AGAIN_STATUSES, 404, 409, 410];
const RETRY_MS = 150;
/** How long a client tries to learn an outcome before it goes on to other things. */
const SETTLE_MS = 10_000;
const DEFERRED_SHARE = 0.3;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Client {
  /**
   * @param {object} options
   * @param {() => string} options.url picks the coordinator for a call
   * @param {() => number} options.random
   * @param {boolean} options.serializable
   * @param {number} options.interactiveShare of transactions, from 0 to 1; the others are one call
   * @param {number} options.timeoutMs of calls and of transactions
   */
  constructor(options) {
    this.options = options;
  }

  /** @param {Step[]} steps @returns {Promise<Attempt>} */
  run(steps) {
    const { random, interactiveShare } = this.options;
    return random() < interactiveShare ? this.#interactive(steps) : this.#oneShot(steps);
  }

  /** Branches one by one, or one `post` for each participant. */
  #oneShot(steps) {
    const shape = this.options.random() < 0.5 ? onePost(steps) : oneBranchEach(steps);
    const request = { ...this.#begin(), commit: true, branches: shape.branches };
    const headers = { 'idempotency-key': randomUUID() };
    return this.#settled(
      steps,
      () => this.#post('/v1/transactions', request, headers),
      (body) => shape.results(body.branches),
    );
  }

  /** Begin, operations at once, perhaps some that wait for the commit, commit. */
  async #interactive(steps) {
    const begun = await this.#post('/v1/transactions', this.#begin());
    const path = `/v1/transactions/${begun?.body.id}`;
    if (begun?.status !== 201) return failed(steps, begun);
    const deferred = this.options.random() < DEFERRED_SHARE ? Math.floor(this.options.random() * steps.length) : 0;
    const now = steps.slice(0, steps.length - deferred);
    const results = [];
    for (const step of now) {
      const answer = await this.#post(`${path}/branches?execute=now`, branchOf(step));
      if (!isSuccess(answer)) return this.#giveUp(steps, path, answer);
      results.push(answer.body.result);
    }
    for (const step of steps.slice(now.length)) {
      const answer = await this.#post(`${path}/branches`, branchOf(step));
      if (!isSuccess(answer)) return this.#giveUp(steps, path, answer);
    }
    const headers = { 'idempotency-key': randomUUID() };
    return this.#settled(
      steps,
      () => this.#post(`${path}/commit`, {}, headers),
      ({ branches }) => [...results, ...branches.slice(now.length).map(({ result }) => result)],
    );
  }

  async #giveUp(steps, path, answer) {
    const attempt = failed(steps, answer);
    if (answer?.status !== 409) await this.#post(`${path}/rollback`, {});
    return attempt;
  }

  /** Repeats a call with its Idempotency-Key until it says how the transaction ended, as design rule D8 asks of callers. */
  async #settled(steps, ask, resultsOf) {
    const until = Date.now() + SETTLE_MS;
    let answer;
    do {
      answer = await ask();
      if (answer?.status === 200)
        return { outcome: 'ok', operations: operationsOf(steps, resultsOf(answer.body)), code: '' };
      if (answer?.status === 409 && answer.body.code === 'transaction-aborted') return failed(steps, answer);
      if (answer && !TRY_AGAIN_STATUSES.includes(answer.status)) throw unexpected(answer);
      await pause(RETRY_MS);
    } while (Date.now() < until);
    const settle = () => this.#settled(steps, ask, resultsOf);
    return { outcome: 'info', operations: operationsOf(steps), code: codeOf(answer), settle };
  }

  #begin() {
    const { serializable, timeoutMs } = this.options;
    return { timeoutMs, ...(serializable && { serializable }) };
  }

  /** @returns {Promise<{ status: number, body: any } | undefined>} undefined when there was no answer */
  #post(path, body, headers = {}) {
    const { url, timeoutMs } = this.options;
    return post(`${url()}${path}`, body, headers, timeoutMs).catch(() => undefined);
  }
}

const isSuccess = (answer) => answer?.status === 200 || answer?.status === 201;

function failed(steps, answer) {
  if (answer && !HOPELESS_STATUSES.includes(answer.status)) throw unexpected(answer);
  return { outcome: 'fail', operations: operationsOf(steps), code: codeOf(answer) };
}

const codeOf = (answer) => answer?.body?.reason?.code ?? answer?.body?.code ?? 'no answer';

const unexpected = ({ status, body }) => new Error(`a transaction got ${status}: ${JSON.stringify(body)}`);

// --- operations and their results -------------------------------------------------------------------------------

const operationOf = ({ f, key: { account }, element }) =>
  f === 'append'
    ? { operation: 'append', input: { account, reference: String(element) } }
    : { operation: 'read', input: { account } };

function branchOf(step) {
  const { operation, input } = operationOf(step);
  return branch(step.key.participant, operation, input);
}

function oneBranchEach(steps) {
  return { branches: steps.map(branchOf), results: (branches) => branches.map(({ result }) => result) };
}

function onePost(steps) {
  const groups = [...Map.groupBy(steps, ({ key }) => key.participant)];
  const branches = groups.map(([participant, own]) =>
    branch(participant, 'post', { operations: own.map(operationOf) }),
  );
  const results = (answered) => {
    const byStep = new Map(
      groups.flatMap(([, own], at) => own.map((step, position) => [step, answered[at].result?.results[position]])),
    );
    return steps.map((step) => byStep.get(step));
  };
  return { branches, results };
}

/**
 * As the history has them; without results every read is null.
 * @param {Step[]} steps
 * @param {any[]} [results]
 */
export function operationsOf(steps, results) {
  return steps.map(({ f, key: { id }, element }, at) => {
    if (f === 'append') return ['append', id, element];
    if (!results) return ['r', id, null];
    const entries = results[at]?.entries;
    if (!Array.isArray(entries)) throw new Error(`a committed read has no entries: ${JSON.stringify(results[at])}`);
    return ['r', id, entries.map(Number)];
  });
}
