import { ConcordatError } from '@concordat/protocol';
import type { FastifyRequest } from 'fastify';
import type { CoordinatorApi } from '../engine/api.js';

export const MIN_CSN_HEADER = 'x-concordat-min-csn';
export const MIN_CSN_PATTERN = '^[0-9]{1,16}$';
const pattern = new RegExp(MIN_CSN_PATTERN);

/**
 * Read your writes through any replica: waits until this one has applied what the header asks for.
 * @throws ConcordatError request-invalid, snapshot-unavailable
 */
export function reachMinCsn(request: FastifyRequest, api: CoordinatorApi): Promise<void> | undefined {
  const value = request.headers[MIN_CSN_HEADER];
  if (value === undefined) return undefined;
  const csn = typeof value === 'string' && pattern.test(value) ? Number(value) : Number.NaN;
  if (Number.isSafeInteger(csn)) return api.snapshots.reach(csn);
  throw new ConcordatError('request-invalid', `header.${MIN_CSN_HEADER}: not a commit sequence number`, {
    issues: [{ path: `header.${MIN_CSN_HEADER}`, message: 'not a commit sequence number' }],
  });
}
