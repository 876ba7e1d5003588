import { parseTraceparent, type Reply, type TraceHeaders } from '@concordat/protocol';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { SpanStatusCode } from '@opentelemetry/api';
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { done, leadingEngine, ONE_SHOT, pass, prepareBoth, settled, vote } from '../../test/engine.js';
import { FOLLOWED_MAX, TransactionSpans } from './transaction-spans.js';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const CALL = 'b7ad6b7169203331';
const sampled: TraceHeaders = { traceparent: `00-${TRACE_ID}-${CALL}-01`, tracestate: 'vendor=1' };
const unsampled: TraceHeaders = { traceparent: `00-${TRACE_ID}-${CALL}-00` };
const traced = { caller: 'shop', trace: sampled };

describe('the spans of a transaction', () => {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  let spans: TransactionSpans;

  beforeEach(() => {
    jest.useFakeTimers();
    exporter.reset();
    spans = new TransactionSpans(provider.getTracer('test'));
  });
  afterEach(() => void jest.useRealTimers());

  const ended = () => exporter.getFinishedSpans();
  const named = (name: string) => ended().find((span) => span.name === name) as ReadableSpan;
  const parentOf = ({ parentSpanContext }: ReadableSpan) =>
    ended().find((span) => span.spanContext().spanId === parentSpanContext?.spanId)?.name ??
    (parentSpanContext?.spanId === CALL ? 'the call' : undefined);

  it('show each phase below the call, and below it each participant', async () => {
    const engine = await leadingEngine({ tracing: spans });
    const outcome = settled(engine.coordinator.begin({ ...ONE_SHOT, wait: 'completed' }, traced));
    await pass(0);
    const transactionId = engine.messenger.sent[0]?.transactionId ?? '';
    const toEast = spans.headersOf(transactionId, 'east');
    expect(parseTraceparent(toEast?.traceparent)).toMatchObject({ traceId: TRACE_ID, traceFlags: 1 });
    expect(toEast?.tracestate).toBe('vendor=1');
    expect(toEast).not.toEqual(spans.headersOf(transactionId, 'west'));
    vote(engine, transactionId, 'east');
    vote(engine, transactionId, 'west');
    engine.log.applyAll();
    done(engine, transactionId, 'east');
    done(engine, transactionId, 'west');
    await pass(100);
    engine.log.applyAll();
    await pass(0);
    expect(outcome.value).toMatchObject({ status: 'completed' });
    expect(ended().map((span) => `${span.name} < ${parentOf(span)}`)).toEqual([
      'prepare east < prepare',
      'prepare west < prepare',
      'prepare < the call',
      'decide < the call',
      'commit east < finalise',
      'commit west < finalise',
      'finalise < the call',
    ]);
    expect(new Set(ended().map((span) => span.spanContext().traceId))).toEqual(new Set([TRACE_ID]));
    expect(named('prepare east').spanContext().spanId).toBe(parseTraceparent(toEast?.traceparent)?.spanId);
    expect(named('prepare east').attributes).toMatchObject({
      'messaging.destination.name': 'concordat.commands.east',
      'concordat.transaction.id': transactionId,
      'concordat.vote': 'prepared',
    });
    expect(named('decide').attributes).toMatchObject({ 'concordat.outcome': 'committed' });
    expect(named('decide').attributes['concordat.csn']).toEqual(expect.any(Number));
    expect(spans.headersOf(transactionId)).toEqual(sampled); // for the event
    expect(spans.traceIdOf(transactionId)).toBe(TRACE_ID);
  });

  it('say of an abort that it is an error, and why', async () => {
    const engine = await leadingEngine({ tracing: spans });
    const { id } = await engine.coordinator.begin({ branches: ONE_SHOT.branches ?? [] }, traced);
    const outcome = settled(engine.coordinator.commit(id, {}, traced));
    await pass(0);
    const reason = { code: 'insufficient-funds', message: 'There is less.', retryable: false };
    vote(engine, id, 'east', { vote: 'refused', results: null, reason });
    engine.log.applyAll();
    await pass(0);
    expect(outcome.code).toBe('transaction-aborted');
    for (const name of ['prepare east', 'prepare', 'decide']) {
      expect(named(name).status).toEqual({ code: SpanStatusCode.ERROR, message: 'There is less.' });
      expect(named(name).attributes['error.type']).toBe('insufficient-funds');
    }
    expect(named('prepare west').attributes).toMatchObject({ 'concordat.answered': false });
  });

  it('mark what was sent again, and take no further span for it', async () => {
    const engine = await leadingEngine({ tracing: spans });
    const { id } = await engine.coordinator.begin({ branches: ONE_SHOT.branches ?? [] }, traced);
    settled(engine.coordinator.commit(id, {}, traced));
    await pass(5_000);
    vote(engine, id, 'east');
    expect(named('prepare east').events.map(({ name }) => name)).toContain('sent again');
  });

  it('end when leadership is lost', async () => {
    const engine = await leadingEngine({ tracing: spans });
    const { id } = await engine.coordinator.begin({ branches: ONE_SHOT.branches ?? [] }, traced);
    settled(engine.coordinator.commit(id, {}, traced));
    await pass(0);
    engine.replica.onFollowing();
    expect(named('prepare').status.code).toBe(SpanStatusCode.ERROR);
  });

  it.each([
    ['of a trace that is not kept', unsampled, () => new TransactionSpans(provider.getTracer('test'))],
    ['where spans are not recorded', sampled, () => new TransactionSpans()],
  ])('are none %s, and its headers are passed on as they came', async (_, trace, make) => {
    const tracing = make();
    const engine = await leadingEngine({ tracing });
    const { id } = await engine.coordinator.begin({ branches: ONE_SHOT.branches ?? [] }, { caller: 'shop', trace });
    settled(engine.coordinator.commit(id, {}, { caller: 'shop' }));
    vote(engine, id, 'east');
    expect(tracing.headersOf(id, 'west')).toEqual(trace);
    expect(ended()).toEqual([]);
  });

  it('are none where the call has no trace', async () => {
    const engine = await leadingEngine({ tracing: spans });
    const { id } = await prepareBoth(engine);
    expect(spans.headersOf(id, 'east')).toBeUndefined();
    expect(spans.traceIdOf(id)).toBeUndefined();
  });

  it('are bounded in number: the oldest makes room, and its spans end', () => {
    spans.join('1-1-1', sampled);
    const header = { id: '1-1-1' };
    const send = { type: 'send', command: 'prepare', participant: 'east' } as const;
    spans.stepped({ header } as never, { type: 'due' }, [send]);
    for (let n = 2; n <= FOLLOWED_MAX + 1; n += 1) spans.join(`1-1-${n}`, sampled);
    expect(spans.headersOf('1-1-1')).toBeUndefined();
    expect(named('prepare').status.code).toBe(SpanStatusCode.ERROR);
  });

  it('take up a reply of the same trace only, and survive whatever its headers say', () => {
    spans.join('1-1-1', sampled);
    const reply = { type: 'vote', transactionId: '1-1-1', participant: 'east' } as Reply;
    const headersOf = (traceId: string) => ({ traceparent: `00-${traceId}-b9c7c989f97918e1-01` });
    expect(spans.received(reply, {})).toBeUndefined();
    expect(spans.received(reply, { traceparent: 'nonsense' })).toBeUndefined();
    expect(spans.received(reply, headersOf('1'.repeat(32)))).toBeUndefined();
    spans.received(reply, { ...headersOf(TRACE_ID), tracestate: '\u0000' })?.();
    expect(named('process vote').parentSpanContext?.spanId).toBe('b9c7c989f97918e1');
  });
});
