import { describe, expect, it } from '@jest/globals';
import { OutcomeUnknownError, TransactionAbortedError } from './errors.js';
import { exchange } from './exchange.js';

const request = { method: 'GET', path: '/', headers: {} } as const;
const ask = (answer: () => Response | Promise<Response>) =>
  exchange(async () => answer(), 'http://replica', request, new AbortController().signal);
const problem = (status: number, code: string, more: object = {}, headers: Record<string, string> = {}) =>
  ask(() => {
    const body = JSON.stringify({ code, status, detail: code, retryable: false, ...more });
    return new Response(body, { status, headers: { 'content-type': 'application/problem+json', ...headers } });
  });
const notConnected = (code: string) =>
  ask(() => Promise.reject(new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) })));

describe('what an answer means', () => {
  it.each([
    [503, 'overloaded', 'refused', true, false],
    [503, 'kafka-unavailable', 'refused', true, false],
    [503, 'persistence-backlog-full', 'refused', true, false],
    [409, 'operation-running', 'refused', true, false],
    [429, 'of-a-later-version', 'refused', true, false],
    [503, 'stopping', 'refused', false, true],
    [503, 'snapshot-unavailable', 'refused', false, false],
    [503, 'identity-unavailable', 'refused', false, false],
    [503, 'audit-unavailable', 'refused', true, false],
    // These may come after a leader has lost its office in the middle of a commit.
    [503, 'not-ready', 'lost', false, true],
    [503, 'postgres-unavailable', 'lost', false, true],
    [500, 'internal', 'lost', false, true],
    [504, 'outcome-unknown', 'lost', false, false],
    [503, 'of-a-later-version', 'lost', true, false],
  ])('%i %s is %s', async (status, code, kind, everywhere, isFault) => {
    expect(await problem(status, code)).toMatchObject({ kind, everywhere, isFault });
  });

  it('a refusal for good is an answer with an error, whatever its code', async () => {
    for (const code of ['request-invalid', 'of-a-later-version']) {
      const outcome = await problem(422, code, { transactionId: 'x' });
      expect(outcome).toMatchObject({ kind: 'answer', error: { code, status: 422, transactionId: 'x' } });
    }
  });

  it('an abort carries its reason, also where it comes as the end of a transaction that takes no more', async () => {
    const reason = { code: 'insufficient-funds', message: 'no', retryable: true, participant: 'east' };
    for (const code of ['transaction-aborted', 'transaction-not-active']) {
      const outcome = await problem(409, code, { reason, transactionId: 'x' });
      const error = outcome.kind === 'answer' ? outcome.error : undefined;
      expect(error).toBeInstanceOf(TransactionAbortedError);
      expect(error).not.toBeInstanceOf(OutcomeUnknownError);
      expect(error).toMatchObject({ reason, retryable: true, transactionId: 'x' });
    }
    expect(await problem(409, 'transaction-not-active')).toMatchObject({ error: { code: 'transaction-not-active' } });
  });

  it('Retry-After is read as seconds and as a date', async () => {
    expect(await problem(503, 'overloaded', {}, { 'retry-after': '3' })).toMatchObject({ retryAfterMs: 3_000 });
    const date = new Date(Date.now() + 60_000).toUTCString();
    const outcome = await problem(503, 'overloaded', {}, { 'retry-after': date });
    expect(outcome.kind !== 'answer' && outcome.retryAfterMs).toBeGreaterThan(50_000);
    expect(await problem(503, 'overloaded', {}, { 'retry-after': 'soon' })).toMatchObject({ retryAfterMs: 0 });
  });

  it('what is not of Concordat refuses or is lost, and never is a success', async () => {
    const page = (status: number, type = 'text/html') =>
      ask(() => new Response('<html>', { status, headers: { 'content-type': type } }));
    expect(await page(200)).toMatchObject({ kind: 'lost', error: { code: 'answer-not-understood' } });
    expect(await page(200, 'application/json')).toMatchObject({ kind: 'lost' }); // cut off
    expect(await page(404)).toMatchObject({
      kind: 'answer',
      error: { code: 'answer-not-understood', retryable: false },
    });
    expect(await page(502)).toMatchObject({ kind: 'lost', isFault: true });
    expect(await page(503)).toMatchObject({ kind: 'lost', isFault: true });
    expect(await ask(() => new Response(null, { status: 204 }))).toMatchObject({ kind: 'answer', body: undefined });
  });

  it('only a connection that never was is surely without effect', async () => {
    expect(await notConnected('ECONNREFUSED')).toMatchObject({ kind: 'refused', isFault: true });
    expect(await notConnected('ECONNRESET')).toMatchObject({ kind: 'lost', isFault: true });
    const badPort = new TypeError('fetch failed', { cause: new Error('bad port') }); // which fetch never calls
    expect(await ask(() => Promise.reject(badPort))).toMatchObject({ kind: 'refused' });
    const unsaid = await ask(() => Promise.reject(new TypeError('Failed to fetch')));
    expect(unsaid).toMatchObject({ kind: 'lost', error: { message: 'The replica did not answer: Failed to fetch.' } });
  });
});
