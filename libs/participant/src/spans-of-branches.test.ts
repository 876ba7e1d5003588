import { commandsTopic } from '@concordat/protocol';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { context, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { createTestDatabase, type TestDatabase } from '../test/test-database.js';
import { putItem, TestCoordinator, TestParticipant, until } from '../test/test-participant.js';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const traceparent = `00-${TRACE_ID}-b7ad6b7169203331-01`;

describe('a branch in Postgres, traced', () => {
  const exporter = new InMemorySpanExporter();
  const coordinator = new TestCoordinator();
  let database: TestDatabase;
  let participant: TestParticipant;
  let sentOn: string | undefined;

  beforeAll(async () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }));
    database = await createTestDatabase();
    participant = await TestParticipant.start({
      url: database.url,
      operations: {
        traced: async ({ id }, { manager, traceparent: own }) => {
          sentOn = own;
          trace.getTracer('application').startSpan('of the application').end();
          await putItem(manager, id);
        },
      },
    });
  });
  afterAll(async () => {
    await participant?.stop();
    await database?.drop();
    trace.disable();
    context.disable();
  });

  const deliver = async (command: Parameters<TestParticipant['deliver']>[0]) => {
    const topic = commandsTopic(participant.name);
    const message = participant.transport.incoming(topic, command.transactionId, JSON.stringify(command));
    message.headers.traceparent = traceparent;
    await participant.parts.dispatcher.accept(message);
  };
  const ended = (name: string) => until(() => exporter.getFinishedSpans().find((span) => span.name === name));
  const lines = () => {
    const spans = exporter.getFinishedSpans();
    const parentOf = (id?: string) => spans.find((span) => span.spanContext().spanId === id)?.name ?? 'the command';
    return spans.map(({ name, parentSpanContext }) => `${name} < ${parentOf(parentSpanContext?.spanId)}`);
  };

  it('shows operations, what the application does in them, and both phases, all below the commands', async () => {
    const id = coordinator.id();
    await deliver(coordinator.prepare(id, [['traced', 'x']]));
    await ended('process prepare');
    await deliver(coordinator.commit(id));
    await ended('process commit');
    expect(lines()).toEqual([
      'of the application < operation traced',
      'operation traced < process prepare',
      'PREPARE TRANSACTION < process prepare',
      'process prepare < the command',
      'COMMIT PREPARED < process commit',
      'process commit < the command',
    ]);
    const spans = exporter.getFinishedSpans();
    expect(new Set(spans.map((span) => span.spanContext().traceId))).toEqual(new Set([TRACE_ID]));
    expect(spans.every(({ status }) => status.code === SpanStatusCode.UNSET)).toBe(true);
    expect(sentOn).toBe(`00-${TRACE_ID}-${(await ended('operation traced')).spanContext().spanId}-01`);
    const replies = participant.transport.sent
      .filter(({ key }) => key === id)
      .map(({ headers }) => headers?.traceparent);
    const spanIds = [await ended('process prepare'), await ended('process commit')].map(
      (one) => one.spanContext().spanId,
    );
    expect(replies).toEqual(spanIds.map((spanId) => `00-${TRACE_ID}-${spanId}-01`));
  });

  it('shows a rollback', async () => {
    exporter.reset();
    const id = coordinator.id();
    await deliver(coordinator.prepare(id, [['traced', 'y']]));
    await ended('process prepare');
    await deliver(coordinator.rollback(id));
    await ended('process rollback');
    expect(lines()).toContain('ROLLBACK PREPARED < process rollback');
  });
});
