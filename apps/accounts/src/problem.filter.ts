import { ConcordatError, ERRORS, isDatabaseUnavailable } from '@concordat/participant';
import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import type { FastifyReply } from 'fastify';

const RETRY_AFTER_SECONDS = '1';

/** Answers errors as RFC 9457 problem documents. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #logger = new Logger(ProblemFilter.name);

  catch(exception: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const { status, ...problem } = describe(exception);
    if (status === 500) this.#logger.error(exception);
    if (status === 503) void reply.header('retry-after', RETRY_AFTER_SECONDS);
    void reply
      .status(status)
      .header('content-type', 'application/problem+json')
      .send({ type: 'about:blank', status, ...problem });
  }
}

function describe(exception: unknown): { status: number; title: string; detail?: string; [member: string]: unknown } {
  if (exception instanceof HttpException) {
    const body = exception.getResponse();
    const { error, message, statusCode, status, ...members } =
      typeof body === 'string' ? { message: body } : Object(body);
    const detail = typeof message === 'string' ? message : undefined;
    return { ...members, status: exception.getStatus(), title: error ?? titleOf(exception), detail };
  }
  if (exception instanceof ConcordatError) {
    const { code, message, retryable } = exception;
    return { status: ERRORS[code].status, title: ERRORS[code].title, detail: message, code, retryable };
  }
  if (isDatabaseUnavailable(exception)) return { status: 503, title: 'Postgres cannot be reached' };
  return { status: 500, title: 'Something went wrong' };
}

const titleOf = (exception: HttpException) =>
  exception.name.replace(/Exception$/, '').replace(/(?<=[a-z])(?=[A-Z])/g, ' ');
