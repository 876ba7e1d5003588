/**
 * A replica that does not lead hands a call on to the one that does, so that any replica takes any call.
 *
 * A call is sent again after the leader was lost on the way only where that is safe: it changes nothing, or it names a
 * transaction that is settled by now, or it carries an Idempotency-Key. A caller's one-shot without a key gets one here, so
 * that it too ends with its true outcome (D8).
 */
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { ConcordatError } from '@concordat/protocol';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Agent, type Dispatcher, request as send } from 'undici';
import type { Leadership } from '../engine/cluster-api.js';
import { pause } from '../engine/within.js';
import { MIN_CSN_HEADER } from './min-csn.js';
import type { RefusalPace } from './refusal-pace.js';
import { traceOf } from './trace.js';

export const FORWARDED_HEADER = 'x-concordat-forwarded';
/** How long a call waits for a leader to be there, in ms; a read of the cluster only as long as an election takes to begin. */
const LEADER_WAIT_MS = 10_000;
const RETRY_MS = 50;
/** How soon a call notices that its leader leads no more, in ms. */
const LEADER_CHECK_MS = 50;
const CONNECTIONS_MAX = 256;
/** Begins that are handed on or wait for a leader at once; further ones are refused here. Nothing else is refused. */
const BEGINS_MAX = 1_000;
/** A long poll ends by itself before this. */
const ANSWER_TIMEOUT_MS = 120_000;
const HEADERS_PASSED = ['content-type', 'idempotency-key', MIN_CSN_HEADER, 'authorization', 'accept', 'last-event-id'];
const HEADERS_RETURNED = ['content-type', 'location', 'retry-after', 'cache-control'];
/** With these a begin is refused for want of room. */
const TURNED_AWAY = new Set([429, 503]);
/** These codes say that another replica leads by now, or soon will. */
const TRY_ELSEWHERE = new Set(['not-ready', 'stopping']);

/** Where reads go to the leader too: it alone knows all of it. */
const LED = ['/v1/transactions', '/v1/in-doubt', '/v1/cluster', '/v1/locks', '/v1/lock-sessions', '/v1/overview'];

/** What would be there twice if it was sent again without a key. */
const REPEATED_BY_KEY = new Set(['/v1/transactions', '/v1/locks/:name/acquire', '/v1/lock-sessions']);

type Answer = Dispatcher.ResponseData;

/** What must reach the leader: writes, and reads of what only the leader knows in full. */
function needsLeader({ method, url, routeOptions }: FastifyRequest): boolean {
  const path = routeOptions.url ?? '';
  if (path.startsWith('/v1/snapshots')) return method !== 'GET'; // a lease is read from this replica's ledger
  if (path === '/v1/locks/:name/events') return false; // what happens is told by every replica, whoever leads
  if (!LED.some((prefix) => path.startsWith(prefix))) return false;
  if (method === 'POST' || method === 'DELETE') return true;
  if (path === '/v1/transactions') return false; // a list is read from this replica's Postgres, up to the read index
  return method === 'GET' && !/[?&]consistency=stale(&|$)/.test(url);
}

/** Installs the hand-over in front of every route that needs the leader. */
export function forwardToLeader(fastify: FastifyInstance, pace: RefusalPace, leadership: Leadership): void {
  const agent = new Agent({ connections: CONNECTIONS_MAX, headersTimeout: ANSWER_TIMEOUT_MS, bodyTimeout: 0 });
  let begins = 0;
  fastify.addHook('onClose', () => agent.close());
  fastify.addHook('onRequest', async (_request, reply) => {
    reply.header('x-concordat-applied-index', leadership.appliedIndex);
    const leaderUrl = leadership.leaderUrl ?? leadership.ownUrl;
    if (leaderUrl !== undefined) reply.header('x-concordat-leader', leaderUrl);
  });
  fastify.addHook('preHandler', async (request, reply) => {
    if (leadership.leads || !needsLeader(request)) return undefined;
    if (leadership.removed) throw new ConcordatError('not-ready', 'This replica was removed from its cluster.');
    if (request.headers[FORWARDED_HEADER] !== undefined) {
      throw new ConcordatError('not-ready', 'The call was handed on to a replica that does not lead.', {
        retryAfterMs: RETRY_MS,
      });
    }
    if (!isBegin(request)) return forward(request, reply, leadership, agent);
    if (begins >= BEGINS_MAX) {
      await pace.before(nameOf(request), Date.now());
      throw new ConcordatError('overloaded', 'Too many calls wait for the leader.');
    }
    begins += 1;
    try {
      return await forward(request, reply, leadership, agent, (status) =>
        TURNED_AWAY.has(status) ? pace.before(nameOf(request), Date.now()) : undefined,
      );
    } finally {
      begins -= 1;
    }
  });
}

