/** One request to one replica, and what its answer means. Everything is told apart here; nothing is decided. */
import { ConcordatError, problemError } from './errors.js';
import type { Problem } from './generated/api.js';

export interface CallRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** With its query. */
  readonly path: string;
  readonly body?: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Whether an event stream is asked for: its answer's body is a `ReadableStream`. */
  readonly streams?: boolean;
}

export interface Answer {
  readonly kind: 'answer';
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
  /** Set where the answer is a refusal for good. */
  readonly error?: ConcordatError;
}

/** No answer to the question: whether another try makes sense is for the caller of `exchange` to say. */
export interface Failure {
  /** `refused`: surely not carried out. `lost`: perhaps carried out. */
  readonly kind: 'refused' | 'lost';
  readonly error: ConcordatError;
  /** From `Retry-After`, in ms; 0 where nothing was said. */
  readonly retryAfterMs: number;
  /** Whether another replica would say the same, as with a leader at its limit. */
  readonly everywhere: boolean;
  /** Whether the replica itself is to blame. */
  readonly isFault: boolean;
}

export type Outcome = Answer | Failure;

/** The leader refused it before it did anything. */
const REFUSED_BY_ALL = new Set([
  'overloaded',
  'kafka-unavailable',
  'persistence-backlog-full',
  'operation-running',
  'participant-unavailable',
  'audit-unavailable',
]);
/** This replica refused it before it did anything; another may take it. */
const REFUSED_HERE = new Set(['stopping', 'snapshot-unavailable', 'identity-unavailable']);
/** Some of these come after a leader has lost its office, in the middle of a commit. */
const UNKNOWN_HERE = new Set(['not-ready', 'postgres-unavailable', 'internal']);
/** Connections that never came to be: nothing was sent. A browser does not tell, so there every failure is a loss. */
const NOT_CONNECTED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

const TOO_MANY_REQUESTS = 429;
const SERVER_ERROR = 500;
const NO_CONTENT = 204;

/** @param signal ends the attempt: it is `lost` then */
export async function exchange(
  fetch: typeof globalThis.fetch,
  url: string,
  request: CallRequest,
  signal: AbortSignal,
): Promise<Outcome> {
  const { method, path, body, headers } = request;
  try {
    const response = await fetch(`${url}${path}`, { method, headers, signal, ...(body !== undefined && { body }) });
    if (request.streams && isEventStream(response)) return answer(response, response.body);
    return await understand(response);
  } catch (error) {
    return notAnswered(error);
  }
}

/** Connection refused, reset, timed out. */
function notAnswered(error: unknown): Failure {
  const { message, cause } = (error ?? {}) as Partial<Error>;
  const { code = '', message: inner } = (cause ?? {}) as { code?: string; message?: string };
  const notSent = NOT_CONNECTED.has(code) || inner === 'bad port'; // one that fetch never calls
  const told = `The replica did not answer: ${inner || code || message || error}.`;
  return failure(notSent ? 'refused' : 'lost', {
    error: new ConcordatError('connection-lost', told, { retryable: true }, { cause: error }),
    isFault: true,
  });
}

async function understand(response: Response): Promise<Outcome> {
  const { status, headers } = response;
  const retryAfterMs = retryAfterOf(headers);
  const isJson = /[/+]json\b/.test(headers.get('content-type') ?? '');
  const text = await response.text();
  const body = isJson ? parse(text) : undefined;
  if (response.ok && (body !== undefined || status === NO_CONTENT)) return answer(response, body);
  if (!isProblem(body)) return notOurs(status, retryAfterMs);

  const error = problemError(body, status);
  if (REFUSED_BY_ALL.has(body.code) || status === TOO_MANY_REQUESTS) {
    return failure('refused', { error, retryAfterMs, everywhere: true });
  }
  if (REFUSED_HERE.has(body.code))
    return failure('refused', { error, retryAfterMs, isFault: body.code === 'stopping' });
  if (UNKNOWN_HERE.has(body.code)) return failure('lost', { error, retryAfterMs, isFault: true });
  if (status >= SERVER_ERROR) {
    // A 503 of a later version refuses, whatever it is called; of a 504 only the fate is unknown.
    return failure('lost', { error, retryAfterMs, everywhere: status === 503 });
  }
  return { kind: 'answer', status, headers, body, error };
}

/** Something between us and the coordinator answered, or something that is no coordinator. */
function notOurs(status: number, retryAfterMs: number): Failure | Answer {
  const error = new ConcordatError('answer-not-understood', `An answer with status ${status} is not of Concordat.`, {
    status,
    retryable: status >= SERVER_ERROR,
  });
  if (status < SERVER_ERROR && status >= 300 && status !== TOO_MANY_REQUESTS) {
    return { kind: 'answer', status, headers: new Headers(), body: undefined, error };
  }
  return failure('lost', { error, retryAfterMs, isFault: true });
}

const answer = ({ status, headers }: Response, body: unknown): Answer => ({ kind: 'answer', status, headers, body });

const isEventStream = ({ ok, headers, body }: Response): boolean =>
  ok && body !== null && (headers.get('content-type') ?? '').startsWith('text/event-stream');

const failure = (kind: Failure['kind'], rest: Pick<Failure, 'error'> & Partial<Failure>): Failure => ({
  retryAfterMs: 0,
  everywhere: false,
  isFault: false,
  ...rest,
  kind,
});

const isProblem = (body: unknown): body is Problem =>
  typeof body === 'object' && body !== null && 'code' in body && 'status' in body;

/** @returns undefined for what is no JSON */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // cut off, or a proxy's page under a false name
  }
}

/** Seconds or a date (RFC 9110 §10.2.3), as ms from now. */
function retryAfterOf(headers: Headers): number {
  const value = headers.get('retry-after');
  if (value === null) return 0;
  const ms = /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}
