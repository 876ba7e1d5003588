import { describe, expect, it } from '@jest/globals';
import { cutEvents } from './event-stream.js';

describe('an event stream', () => {
  it('is cut into the data of whole events, wherever the text ends', () => {
    expect(cutEvents('event: overview\ndata: {"a":1}\n\n: still here\n\nevent: overview\ndata: {"a"')).toEqual({
      events: ['{"a":1}'],
      left: 'event: overview\ndata: {"a"',
    });
    expect(cutEvents('').events).toEqual([]);
  });
});
