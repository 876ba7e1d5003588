/**
 * What a participant does for a transaction, as spans of its trace (docs/tracing.md). It knows OpenTelemetry's API only: where
 * the application has started no SDK no span is made, and the trace that came with a command is passed on as it is.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Command,
  parseTraceparent,
  type Reason,
  readTraceHeaders,
  type TraceHeaders,
  traceHeadersOf,
} from '@concordat/protocol';
import type { IncomingMessage } from '@concordat/transport';
import {
  type Attributes,
  type Context,
  context,
  createTraceState,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { type Logger, pino } from 'pino';

/** One command under way. */
interface Scope {
  readonly transactionId: string;
  readonly span: Span;
  /** What replies carry; undefined where there is no trace. */
  readonly headers: TraceHeaders | undefined;
  /** Set where the work outlasts the handling of the message. */
  until: Promise<unknown> | undefined;
}

const tracer = trace.getTracer('@concordat/participant');
const scopes = new AsyncLocalStorage<Scope>();

/**
 * Handles a command as a part of its transaction's trace: what is logged, replied and done meanwhile belongs to it. A header
 * that cannot be used is ignored; nothing of this changes how the command is handled.
 */
export function inCommand<T extends void | Promise<void>>(
  command: Command,
  message: IncomingMessage,
  work: () => T,
): T {
  const parent = contextOf(readTraceHeaders(message.headers));
  const span = tracer.startSpan(`process ${command.type}`, { kind: SpanKind.CONSUMER }, parent);
  if (span.isRecording()) span.setAttributes(attributesOf(command, message));
  const own = span.spanContext();
  const headers = isSpanContextValid(own) ? traceHeadersOf(own) : undefined;
  const scope: Scope = { transactionId: command.transactionId, span, headers, until: undefined };
  let result: T;
  try {
    result = context.with(trace.setSpan(parent, span), () => scopes.run(scope, work));
  } catch (error) {
    endWith(span, error);
    throw error;
  }
  const until = scope.until ?? result;
  if (until instanceof Promise) {
    until.then(
      () => span.end(),
      (error: unknown) => endWith(span, error),
    );
  } else span.end();
  return result;
}

/** The command that is handled now goes on until then, although its message counts as handled. */
export function lasting(until: Promise<unknown>): void {
  const scope = scopes.getStore();
  if (scope) scope.until = until;
}

/** Does a part of the work in a span of its own; whatever the application traces within hangs below it. */
export function inSpan<T>(name: string, kind: SpanKind, attributes: Attributes, work: () => Promise<T>): Promise<T> {
  if (!scopes.getStore()?.span.isRecording()) return work();
  return tracer.startActiveSpan(name, { kind, attributes }, async (span) => {
    try {
      const result = await work();
      span.end();
      return result;
    } catch (error) {
      endWith(span, error);
      throw error;
    }
  });
}

/** A step of the two phases in the participant's Postgres; by OpenTelemetry's conventions for databases. */
export const inDatabaseSpan = <T>(operation: string, work: () => Promise<T>): Promise<T> =>
  inSpan(operation, SpanKind.CLIENT, { 'db.system.name': 'postgresql', 'db.operation.name': operation }, work);

/** Runs what is done for several transactions at once outside of the trace of the one that happened to begin it. */
export const outsideOfCommands = <T>(work: () => T): T => scopes.exit(() => context.with(ROOT_CONTEXT, work));

/** What a message that is sent now is to carry, be it only the trace that came. */
export function currentTrace(): TraceHeaders | undefined {
  const scope = scopes.getStore();
  if (!scope?.headers) return undefined;
  const active = scope.span.isRecording() ? trace.getActiveSpan() : undefined;
  return active ? traceHeadersOf(active.spanContext()) : scope.headers;
}

/** What the answer to a command carries: the span of the command, whatever runs within it. */
export const commandTrace = (): TraceHeaders | undefined => scopes.getStore()?.headers;

/** The answer to the command under way says this. */
export function noteAnswer(attributes: Attributes): void {
  scopes.getStore()?.span.setAttributes(attributes);
}

/** The command under way is refused, or contradicts what is here. */
export function noteRefusal({ code, message }: Pick<Reason, 'code' | 'message'>): void {
  const span = scopes.getStore()?.span;
  span?.setAttribute('error.type', code).setStatus({ code: SpanStatusCode.ERROR, message });
}

/** A logger whose lines say which transaction and which trace the work under way belongs to. */
export function tracedLogger(logger: Logger, bindings: Record<string, unknown>): Logger {
  const { [pino.symbols.formattersSym]: own } = logger as { [pino.symbols.formattersSym]?: { log?: LogFormatter } };
  const format = own?.log; // of the application, whose logger it may be
  const log: LogFormatter = (details) => withIds(format ? format(details) : details);
  return logger.child(bindings, { formatters: { log } });
}

type LogFormatter = (details: object) => object;

function withIds(details: object): object {
  const scope = scopes.getStore();
  if (!scope) return details;
  const { transactionId, headers } = scope;
  const { transactionId: other = transactionId } = details as { transactionId?: unknown };
  if (other !== transactionId) return details; // work for several transactions tells of another one
  const traceId = parseTraceparent(headers?.traceparent)?.traceId;
  return { transactionId, ...(traceId !== undefined && { traceId }), ...details };
}

function contextOf(headers: TraceHeaders | undefined): Context {
  const span = parseTraceparent(headers?.traceparent);
  if (!span) return ROOT_CONTEXT;
  const traceState = headers?.tracestate === undefined ? undefined : createTraceState(headers.tracestate);
  return trace.setSpanContext(ROOT_CONTEXT, { ...span, isRemote: true, ...(traceState && { traceState }) });
}

/** By OpenTelemetry's semantic conventions for messaging. */
const attributesOf = ({ type, transactionId, participant }: Command, message: IncomingMessage): Attributes => ({
  'messaging.system': 'kafka',
  'messaging.operation.type': 'process',
  'messaging.operation.name': type,
  'messaging.destination.name': message.topic,
  'messaging.destination.partition.id': String(message.partition),
  'messaging.kafka.offset': Number(message.offset),
  'messaging.kafka.message.key': transactionId,
  'concordat.transaction.id': transactionId,
  'concordat.participant': participant,
});

function endWith(span: Span, error: unknown): void {
  const { code, name, message } = (error ?? {}) as { code?: unknown; name?: string; message?: string };
  span.setAttribute('error.type', typeof code === 'string' ? code : (name ?? 'unknown'));
  span.setStatus({ code: SpanStatusCode.ERROR, ...(message !== undefined && { message }) });
  span.end();
}
