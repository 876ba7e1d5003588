import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { FakeReplica, json, transaction } from '../../test/fake-replica.js';
import { ConcordatClient } from '../client.js';
import { openTelemetry } from './index.js';

describe('a client with OpenTelemetry', () => {
  const exporter = new InMemorySpanExporter();
  let server: FakeReplica;
  let client: ConcordatClient;
  let answer: { status: number; body: unknown };
  const sent: (string | undefined)[] = [];

  beforeEach(async () => {
    exporter.reset();
    sent.length = 0;
    answer = { status: 200, body: transaction({ id: '1-1-1', status: 'committed' }) };
    server = await new FakeReplica(({ headers }, response) => {
      sent.push(headers.traceparent as string | undefined);
      json(response, answer.status, answer.body);
    }).start();
    client = new ConcordatClient({ urls: [server.url], tracing: openTelemetry() });
  });
  afterEach(async () => {
    trace.disable();
    context.disable();
    await server.die();
  });
  const startSdk = () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }));
  };

  it('makes a span of the transaction and one of each request, and the replica is told the latter', async () => {
    startSdk();
    await client.run({ branches: [], label: 'order-7' });
    const [request, whole] = exporter.getFinishedSpans();
    expect([whole?.name, whole?.attributes]).toEqual([
      'transaction',
      { 'concordat.transaction.label': 'order-7', 'concordat.transaction.id': '1-1-1' },
    ]);
    expect([request?.name, request?.kind]).toEqual(['POST /v1/transactions', SpanKind.CLIENT]);
    expect(request?.parentSpanContext?.spanId).toBe(whole?.spanContext().spanId);
    const { traceId, spanId } = request?.spanContext() ?? {};
    expect(sent).toEqual([`00-${traceId}-${spanId}-01`]);
  });

  it('tells a refusal as an error, and names no id', async () => {
    startSdk();
    const problem = { code: 'transaction-not-found', title: 'none', status: 404, detail: 'none', retryable: false };
    answer = { status: 404, body: problem };
    await expect(client.get('1-1-9')).rejects.toMatchObject({ code: 'transaction-not-found' });
    const [request] = exporter.getFinishedSpans();
    expect(request?.name).toBe('GET /v1/transactions/{id}');
    expect(request?.status.code).toBe(SpanStatusCode.ERROR);
    expect(request?.attributes).toMatchObject({
      'http.response.status_code': 404,
      'error.type': 'transaction-not-found',
    });
  });

  it('sends no header where the application has no SDK', async () => {
    await client.run({ branches: [] });
    expect(sent).toEqual([undefined]);
  });
});
