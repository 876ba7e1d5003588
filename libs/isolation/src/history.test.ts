import { describe, expect, it } from '@jest/globals';
import { checkHistory } from './check.js';
import { HistoryError, parseHistory } from './history.js';

const line = (event: object) => JSON.stringify({ index: 0, process: 0, type: 'invoke', f: 'txn', value: [], ...event });
const check =
  (...events: object[]) =>
  () =>
    checkHistory(
      parseHistory(events.map((event, index) => line({ index, ...event })).join('\n')),
      'snapshot-isolation',
    );

describe('a history', () => {
  it('is read from a JSON array and from lines alike', () => {
    const events = [line({}), line({ index: 3, type: 'ok' })];
    expect(parseHistory(`${events.join('\n')}\n`)).toEqual(parseHistory(` [${events.join(',')}]`));
    expect(parseHistory('')).toEqual([]);
  });

  it.each([
    ['{', /line 1 is no JSON/],
    ['[{]', /no JSON array/],
    ['7', /event 1 is no object/],
    [line({ index: '1' }), /event 1: "index"/],
    [line({ process: null }), /event 1: "process"/],
    [line({ type: 'maybe' }), /event 1: "type" must be one of invoke, ok, fail, info/],
    [line({ f: 'read' }), /event 1: "f"/],
    [line({ value: undefined }), /event 1: "value"/],
    [line({ value: [['append', 'x']] }), /event 1, operation 1 must be/],
    [line({ value: [['w', 'x', 1]] }), /"w" is neither/],
    [line({ value: [['append', 'x', null]] }), /operation 1: the element/],
    [line({ value: [['r', 'x', [null]]] }), /operation 1: what was read/],
    [`${line({ index: 1 })}\n\n${line({ index: 1 })}`, /event 2: index 1 does not follow 1/],
  ])('is refused where it cannot be read: %s', (text, message) => {
    expect(() => parseHistory(text)).toThrow(HistoryError);
    expect(() => parseHistory(text)).toThrow(message);
  });

  it('is refused when no client can have made it', () => {
    const append = [['append', 'x', 1]];
    expect(check({}, {})).toThrow(/process 0 invokes while its invocation 0 has no answer/);
    expect(check({ type: 'ok' })).toThrow(/nothing invoked/);
    expect(check({ value: append }, { type: 'ok', value: [['append', 'x', 2]] })).toThrow(
      /not those that were invoked/,
    );
    expect(check({ value: append }, { type: 'ok' })).toThrow(/1 operations were invoked/);
    const unread = [['r', 'x', null]];
    expect(check({ value: unread }, { type: 'ok', value: unread })).toThrow(/no list that was read/);
    expect(check({ value: append }, { process: 1, value: append })).toThrow(/T0 and T1 both append 1 to key x/);
  });

  it('may leave out what failed or got no answer, and answers altogether', () => {
    const value = [['append', 'x', 1]];
    const report = check(
      { value },
      { type: 'fail', value: undefined },
      { process: 1 },
      { process: 1, type: 'info' },
      {},
    )();
    expect(report.transactions).toEqual({ committed: 0, aborted: 1, unknown: 2, unknownSeen: 0 });
  });
});
