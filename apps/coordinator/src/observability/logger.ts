import type { LoggerService } from '@nestjs/common';
import { type DestinationStream, type Logger, pino } from 'pino';
import { scrub } from './scrub.js';

export type { Logger } from 'pino';

/** Structured lines of JSON, without secrets, on standard output unless told otherwise. */
export const createLogger = (
  level: string,
  base: Record<string, unknown> = {},
  output: DestinationStream = pino.destination(1),
): Logger =>
  pino(
    { level, base: { service: 'concordat-coordinator', ...base } },
    { write: (line: string) => output.write(scrub(line)) },
  );

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
