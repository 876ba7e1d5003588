import type { FastifyRequest } from 'fastify';

/** The name that calls without credentials are made in. */
const ANONYMOUS = 'anonymous';

/**
 * Who makes a call: the only place that says so. Everybody is one caller as long as there are no credentials; API keys
 * and JWTs are to be recognised here.
 */
export const callerOf = (_request: FastifyRequest): string => ANONYMOUS;
