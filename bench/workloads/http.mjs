// Posts JSON over kept-alive connections, one call in flight on each. Answers other than 200 are outcomes of their own.
import { Pool } from 'undici';

/**
 * @param {{ url: string, callers: number, body: { kind: 'fixed', json: string } | { kind: 'template', parts: string[], perCaller: number } }} context
 * a template's parts are joined by a number that is the caller's own for some hundred calls
 */
export async function open({ url, callers, body }) {
  const { origin, pathname: path } = new URL(url);
  const pool = new Pool(origin, { connections: callers, pipelining: 1, headersTimeout: 60_000, bodyTimeout: 60_000 });
  const request = { path, method: 'POST', headers: { 'content-type': 'application/json' } };
  const bodyOf = body.kind === 'fixed' ? () => body.json : templateBody(body);
  return {
    once: (caller) =>
      new Promise((resolve) => {
        pool.dispatch({ ...request, body: bodyOf(caller) }, new Answer(resolve));
      }),
    close: () => pool.destroy(),
  };
}

/** Every caller walks round a ring of numbers of its own: no two calls in flight ever share one. */
function templateBody({ parts, perCaller }) {
  const turns = [];
  return (caller) => {
    const turn = turns[caller] ?? 0;
    turns[caller] = (turn + 1) % perCaller;
    return parts.join(String(caller * perCaller + turn));
  };
}

/** What undici calls back; the body of a good answer is thrown away, since reading it is the caller's business. */
class Answer {
  #resolve;
  #status = 0;
  #text = '';

  constructor(resolve) {
    this.#resolve = resolve;
  }

  onRequestStart() {}

  onResponseStart(_controller, status) {
    this.#status = status;
  }

  onResponseData(_controller, chunk) {
    if (this.#status !== 200) this.#text += chunk;
  }

  onResponseEnd() {
    if (this.#status === 200) this.#resolve(undefined);
    else this.#resolve(outcomeOf(this.#status, this.#text));
  }

  onResponseError(_controller, error) {
    this.#resolve(`failed: ${error.code ?? error.message}`);
  }
}

/** @returns {string} `aborted: <reason>` for a transaction that was aborted, `failed: <status> <code>` for everything else */
function outcomeOf(status, text) {
  let problem;
  try {
    problem = JSON.parse(text);
  } catch {
    return `failed: ${status}`;
  }
  if (problem.code === 'transaction-aborted') return `aborted: ${problem.reason?.code}`;
  return `failed: ${status} ${problem.code}`;
}
