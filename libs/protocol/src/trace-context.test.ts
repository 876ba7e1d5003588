import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseTraceparent, readTraceHeaders, traceHeadersOf } from './trace-context.js';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const spanId = 'b7ad6b7169203331';
const traceparent = `00-${traceId}-${spanId}-01`;

describe('a trace context in headers', () => {
  it('is read', () => {
    expect(parseTraceparent(traceparent)).toEqual({ traceId, spanId, traceFlags: 1 });
    expect(readTraceHeaders({ traceparent, tracestate: 'vendor=1', other: 'x' })).toEqual({
      traceparent,
      tracestate: 'vendor=1',
    });
  });

  it('of a later version is read as far as it is known', () => {
    expect(parseTraceparent(`cc-${traceId}-${spanId}-03-more`)).toEqual({ traceId, spanId, traceFlags: 3 });
  });

  it.each([
    ['nothing', undefined],
    ['a number', 7],
    ['several', [traceparent, traceparent]],
    ['an empty text', ''],
    ['no trace', `00-${'0'.repeat(32)}-${spanId}-01`],
    ['no span', `00-${traceId}-${'0'.repeat(16)}-01`],
    ['the forbidden version', `ff-${traceId}-${spanId}-01`],
    ['more than version 00 has', `${traceparent}-more`],
    ['capitals', traceparent.toUpperCase()],
    ['too few digits', `00-${traceId.slice(1)}-${spanId}-01`],
    ['another line', `${traceparent}\n`],
    ['something endless', `cc-${traceId}-${spanId}-01-${'x'.repeat(1_000)}`],
  ])('that is %s counts as not there', (_, header) => {
    expect(parseTraceparent(header)).toBeUndefined();
    expect(readTraceHeaders({ traceparent: header, tracestate: 'a=1' })).toBeUndefined();
  });

  it.each([['a'.repeat(513)], ['a=1\r\nb: 2'], [''], [['a=1']]])(
    'sends no state on that cannot be used (%#)',
    (state) => {
      expect(readTraceHeaders({ traceparent, tracestate: state })).toEqual({ traceparent });
    },
  );

  it('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), (one, other) => {
        const read = readTraceHeaders({ traceparent: one, tracestate: other });
        expect(read === undefined || parseTraceparent(read.traceparent) !== undefined).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('is written as it is read', () => {
    const headers = traceHeadersOf({ traceId, spanId, traceFlags: 1, traceState: { serialize: () => 'vendor=1' } });
    expect(headers).toEqual({ traceparent, tracestate: 'vendor=1' });
    expect(parseTraceparent(traceHeadersOf({ traceId, spanId, traceFlags: 0 }).traceparent)?.traceFlags).toBe(0);
  });
});
