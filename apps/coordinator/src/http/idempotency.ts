import { hash } from 'node:crypto';
import { ConcordatError } from '@concordat/protocol';
import type { FastifyRequest } from 'fastify';
import type { CallContext } from '../engine/api.js';
import { callerOf, reachesAll } from './caller.js';
import { canonicalJson } from './json.js';
import { traceOf } from './trace.js';

export const IDEMPOTENCY_KEY_HEADER = 'idempotency-key';
export const IDEMPOTENCY_KEY_PATTERN = '^[\\x20-\\x7e]{1,255}$';
const keyPattern = new RegExp(IDEMPOTENCY_KEY_PATTERN);

/** Who calls, without looking at the Idempotency-Key header. */
export const callContext = (request: FastifyRequest): CallContext => ({
  caller: callerOf(request),
  reachesAll: reachesAll(request),
  trace: traceOf(request),
});

/**
 * Who calls, with the claim of the Idempotency-Key header where there is one. The key is bound to method, path and
 * meaning of the body: white space and the order of members do not make another request.
 * @throws ConcordatError `idempotency-key-invalid`
 */
export function keyedCallContext(request: FastifyRequest): CallContext {
  const key = request.headers[IDEMPOTENCY_KEY_HEADER];
  const context = callContext(request);
  if (key === undefined) return context;
  if (typeof key !== 'string' || !keyPattern.test(key)) {
    throw new ConcordatError('idempotency-key-invalid', 'The key must be 1 to 255 printable ASCII characters.');
  }
  const path = request.url.split('?', 1)[0];
  const requestHash = hash('sha256', `${request.method} ${path}\n${canonicalJson(request.body ?? {})}`, 'hex');
  return { ...context, claim: { caller: context.caller, key, requestHash } };
}
