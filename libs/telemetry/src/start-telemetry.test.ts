import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { context, trace } from '@opentelemetry/api';
import { startTelemetry } from './start-telemetry.js';

interface Received {
  resourceSpans: {
    resource: { attributes: { key: string; value: { stringValue?: string } }[] };
    scopeSpans: { spans: { name: string; traceId: string; parentSpanId?: string }[] }[];
  }[];
}

describe('the telemetry of a process', () => {
  const bodies: Received[] = [];
  const warnings: string[] = [];
  let collector: Server;
  const logger = { warn: (_: object, message: string) => void warnings.push(message) };
  const start = (environment: NodeJS.ProcessEnv) => startTelemetry({ serviceName: 'shop', environment, logger });

  beforeAll(async () => {
    collector = createServer(async (request, response) => {
      bodies.push((await json(request)) as Received);
      response.setHeader('content-type', 'application/json').end('{}');
    });
    await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => {
    collector.closeAllConnections();
    collector.close();
  });

  it('is off without an endpoint: no provider, and nothing to stop', async () => {
    const telemetry = await start({});
    expect(telemetry.enabled).toBe(false);
    expect(trace.getTracer('test').startSpan('one').isRecording()).toBe(false);
    await telemetry.stop();
  });

  it('follows a trace beyond an await, keeps within its bound, and sends what waits when it is stopped', async () => {
    const { port } = collector.address() as AddressInfo;
    process.env.OTEL_RESOURCE_ATTRIBUTES = 'deployment.environment.name=test'; // read by the SDK itself
    const telemetry = await start({
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_BSP_MAX_QUEUE_SIZE: '3',
      OTEL_BSP_SCHEDULE_DELAY: '60000',
    });
    const tracer = trace.getTracer('test');
    await tracer.startActiveSpan('outer', async (outer) => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      tracer.startSpan('inner').end();
      outer.end();
      for (let index = 0; index < 10; index += 1) tracer.startSpan('too many', {}, context.active()).end();
    });
    await telemetry.stop();
    delete process.env.OTEL_RESOURCE_ATTRIBUTES;
    const [resourceSpans] = bodies.flatMap((body) => body.resourceSpans);
    const spans = bodies.flatMap((body) => body.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans));
    const sent = spans.flatMap((one) => one.spans);
    expect(sent.slice(0, 3).map(({ name }) => name)).toEqual(['inner', 'outer', 'too many']);
    expect(sent.length).toBeLessThanOrEqual(2 * 3); // what waits, and what is on its way
    expect(new Set(sent.map(({ traceId }) => traceId)).size).toBe(1);
    expect(sent[0]?.parentSpanId).toBeTruthy();
    const attributes = resourceSpans?.resource.attributes.map(({ key, value }) => `${key}=${value.stringValue}`);
    expect(attributes).toEqual(
      expect.arrayContaining(['service.name=shop', 'service.namespace=concordat', 'deployment.environment.name=test']),
    );
    expect(trace.getTracer('test').startSpan('late').isRecording()).toBe(true); // and goes nowhere
    expect(warnings.every((message) => message === 'telemetry cannot be sent')).toBe(true);
  });
});
