import { ConcordatError, type ErrorCode } from '@concordat/protocol';
import { HttpException } from '@nestjs/common';
import { BODY_BYTES_MAX } from './limits.js';
import { methodsOfPath } from './routes.js';

const NOT_FOUND = 404;
const CLIENT_ERRORS_FROM = 400;
const SERVER_ERRORS_FROM = 500;

/** What Fastify says about a request that no handler has seen yet. */
const fastifyCodes: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['body-too-large', `The body is larger than ${BODY_BYTES_MAX} bytes.`],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported-media-type', 'The body must be application/json.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['request-invalid', 'The body is not as long as Content-Length says.'],
  FST_ERR_BAD_URL: ['request-invalid', 'The path is not a valid URL.'],
  FST_ERR_MAX_PARAM_LENGTH: ['route-not-found', 'A part of the path is too long.'],
};

/**
 * Every error in terms of the registry: errors of Fastify and Nest are translated, anything else is `internal` with
 * the error as its cause. `method` and `path` are those of the request.
 */
export function toConcordatError(error: unknown, method: string, path: string): ConcordatError {
  if (error instanceof ConcordatError) return error;
  // A method that is not served here is told before anything that is wrong with the rest of the request.
  const isServed = methodsOfPath(path).includes(method);
  if (!isServed || (error instanceof HttpException && error.getStatus() === NOT_FOUND)) {
    return unknownRoute(method, path);
  }
  // Nest wraps what Fastify threw.
  const origin = error instanceof HttpException ? (error.cause ?? error) : error;
  const { code, statusCode, message } = (origin ?? {}) as { code?: unknown; statusCode?: unknown; message?: unknown };
  const known = typeof code === 'string' ? fastifyCodes[code] : undefined;
  if (known) return new ConcordatError(known[0], known[1], {}, { cause: error });
  const status = error instanceof HttpException ? error.getStatus() : statusCode;
  if (typeof status === 'number' && status >= CLIENT_ERRORS_FROM && status < SERVER_ERRORS_FROM) {
    const detail = typeof message === 'string' ? message : 'The request could not be read.';
    return new ConcordatError('request-invalid', detail, {}, { cause: error });
  }
  return new ConcordatError('internal', 'The coordinator failed in a way that was not foreseen.', {}, { cause: error });
}

function unknownRoute(method: string, path: string): ConcordatError {
  const allowed = methodsOfPath(path);
  return allowed.length === 0
    ? new ConcordatError('route-not-found', 'Nothing is served at this path.')
    : new ConcordatError('method-not-allowed', `This path answers to ${allowed.join(', ')}.`, {
        method,
        allowed,
      });
}
