import { randomBytes } from 'node:crypto';
import type { ConcordatError } from '@concordat/protocol';
import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { drain } from './drain.js';
import { toConcordatError } from './framework-errors.js';
import { PROBLEM_MEDIA_TYPE, type ProblemResponse, problemResponse } from './problem.js';
import { methodsOfPath } from './routes.js';
import { traceIdOf } from './trace.js';

const NO_CONTENT = 204;

/** The one place where errors become responses: every error of every layer, in terms of the registry. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly logger: Logger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.answer(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }

  /** Answers a request with an error; OPTIONS on a known path comes here too, since nothing handles it. */
  answer(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const path = pathOf(request);
    const problem = toConcordatError(error, request.method, path);
    const isUnexpected = problem.code === 'internal';
    const traceId = isUnexpected ? (traceIdOf(request) ?? randomBytes(16).toString('hex')) : traceIdOf(request);
    if (isUnexpected) this.logger.error({ err: problem.cause ?? problem, path, traceId }, 'request failed');
    else this.log(problem, path, traceId);
    if (reply.sent || reply.raw.headersSent) return void reply.raw.destroy();
    if (problem.code === 'method-not-allowed') {
      void reply.header('allow', methodsOfPath(path).join(', '));
      if (request.method === 'OPTIONS') return void reply.code(NO_CONTENT).send();
    }
    const response = problemResponse(problem, path, isUnexpected ? traceId : undefined);
    if (problem.code === 'body-too-large') void drain(request.raw).then(() => send(reply, response));
    else send(reply, response);
  }

  private log(problem: ConcordatError, path: string, traceId: string | undefined): void {
    const { transactionId } = problem.details;
    this.logger.debug({ code: problem.code, detail: problem.message, path, transactionId, traceId }, 'request refused');
  }
}

function send(reply: FastifyReply, { status, headers, body }: ProblemResponse): void {
  for (const [name, value] of Object.entries(headers)) void reply.header(name, value);
  void reply.code(status).header('content-type', PROBLEM_MEDIA_TYPE).send(body);
}

const pathOf = (request: FastifyRequest): string => request.url.split('?', 1)[0] ?? '/';
