/** The one place where a call is let in or turned away: before its body is read, before it is handed on to the leader. */
import { ConcordatError } from '@concordat/protocol';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Logger } from '../observability/logger.js';
import type { MetricsRegistry } from '../observability/metrics-registry.js';
import type { Authenticator } from '../security/authenticator.js';
import type { Access, Principal } from '../security/principal.js';
import { ROUTES } from './routes.js';
import { traceIdOf } from './trace.js';

const roles = new Map<string, Access>([
  ...ROUTES.map(({ method, path, role }) => [`${method} ${fastifyPath(path)}`, role] as const),
  // Parts of pages, and no routes of the API.
  ['GET /docs/assets/:file', 'public'],
  ['GET /console', 'public'],
  ['GET /console/*', 'public'],
  ['GET /console/assets/:file', 'public'],
]);

/** What a route asks for; one that no table names is for nobody. */
export function accessOf(method: string, path: string): Access | undefined {
  return roles.get(`${method === 'HEAD' ? 'GET' : method} ${path}`);
}

/** Installs the guard. The caller of a route that is not public stands in `request.principal` from here on. */
export function guardRoutes(
  fastify: FastifyInstance,
  authenticator: Authenticator,
  metrics: MetricsRegistry,
  logger: Logger,
): void {
  const refusals = metrics.counter(
    'concordat_http_refused_total',
    'Calls turned away for want of credentials or of rights, by code.',
    ['code'],
  );
  fastify.decorateRequest('principal', null);
  fastify.addHook('onRequest', (request, _reply, done) => {
    const access = request.is404 ? 'public' : accessOf(request.method, request.routeOptions.url ?? '');
    if (access === 'public') return done();
    const admit = (principal: Principal): void => {
      if (access === undefined || (access !== 'known' && !principal.roles.has(access))) throw forbidden(access);
      request.principal = principal;
    };
    const refuse = (error: unknown): void => {
      if (error instanceof ConcordatError) refusals.with({ code: error.code }).add();
      done(error as Error);
    };
    try {
      const principal = authenticator.authenticate(request.headers.authorization);
      if (principal instanceof Promise) return void principal.then(admit).then(() => done(), refuse);
      admit(principal);
    } catch (error) {
      return refuse(error);
    }
    done();
  });
  logChanges(fastify, logger);
}

/** Who changed what as an operator or administrator; what callers do stands in their transactions. */
function logChanges(fastify: FastifyInstance, logger: Logger): void {
  fastify.addHook('onResponse', (request, reply, done) => {
    if (changesTheSystem(request)) {
      const { method, url, principal } = request;
      const traceId = traceIdOf(request);
      logger.info({ actor: principal?.caller, method, url, status: reply.statusCode, traceId }, 'administrative call');
    }
    done();
  });
}

function changesTheSystem({ method, routeOptions, is404 }: FastifyRequest): boolean {
  if (is404 || (method !== 'POST' && method !== 'DELETE')) return false;
  const access = accessOf(method, routeOptions.url ?? '');
  return access === 'operator' || access === 'admin';
}

const forbidden = (access: Access | undefined): ConcordatError =>
  new ConcordatError('forbidden', access ? `This call asks for the role ${access}.` : 'This call is for nobody.');

function fastifyPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}
