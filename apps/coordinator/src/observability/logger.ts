import type { LoggerService } from '@nestjs/common';
import { type DestinationStream, type Logger, pino } from 'pino';
import { scrub } from './scrub.js';

export type { Logger } from 'pino';

/** Finds the trace that a transaction belongs to. */
export type TraceIdOf = (transactionId: string) => string | undefined;

/**
 * Structured lines of JSON, without secrets, on standard output unless told otherwise. A line about a transaction has the id of
 * its trace as well.
 */
export const createLogger = (
  level: string,
  base: Record<string, unknown> = {},
  output: DestinationStream = pino.destination(1),
  traceIdOf: TraceIdOf = () => undefined,
): Logger =>
  pino(
    {
      level,
      base: { service: 'concordat-coordinator', ...base },
      formatters: { log: (details) => withTraceId(details, traceIdOf) },
    },
    { write: (line: string) => output.write(scrub(line)) },
  );

function withTraceId(details: Record<string, unknown>, traceIdOf: TraceIdOf): Record<string, unknown> {
  const { transactionId, traceId } = details;
  if (typeof transactionId !== 'string' || traceId !== undefined) return details;
  const found = traceIdOf(transactionId);
  return found === undefined ? details : { ...details, traceId: found };
}

/** What Nest itself has to say, in the same lines; its chatter at start is of interest to debugging only. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, context?: unknown): void {
    this.logger.debug({ context }, String(message));
  }
  debug(message: unknown, context?: unknown): void {
    this.logger.debug({ context }, String(message));
  }
  verbose(message: unknown, context?: unknown): void {
    this.logger.trace({ context }, String(message));
  }
  warn(message: unknown, context?: unknown): void {
    this.logger.warn({ context }, String(message));
  }
  error(message: unknown, ...details: unknown[]): void {
    this.logger.error({ details }, String(message));
  }
  fatal(message: unknown, ...details: unknown[]): void {
    this.logger.fatal({ details }, String(message));
  }
}