async function forward(
  request: FastifyRequest,
  reply: FastifyReply,
  leadership: Leadership,
  agent: Agent,
  beforeAnswer: (status: number) => Promise<void> | undefined = () => undefined,
): Promise<FastifyReply | undefined> {
  const readsCluster = request.method === 'GET' && request.routeOptions.url === '/v1/cluster';
  const until = Date.now() + (readsCluster ? leadership.electionTimeoutMsMax : LEADER_WAIT_MS);
  const headers = headersFor(request);
  // Whoever waits for a lock must not be granted it when it is gone: the leader learns of it by the end of our own call.
  const isGone = () => reply.raw.destroyed && request.routeOptions.url === '/v1/locks/:name/acquire';
  let lost = false;
  for (;;) {
    if (leadership.leads) return undefined; // this replica was elected meanwhile: the handler takes it
    const url = leadership.leaderUrl;
    if (url !== undefined) {
      const answer = await attempt(url, request, headers, agent, () => {
        return isGone() || leadership.leaderUrl !== url || (readsCluster && Date.now() >= until);
      });
      if (answer === 'lost') lost = true;
      else if (answer && !(await saysElsewhere(answer, until))) {
        await beforeAnswer(answer.statusCode);
        return pass(answer, reply);
      }
    }
    if (isGone()) throw outcomeUnknown();
    if (Date.now() >= until) {
      if (lost && request.method !== 'GET') throw outcomeUnknown();
      throw new ConcordatError('not-ready', 'No leader answers at the moment.', { retryAfterMs: 1000 });
    }
    await pause(RETRY_MS);
  }
}

const nameOf = ({ principal }: FastifyRequest): string => principal?.caller ?? '';

const isBegin = ({ method, routeOptions }: FastifyRequest): boolean =>
  method === 'POST' && routeOptions.url === '/v1/transactions';

function headersFor(request: FastifyRequest): Record<string, string> {
  const headers: Record<string, string> = { [FORWARDED_HEADER]: '1', ...traceOf(request) };
  for (const name of HEADERS_PASSED) {
    const value = request.headers[name];
    if (typeof value === 'string') headers[name] = value;
  }
  const isRepeated = request.method === 'POST' && REPEATED_BY_KEY.has(request.routeOptions.url ?? '');
  if (isRepeated) headers['idempotency-key'] ??= `forwarded-${randomUUID()}`;
  return headers;
}

/**
 * A leader that is paused or cut off answers nothing and closes nothing: it is given up when it leads no more.
 * @returns the answer; undefined when the call was not sent, `lost` when it was and may be made again
 */
async function attempt(
  url: string,
  request: FastifyRequest,
  headers: Record<string, string>,
  agent: Agent,
  isDeposed: () => boolean,
): Promise<Answer | 'lost' | undefined> {
  const giveUp = new AbortController();
  const watch = setInterval(() => isDeposed() && giveUp.abort(), LEADER_CHECK_MS);
  try {
    return await send(`${url}${request.url}`, {
      method: request.method as Dispatcher.HttpMethod,
      headers,
      dispatcher: agent,
      signal: giveUp.signal,
      ...(request.body !== undefined && request.body !== null && { body: JSON.stringify(request.body) }),
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') return undefined;
    if (request.method === 'GET' || !request.routeOptions.url?.endsWith('/branches')) return 'lost';
    throw outcomeUnknown(error);
  } finally {
    clearInterval(watch); // a body that streams on is not cut short
  }
}

const outcomeUnknown = (cause?: unknown): ConcordatError =>
  new ConcordatError('outcome-unknown', 'The leader was lost before it answered.', {}, { cause });

/** Whether the answer only says that leadership has moved on; its body is read then. */
async function saysElsewhere(answer: Answer, until: number): Promise<boolean> {
  if (answer.statusCode !== 503 || Date.now() >= until) return false;
  const text = await answer.body.text();
  const code = (JSON.parse(text) as { code?: string }).code ?? '';
  if (TRY_ELSEWHERE.has(code)) return true;
  answer.body = Readable.from([text]) as Answer['body'];
  return false;
}

function pass(answer: Answer, reply: FastifyReply): FastifyReply {
  reply.status(answer.statusCode);
  for (const name of HEADERS_RETURNED) {
    const value = answer.headers[name];
    if (value !== undefined) reply.header(name, value);
  }
  return reply.send(answer.body);
}
