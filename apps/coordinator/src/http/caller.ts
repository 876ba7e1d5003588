import { ConcordatError } from '@concordat/protocol';
import type { FastifyRequest } from 'fastify';
import { mayEnlist, type Principal, type Role } from '../security/principal.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by access.ts before any handler; null on routes that everybody may call. */
    principal: Principal | null;
  }
}

/** Who makes a call. @throws Error on a route that is public: nobody was asked there who they are */
function principalOf({ principal }: FastifyRequest): Principal {
  if (!principal) throw new Error('a public route does not know who calls');
  return principal;
}

/** The name that a call is made in, which transactions and idempotency keys belong to. */
export const callerOf = (request: FastifyRequest): string => principalOf(request).caller;

/** What the caller may do. */
export const rolesOf = (request: FastifyRequest): Role[] => [...principalOf(request).roles];

/** Whether the caller reaches what belongs to others. */
export const reachesAll = (request: FastifyRequest): boolean => principalOf(request).roles.has('operator');

/** @throws ConcordatError forbidden, naming the first participant that the caller may not enlist */
export function checkMayEnlist(request: FastifyRequest, branches: readonly { readonly participant: string }[]): void {
  const principal = principalOf(request);
  for (const { participant } of branches) {
    if (mayEnlist(principal, participant)) continue;
    throw new ConcordatError('forbidden', `The caller may not enlist ${participant}.`, { participant });
  }
}
