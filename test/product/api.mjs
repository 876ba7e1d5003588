// The REST API as any client sees it.

/** Sent with every call that does not say otherwise. */
let credentials = {};

/** Calls show this API key from now on. @param {string | undefined} key */
export function useApiKey(key) {
  credentials = key === undefined ? {} : { authorization: `Bearer ${key}` };
}

/**
 * @param {string} url
 * @param {{ method?: string, body?: unknown, headers?: Record<string, string>, timeoutMs?: number }} [options]
 * @returns {Promise<{ status: number, headers: Headers, body: any }>}
 */
export async function call(url, { method = 'GET', body, headers = {}, timeoutMs = 60_000 } = {}) {
  const response = await fetch(url, {
    method,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...credentials, ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(timeoutMs),
  });
  const text = await response.text();
  const json = /json/.test(response.headers.get('content-type') ?? '');
  return { status: response.status, headers: response.headers, body: json && text ? JSON.parse(text) : text };
}

/** @param {string} url @param {unknown} body @param {Record<string, string>} [headers] @param {number} [timeoutMs] */
export const post = (url, body, headers, timeoutMs) => call(url, { method: 'POST', body, headers, timeoutMs });

/** One-shot transaction. */
export const oneShot = (url, branches, extra = {}, headers = {}, timeoutMs = undefined) =>
  post(`${url}/v1/transactions`, { commit: true, branches, ...extra }, headers, timeoutMs);

export const branch = (participant, operation, input) => ({ participant, operation, input });

/** @returns {[object, object]} the two branches of a transfer */
export const transfer = ({ from, to, amount, reference }) => [
  branch(from.participant, 'debit', { account: from.account, amount, reference }),
  branch(to.participant, 'credit', { account: to.account, amount, reference }),
];
