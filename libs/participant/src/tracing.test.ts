import { type CommitCommand, parseTraceparent } from '@concordat/protocol';
import type { IncomingMessage } from '@concordat/transport';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { pino } from 'pino';
import {
  commandTrace,
  currentTrace,
  inCommand,
  inSpan,
  lasting,
  noteRefusal,
  outsideOfCommands,
  tracedLogger,
} from './tracing.js';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const TRACEPARENT = `00-${TRACE_ID}-b7ad6b7169203331-01`;
const COMMAND: CommitCommand = {
  v: 1,
  type: 'commit',
  transactionId: '1-1-1',
  participant: 'bank',
  horizon: '1-1-1',
  csn: 7,
};

const messageWith = (headers: Record<string, string>): IncomingMessage => ({
  topic: 'concordat.commands.bank',
  partition: 2,
  offset: '17',
  key: '1-1-1',
  value: Buffer.from(''),
  headers,
  timestampMs: 0,
});

describe('where the application has started no SDK', () => {
  it('passes the trace of a command on as it came', async () => {
    const tracestate = 'vendor=1';
    const headers = await inCommand(COMMAND, messageWith({ traceparent: TRACEPARENT, tracestate }), async () => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      seen.push([commandTrace(), currentTrace()]);
    });
    expect(headers).toBeUndefined();
    expect(seen.pop()).toEqual([
      { traceparent: TRACEPARENT, tracestate },
      { traceparent: TRACEPARENT, tracestate },
    ]);
  });
  const seen: unknown[] = [];

  it.each([
    ['no header', {}],
    ['a malformed one', { traceparent: `${TRACEPARENT}0` }],
    ['nonsense', { traceparent: '\u0000\n', tracestate: 'x'.repeat(10_000) }],
  ])('handles a command with %s all the same, and passes nothing on', (_, headers) => {
    let handled = false;
    void inCommand(COMMAND, messageWith(headers), () => {
      handled = true;
      expect(commandTrace()).toBeUndefined();
    });
    expect(handled).toBe(true);
  });

  it('puts the ids of trace and transaction into every line, save into those about another transaction', () => {
    const lines: Record<string, unknown>[] = [];
    const logger = pino(
      { formatters: { log: (details) => ({ ...details, own: true }) } },
      { write: (line: string) => void lines.push(JSON.parse(line)) },
    );
    const traced = tracedLogger(logger, { participant: 'bank' });
    void inCommand(COMMAND, messageWith({ traceparent: TRACEPARENT }), () => {
      traced.info('within');
      traced.info({ transactionId: '1-1-2' }, 'of another');
      outsideOfCommands(() => traced.info('for many'));
    });
    traced.info('outside');
    const ids = lines.map(({ transactionId, traceId, own, msg }) => [msg, transactionId, traceId, own]);
    expect(ids).toEqual([
      ['within', '1-1-1', TRACE_ID, true],
      ['of another', '1-1-2', undefined, true],
      ['for many', undefined, undefined, true],
      ['outside', undefined, undefined, true],
    ]);
  });
});

describe('where it has', () => {
  const exporter = new InMemorySpanExporter();

  beforeEach(() => {
    exporter.reset();
    trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }));
  });
  afterEach(() => trace.disable());

  it('continues the trace with a span that lasts as long as the work, and replies with it', async () => {
    const work = Promise.withResolvers<void>();
    let replied: string | undefined;
    void inCommand(COMMAND, messageWith({ traceparent: TRACEPARENT }), () => {
      lasting(work.promise);
      replied = commandTrace()?.traceparent;
    });
    expect(exporter.getFinishedSpans()).toEqual([]);
    work.resolve();
    await work.promise;
    await Promise.resolve();
    const [span] = exporter.getFinishedSpans();
    expect(span?.name).toBe('process commit');
    expect(span?.kind).toBe(SpanKind.CONSUMER);
    expect(span?.parentSpanContext?.spanId).toBe('b7ad6b7169203331');
    expect(parseTraceparent(replied)).toMatchObject({ traceId: TRACE_ID, spanId: span?.spanContext().spanId });
    expect(span?.attributes).toMatchObject({
      'messaging.system': 'kafka',
      'messaging.kafka.offset': 17,
      'concordat.transaction.id': '1-1-1',
      'concordat.participant': 'bank',
    });
  });

  it('says of a refusal, and of what throws, that it is an error', async () => {
    await inCommand(COMMAND, messageWith({ traceparent: TRACEPARENT }), async () => {
      noteRefusal({ code: 'insufficient-funds', message: 'There is less.' });
      await inSpan('operation debit', SpanKind.INTERNAL, {}, () => Promise.reject(new RangeError('no'))).catch(() => 0);
    });
    const [operation, command] = exporter.getFinishedSpans();
    expect([operation?.status.code, operation?.attributes['error.type']]).toEqual([SpanStatusCode.ERROR, 'RangeError']);
    expect(command?.status).toEqual({ code: SpanStatusCode.ERROR, message: 'There is less.' });
    expect(command?.attributes['error.type']).toBe('insufficient-funds');
  });
});
