import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createMessage, type Message, MessageType, NO_ENTRIES } from '../core/messages.js';
import { BATCH_BYTES_MAX, EMPTY_APPEND_WAIT_MS, OUTBOX_BYTES_MAX, OUTBOX_MESSAGES_MAX, Outbox } from './outbox.js';

describe('the outbox', () => {
  it('gives messages back in their order', () => {
    const outbox = new Outbox(() => undefined);
    for (let index = 1; index <= 3; index++) outbox.add(append(index, 10));
    expect(outbox.take().map((message) => message.index)).toEqual([1, 2, 3]);
    expect(outbox.isEmpty).toBe(true);
  });

  it('drops what exceeds its bounds, in messages and in bytes', () => {
    const many = new Outbox(() => undefined);
    for (let index = 1; index <= OUTBOX_MESSAGES_MAX; index++) expect(many.add(append(index, 1))).toBe(true);
    expect(many.add(append(9, 1))).toBe(false);
    const large = new Outbox(() => undefined);
    expect(large.add(append(1, OUTBOX_BYTES_MAX / 2))).toBe(true);
    expect(large.add(append(2, OUTBOX_BYTES_MAX / 2))).toBe(false);
  });

  it('makes batches of bounded size, of one message at least', () => {
    const outbox = new Outbox(() => undefined);
    for (let index = 1; index <= 3; index++) outbox.add(append(index, BATCH_BYTES_MAX));
    expect([outbox.take().length, outbox.take().length, outbox.take().length]).toEqual([1, 1, 1]);
    expect(outbox.isEmpty).toBe(true);
  });

  it('leaves out an empty append if the next one says as much, and only then', () => {
    const outbox = new Outbox(() => undefined);
    outbox.add(append(5, 0, { commit: 5 }));
    outbox.add(append(5, 10, { commit: 5 }));
    outbox.add(append(6, 0, { commit: 7 }));
    outbox.add(append(6, 10, { commit: 6 }));
    outbox.add(append(7, 0, { commit: 7 }));
    outbox.add(createMessage({ type: MessageType.Heartbeat, to: 2, commit: 7 }, 1, 1));
    outbox.add(append(8, 0, { commit: 7, term: 1 }));
    outbox.add(append(8, 0, { commit: 7, term: 2 }));
    expect(outbox.take().map((message) => `${message.type}:${message.entries.length}`)).toEqual([
      '3:1',
      '3:0',
      '3:1',
      '3:0',
      '8:0',
      '3:0',
      '3:0',
    ]);
  });
});

describe('when the outbox departs', () => {
  let departures: string[];
  let outbox: Outbox;

  beforeEach(() => {
    jest.useFakeTimers();
    departures = [];
    outbox = new Outbox(() =>
      departures.push(
        outbox
          .take()
          .map(({ index }) => String(index))
          .join(),
      ),
    );
  });

  afterEach(() => void jest.useRealTimers());

  it('once for all of one turn of the event loop', () => {
    outbox.add(append(1, 10));
    outbox.add(append(2, 10));
    expect(departures).toEqual([]);
    jest.advanceTimersByTime(0);
    expect(departures).toEqual(['1,2']);
  });

  it('a little later where there is nothing but an empty append, whatever else of that kind comes', () => {
    outbox.add(append(1, 0, { commit: 1 }));
    jest.advanceTimersByTime(EMPTY_APPEND_WAIT_MS - 1);
    outbox.add(append(2, 0, { commit: 2 }));
    expect(departures).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(departures).toEqual(['2']);
    jest.advanceTimersByTime(EMPTY_APPEND_WAIT_MS);
    expect(departures).toHaveLength(1);
  });

  it('at once with an append that says as much, or any other message', () => {
    outbox.add(append(1, 0, { commit: 1 }));
    outbox.add(append(1, 10, { commit: 1 }));
    jest.advanceTimersByTime(0);
    outbox.add(append(3, 0, { commit: 2 }));
    outbox.add(createMessage({ type: MessageType.Heartbeat, to: 2, index: 4, commit: 2 }, 1, 1));
    jest.advanceTimersByTime(0);
    expect(departures).toEqual(['1', '3,4']);
    jest.advanceTimersByTime(EMPTY_APPEND_WAIT_MS);
    expect(departures).toHaveLength(2);
  });

  it('not at all once it was cleared', () => {
    outbox.add(append(1, 0));
    outbox.add(append(2, 10));
    outbox.clear();
    jest.advanceTimersByTime(EMPTY_APPEND_WAIT_MS);
    expect(departures).toEqual([]);
  });
});

function append(index: number, bytes: number, { commit = 0, term = 1 } = {}): Message {
  const entries =
    bytes === 0 ? NO_ENTRIES : [{ term, index: index + 1, type: 0 as const, data: new Uint8Array(bytes) }];
  return createMessage({ type: MessageType.App, to: 2, index, commit, entries }, 1, term);
}
