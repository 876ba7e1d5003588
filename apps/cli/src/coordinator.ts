/**
 * The way to a running coordinator. Calls that `@concordat/client` has go through it; the others, which are for operators, are
 * made here by the same rules: what may have been carried out is sent again only where that is harmless, and when no answer
 * comes that is said, never guessed (D8).
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ConcordatClient,
  ConcordatError,
  DeadlineExceededError,
  OutcomeUnknownError,
  type Problem,
} from '@concordat/client';
import { CommandFailure, usage } from './failure.js';

const PAUSE_MS = 200;
const PAUSE_MS_MAX = 2_000;
const TOO_MANY_REQUESTS = 429;
const UNAVAILABLE = 503;
const NO_CONTENT = 204;
/** Connections that never came to be: nothing was sent. */
const NOT_CONNECTED = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT)$/;
/** A 503 that may come after a leader has lost its office, in the middle of a call. */
const PERHAPS_DONE = /^(not-ready|postgres-unavailable)$/;
/** An end that settles what an attempt before it has done. */
const SETTLES = /^transaction-(aborted|committed)$/;

export interface Connection {
  readonly urls: readonly string[];
  readonly apiKeyFile: string | undefined;
  readonly timeoutMs: number;
}

export interface Coordinator {
  readonly urls: readonly string[];
  readonly timeoutMs: number;
  readonly client: ConcordatClient;
  /** @param query names and values; undefined ones are left out */
  get<T>(path: string, query?: Readonly<Record<string, string | number | undefined>>): Promise<T>;
  /**
   * @param repeatable whether it may be carried out twice
   * @throws OutcomeUnknownError where nobody knows whether it was carried out
   */
  send<T>(method: 'POST' | 'DELETE', path: string, body: object | undefined, repeatable: boolean): Promise<T>;
  /** One attempt at one replica. @returns undefined where it does not answer */
  probe(url: string, path: string): Promise<{ readonly status: number; readonly body: unknown } | undefined>;
}

interface Call {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly body?: string;
  readonly repeatable: boolean;
}

type Outcome =
  | { readonly kind: 'done'; readonly body: unknown }
  | { readonly kind: 'refused'; readonly error: ConcordatError }
  /** Not now: `lost` says whether it may have been carried out all the same. */
  | { readonly kind: 'again'; readonly error: ConcordatError; readonly lost: boolean; readonly afterMs: number };

export async function openCoordinator({ urls, apiKeyFile, timeoutMs }: Connection): Promise<Coordinator> {
  const authorization = apiKeyFile === undefined ? undefined : `Bearer ${await readApiKey(apiKeyFile)}`;
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
  // A redirect is no answer of a coordinator, and credentials are not for wherever it leads.
  const fetchHere: typeof fetch = (input, init) => fetch(input, { ...init, redirect: 'manual' });
  const request = (url: string, { method, path, body }: Omit<Call, 'repeatable'>, signal: AbortSignal) =>
    fetchHere(`${url}${path}`, {
      method,
      signal,
      headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body }),
    });
  const call = <T>(one: Call) => callUntil<T>(one, urls, timeoutMs, request);
  return {
    urls,
    timeoutMs,
    client: new ConcordatClient({ urls, headers, timeoutMs, fetch: fetchHere }),
    get: (path, query = {}) => call({ method: 'GET', path: `${path}${queryOf(query)}`, repeatable: true }),
    send: (method, path, body, repeatable) =>
      call({ method, path, repeatable, ...(body && { body: JSON.stringify(body) }) }),
    async probe(url, path) {
      try {
        const response = await request(url, { method: 'GET', path }, AbortSignal.timeout(timeoutMs));
        return { status: response.status, body: parse(await response.text()) };
      } catch {
        return undefined; // that is what is told
      }
    },
  };
}

async function callUntil<T>(
  call: Call,
  urls: readonly string[],
  timeoutMs: number,
  request: (url: string, call: Call, signal: AbortSignal) => Promise<Response>,
): Promise<T> {
  const until = performance.now() + timeoutMs;
  let lost = false;
  let last: ConcordatError | undefined;
  for (let attempt = 0; ; attempt += 1) {
    const leftMs = until - performance.now();
    if (leftMs <= 0) break;
    const url = urls[attempt % urls.length] as string;
    const signal = AbortSignal.timeout(Math.ceil(leftMs));
    const outcome = await request(url, call, signal).then(understand).catch(notAnswered);
    if (outcome.kind === 'done') return outcome.body as T;
    // What a replica said tells more than that the last one was cut short.
    last = outcome.error.code === 'connection-lost' ? (last ?? outcome.error) : outcome.error;
    if (outcome.kind === 'refused' && (!lost || SETTLES.test(last.code))) throw last;
    lost ||= outcome.kind === 'again' && outcome.lost && call.method !== 'GET';
    if (outcome.kind === 'refused' || (lost && !call.repeatable)) break;
    const pauseMs = Math.min(Math.max(outcome.afterMs, PAUSE_MS), PAUSE_MS_MAX);
    await sleep(Math.max(0, Math.min(pauseMs, until - performance.now())));
  }
  if (lost) throw new OutcomeUnknownError(undefined, last?.transactionId ?? transactionIn(call.path), { cause: last });
  throw new DeadlineExceededError(timeoutMs, { cause: last });
}

function transactionIn(path: string): string | undefined {
  const [, id] = /^\/v1\/transactions\/([^/?]+)/.exec(path) ?? [];
  return id === undefined ? undefined : decodeURIComponent(id);
}

async function understand(response: Response): Promise<Outcome> {
  const { status, ok, headers } = response;
  const body = parse(await response.text());
  if (ok && (body !== undefined || status === NO_CONTENT)) return { kind: 'done', body };
  const afterMs = Number(headers.get('retry-after') ?? 0) * 1_000 || 0;
  if (!isProblem(body)) {
    const error = new ConcordatError('answer-not-understood', `An answer with status ${status} is not of Concordat.`, {
      status,
    });
    return status >= 500 ? { kind: 'again', error, lost: true, afterMs } : { kind: 'refused', error };
  }
  const error = new ConcordatError(body.code, body.detail, { problem: body, status });
  if (status === TOO_MANY_REQUESTS) return { kind: 'again', error, lost: false, afterMs };
  if (status < 500) return { kind: 'refused', error };
  return { kind: 'again', error, lost: status !== UNAVAILABLE || PERHAPS_DONE.test(body.code), afterMs };
}

function notAnswered(error: unknown): Outcome {
  const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
  const why = cause?.message || cause?.code || (error as Error).message;
  const lost = !NOT_CONNECTED.test(cause?.code ?? '') && cause?.message !== 'bad port'; // which fetch never calls
  const told = new ConcordatError('connection-lost', `The replica did not answer: ${why}.`, {}, { cause: error });
  return { kind: 'again', error: told, lost, afterMs: 0 };
}

async function readApiKey(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause: Error) => {
    throw new CommandFailure(
      'usage',
      `The file of the API key ${file} cannot be read.`,
      'Name the file that holds it.',
      {
        cause,
      },
    );
  });
  const key = text.trim();
  if (!/^[\x21-\x7e]+$/.test(key)) throw usage(`${file} holds no API key.`, 'It is to hold the key and nothing else.');
  return key;
}

export function queryOf(query: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] as [string, string]],
  );
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
}

const isProblem = (body: unknown): body is Problem =>
  typeof body === 'object' && body !== null && 'code' in body && 'status' in body;

/** @returns undefined for what is no JSON */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // a proxy's page, or nothing
  }
}
