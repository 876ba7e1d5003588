/** Bounds on what a request and a connection may be, and what is said to those beyond them. */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { ConcordatError, type ErrorCode } from '@concordat/protocol';
import type { FastifyInstance } from 'fastify';
import type { MetricsRegistry } from '../observability/metrics-registry.js';
import type { HttpLimits } from './limits.js';
import { PROBLEM_MEDIA_TYPE, problemResponse } from './problem.js';

/** Installs what Fastify has no setting for. */
export function limitRequests(fastify: FastifyInstance, limits: HttpLimits, metrics: MetricsRegistry): void {
  const server = fastify.server as Server;
  server.maxConnections = limits.connectionsMax;
  let dropped = 0;
  server.on('drop', () => {
    dropped += 1;
  });
  metrics.counterFrom('concordat_http_connections_dropped_total', 'Connections beyond the limit.', () => dropped);
  fastify.addHook('onRequest', (request, reply, done) => {
    reply.header('x-content-type-options', 'nosniff');
    const { rawHeaders, url = '' } = request.raw;
    if (url.length > limits.urlLengthMax) {
      return done(new ConcordatError('url-too-long', `The URL is longer than ${limits.urlLengthMax} characters.`));
    }
    if (rawHeaders.length / 2 > limits.headersMax) {
      return done(new ConcordatError('headers-too-large', `There are more than ${limits.headersMax} headers.`));
    }
    done();
  });
}

const parserCodes: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: ['request-timeout', 'The request did not arrive in time.'],
  HPE_HEADER_OVERFLOW: ['headers-too-large', 'The headers are too large.'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ['body-too-large', 'The chunks of the body carry too much beside it.'],
};

/** Answers what is no request, or does not become one in time, and ends the connection: nothing behind it can be trusted. */
export function answerUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const [code, message] = parserCodes[error.code ?? ''] ?? ['request-invalid', 'This is not a valid HTTP request.'];
  const { status, body } = problemResponse(new ConcordatError(code, message), '/');
  const head = [
    `HTTP/1.1 ${status} ${reasons[status] ?? 'Bad Request'}`,
    `content-type: ${PROBLEM_MEDIA_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

const reasons: Readonly<Record<number, string>> = {
  408: 'Request Timeout',
  413: 'Content Too Large',
  431: 'Request Header Fields Too Large',
};
