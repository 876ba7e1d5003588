/**
 * Refuses begins for which there is no room before they are looked at any further: where far more is asked for than can be
 * done, what is refused must cost next to nothing, or the refusals take the place of the work. What is refused here is
 * what `begin` would refuse as well. A call whose Idempotency-Key is known goes on: it asks what became of its transaction.
 */
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AdmissionApi, Turnaway } from '../engine/api.js';
import { callerOf } from './caller.js';
import { FORWARDED_HEADER } from './forwarding.js';
import { IDEMPOTENCY_KEY_HEADER } from './idempotency.js';
import { PROBLEM_MEDIA_TYPE, problemResponse } from './problem.js';
import type { RefusalPace } from './refusal-pace.js';

const BEGIN_PATH = '/v1/transactions';

/** Installs the refusal in front of begins; to be called after the hand-over to the leader. */
export function refuseEarly(fastify: FastifyInstance, pace: RefusalPace, admissionOf: () => AdmissionApi): void {
  /** When each connection was told to come back, Unix ms. One that comes sooner is told the same again, and given no second promise. */
  const promised = new WeakMap<Socket, number>();
  fastify.addHook('preHandler', (request, reply, done) => {
    if (request.method !== 'POST' || request.routeOptions.url !== BEGIN_PATH) return done();
    const key = request.headers[IDEMPOTENCY_KEY_HEADER];
    const refused = admissionOf().turnaway(callerOf(request), participantsOf(request.body), String(key ?? ''));
    if (!refused) return done();
    // What a follower hands on it holds back itself: its connections to us carry the calls of many.
    const held = request.headers[FORWARDED_HEADER] ? undefined : pace.before(callerOf(request), Date.now());
    if (!held) return answer(request, reply, refused, promised);
    void held.then(() => answer(request, reply, refused, promised));
  });
}

function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  refused: Turnaway,
  promised: WeakMap<Socket, number>,
): void {
  const now = Date.now();
  const { socket } = request.raw;
  const before = promised.get(socket) ?? 0;
  const isForwarded = request.headers[FORWARDED_HEADER] !== undefined; // many callers share the connection
  const retryAfterMs = before > now && !isForwarded ? before - now : refused.promise();
  if (!isForwarded) promised.set(socket, now + retryAfterMs);
  const { code, message, participant } = refused;
  const details = { retryAfterMs, ...(participant !== undefined && { participant }) };
  const { status, headers, body } = problemResponse({ code, message, details, retryable: true }, BEGIN_PATH);
  reply.hijack();
  reply.raw.writeHead(status, {
    ...(reply.getHeaders() as Record<string, string>),
    ...headers,
    'content-type': PROBLEM_MEDIA_TYPE,
    'content-length': Buffer.byteLength(body),
  });
  reply.raw.end(body);
}

/** Of a body that nobody has checked: what is no one-shot, or no valid one, makes work for nobody at once. */
function participantsOf(body: unknown): string[] {
  const { commit, branches } = (body ?? {}) as { commit?: unknown; branches?: unknown };
  if (commit !== true || !Array.isArray(branches)) return [];
  return branches.map((branch: { participant?: unknown } | null) => String(branch?.participant));
}
