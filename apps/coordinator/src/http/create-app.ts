import type { Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Tracer } from '@opentelemetry/api';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { COORDINATOR_API, type CoordinatorApi } from '../engine/api.js';
import { CLUSTER_API, type ClusterApi } from '../engine/cluster-api.js';
import { measureRequests } from '../observability/http-metrics.js';
import { type Logger, NestLogger } from '../observability/logger.js';
import { MetricsRegistry } from '../observability/metrics-registry.js';
import { traceRequests } from '../observability/request-spans.js';
import { type Authenticator, openToAll } from '../security/authenticator.js';
import { guardRoutes } from './access.js';
import { refuseEarly } from './early-refusal.js';
import { forwardToLeader } from './forwarding.js';
import { BODY_BYTES_MAX, HTTP_LIMITS, type HttpLimits, PATH_PARAMETER_LENGTH_MAX } from './limits.js';
import { ProblemFilter } from './problem.filter.js';
import { RefusalPace } from './refusal-pace.js';
import { answerUnreadable, limitRequests } from './request-limits.js';
import { traceIdOf } from './trace.js';

export interface HttpOptions {
  /** Everybody may do everything where it is left out. */
  readonly authenticator?: Authenticator;
  readonly limits?: HttpLimits;
  /** Makes the spans of requests; there are none where it is left out. */
  readonly tracer?: Tracer | undefined;
}

/** Makes the Nest application of a root module on Fastify, with everything that concerns every request. */
export async function createHttpApp(
  module: Parameters<typeof NestFactory.create>[0] | Type,
  logger: Logger,
  { authenticator = openToAll, limits = HTTP_LIMITS, tracer }: HttpOptions = {},
): Promise<NestFastifyApplication> {
  const filter = new ProblemFilter(logger);
  const adapter = new FastifyAdapter({
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    http: {
      maxHeaderSize: limits.headerBytesMax,
      headersTimeout: limits.headersTimeoutMs,
      connectionsCheckingInterval: limits.checkIntervalMs,
    },
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveMs,
    clientErrorHandler: answerUnreadable,
    routerOptions: { maxParamLength: PATH_PARAMETER_LENGTH_MAX },
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    // Nest middleware is not used, and costs something per request.
    skipMiddie: true,
    forceCloseConnections: 'idle',
    frameworkErrors: (error: unknown, request: FastifyRequest, reply: FastifyReply) =>
      filter.answer(error, request, reply),
  } as ConstructorParameters<typeof FastifyAdapter>[0]);
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    logger: new NestLogger(logger),
    bodyParser: false,
    abortOnError: false,
  });
  app.useGlobalFilters(filter);
  const fastify = app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
  readJsonOnly(fastify);
  const metrics = app.get(MetricsRegistry);
  if (tracer) traceRequests(fastify, tracer);
  limitRequests(fastify, limits, metrics);
  guardRoutes(fastify, authenticator, metrics, logger);
  const pace = new RefusalPace();
  forwardToLeader(fastify, pace, app.get<ClusterApi>(CLUSTER_API));
  refuseEarly(fastify, pace, () => app.get<CoordinatorApi>(COORDINATOR_API).admission);
  measureRequests(fastify, metrics);
  if (logger.isLevelEnabled('debug')) logRequests(fastify, logger);
  return app;
}

/** JSON is the only content type; an empty body counts as none, whatever its content type says. */
function readJsonOnly(fastify: FastifyInstance): void {
  const parse = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined);
    else void parse(request, body, done);
  });
}

function logRequests(fastify: FastifyInstance, logger: Logger): void {
  fastify.addHook('onResponse', (request, reply, done) => {
    const { method, url, params } = request;
    const details = {
      method,
      url,
      status: reply.statusCode,
      tookMs: Math.round(reply.elapsedTime * 100) / 100,
      transactionId: (params as { id?: string } | null)?.id,
      traceId: traceIdOf(request),
    };
    logger.debug(details, 'request');
    done();
  });
}
