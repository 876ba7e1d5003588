import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { systemClock } from './clock.js';
import { EventParser, readEvents } from './server-sent-events.js';

const TEXT =
  ': still here\n\nevent: transaction\nid: 4\ndata: {"a":\ndata:1}\n\ndata: plain\r\n\r\nevent: empty\n\nid\r\rdata:  two\n\n';
const EVENTS = [
  { name: 'transaction', data: '{"a":\n1}', id: '4' },
  { name: 'message', data: 'plain', id: '4' },
  { name: 'message', data: ' two', id: '' },
];

describe('server-sent events', () => {
  it('are read alike wherever the text is cut', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(TEXT.length), { maxLength: 12 }), (cuts) => {
        const parser = new EventParser();
        const ends = [...cuts.sort((a, b) => a - b), TEXT.length];
        const events = ends.flatMap((end, index) => [...parser.take(TEXT.slice(ends[index - 1] ?? 0, end))]);
        expect(events).toEqual(EVENTS);
      }),
      { numRuns: 300 },
    );
  });

  it('survive a cut within a character', async () => {
    const bytes = new TextEncoder().encode('data: größer\n\n');
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    const events = [];
    for await (const { data } of readEvents(stream, 1_000, systemClock)) events.push(data);
    expect(events).toEqual(['größer']);
  });

  it('are given up when nothing is heard for too long', async () => {
    let cancelled = false;
    const stream = new ReadableStream<Uint8Array>({
      cancel() {
        cancelled = true;
      },
    });
    await expect(readEvents(stream, 20, systemClock).next()).rejects.toThrow('silent');
    expect(cancelled).toBe(true);
  });
});
