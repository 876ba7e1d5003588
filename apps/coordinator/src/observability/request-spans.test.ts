import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { type FastifyInstance, fastify } from 'fastify';
import { FakeCoordinator } from '../../test/fake-coordinator.js';
import { type HttpHarness, LoneCluster, startHttp } from '../../test/http-harness.js';
import type { CallContext } from '../engine/api.js';
import { createLogger } from './logger.js';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const CALL = 'b7ad6b7169203331';
const traceparent = `00-${TRACE_ID}-${CALL}-01`;

describe('the span of a request', () => {
  const exporter = new InMemorySpanExporter();
  const tracer = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }).getTracer('test');
  const coordinator = new FakeCoordinator();
  const cluster = new LoneCluster();
  const lines: string[] = [];
  let http: HttpHarness;
  let leader: FastifyInstance;
  let heard: unknown;

  beforeAll(async () => {
    const logger = createLogger('debug', {}, { write: (line: string) => void lines.push(line) });
    http = await startHttp(coordinator, cluster, undefined, { tracer, logger });
    leader = fastify();
    leader.post('/v1/transactions', ({ headers }) => {
      heard = headers.traceparent;
      return {};
    });
    cluster.leaderUrl = await leader.listen({ port: 0, host: '127.0.0.1' });
  });
  afterAll(async () => {
    await http.close();
    await leader.close();
  });
  beforeEach(() => {
    exporter.reset();
    cluster.leads = true;
  });
  /** A response is heard a moment before Fastify says that it is sent. */
  const ended = async () => {
    while (exporter.getFinishedSpans().length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    return exporter.getFinishedSpans();
  };

  it('continues the trace of the caller, and the transaction continues from it', async () => {
    const headers = { traceparent, tracestate: 'vendor=1' };
    await http.call('POST', '/v1/transactions', {}, headers);
    const [span] = await ended();
    expect([span?.name, span?.kind, span?.parentSpanContext?.spanId]).toEqual([
      'POST /v1/transactions',
      SpanKind.SERVER,
      CALL,
    ]);
    expect(span?.attributes).toMatchObject({ 'http.route': '/v1/transactions', 'http.response.status_code': 201 });
    const [, context] = coordinator.calls.findLast(({ method }) => method === 'begin')?.args ?? [];
    expect((context as CallContext | undefined)?.trace).toEqual({
      traceparent: `00-${TRACE_ID}-${span?.spanContext().spanId}-01`,
      tracestate: 'vendor=1',
    });
  });

  it.each([['nonsense'], [`${traceparent}0`], [`00-${'0'.repeat(32)}-${CALL}-01`]])(
    'begins a trace of its own where the header is %s',
    async (header) => {
      await http.call('POST', '/v1/transactions', {}, { traceparent: header });
      const [span] = await ended();
      expect(span?.parentSpanContext).toBeUndefined();
      expect(span?.spanContext().traceId).not.toBe(TRACE_ID);
    },
  );

  it('is an error where the server is to blame, and the log says which trace', async () => {
    const branches = [{ participant: 'accounts-east', operation: 'debit', input: { fail: 'internal' } }];
    await http.call('POST', '/v1/transactions', { branches }, { traceparent });
    const [span] = await ended();
    expect(span?.status.code).toBe(SpanStatusCode.ERROR);
    expect(span?.attributes).toMatchObject({ 'http.response.status_code': 500, 'error.type': '500' });
    const line = lines.map((one) => JSON.parse(one)).find(({ msg }) => msg === 'request failed');
    expect(line).toMatchObject({ traceId: TRACE_ID });
  });

  it('is handed on to the leader by a follower', async () => {
    cluster.leads = false;
    await http.call('POST', '/v1/transactions', {}, { traceparent });
    const [span] = await ended();
    expect(heard).toBe(`00-${TRACE_ID}-${span?.spanContext().spanId}-01`);
  });

  it('is not made for probes and metrics', async () => {
    await http.call('GET', '/health/live');
    await http.call('GET', '/metrics');
    await http.call('GET', '/v1/participants');
    expect((await ended()).map(({ name }) => name)).toEqual(['GET /v1/participants']);
  });
});

describe('a line of the log', () => {
  it('about a transaction has the id of its trace', () => {
    const lines: string[] = [];
    const traceIdOf = (id: string) => (id === '1-1-1' ? TRACE_ID : undefined);
    const logger = createLogger('info', {}, { write: (line: string) => void lines.push(line) }, traceIdOf);
    logger.info({ transactionId: '1-1-1' }, 'one');
    logger.info({ transactionId: '1-1-2' }, 'unknown');
    logger.info('none');
    expect(lines.map((line) => JSON.parse(line).traceId)).toEqual([TRACE_ID, undefined, undefined]);
  });
});
