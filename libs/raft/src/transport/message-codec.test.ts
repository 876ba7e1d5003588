import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createMessage, type EntryType, INDEX_MAX, type Message, type MessageType } from '../core/messages.js';
import { decodeMessages, encodeMessages, MessageFormatError, messageBytesBound } from './message-codec.js';

const count = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: INDEX_MAX }));
const data = fc.uint8Array({ maxLength: 300 });
const entry = fc.record({ type: fc.nat(2) as fc.Arbitrary<EntryType>, term: count, index: count, data });
const ids = fc.array(count, { maxLength: 5 });
const confState = fc.record({
  voters: ids,
  learners: ids,
  votersOutgoing: ids,
  learnersNext: ids,
  autoLeave: fc.boolean(),
});
const snapshot = fc.record({ index: count, term: count, confState, data });
const message: fc.Arbitrary<Message> = fc
  .record({
    type: fc.nat(23) as fc.Arbitrary<MessageType>,
    to: count,
    from: count,
    term: count,
    logTerm: count,
    index: count,
    commit: count,
    vote: count,
    rejectHint: count,
    reject: fc.boolean(),
    context: data,
    entries: fc.array(entry, { maxLength: 5 }),
    snapshot: fc.option(snapshot, { nil: undefined }),
  })
  .map(({ from, term, ...fields }) => createMessage(fields, from, term));

describe('the message codec', () => {
  it('gives back every message it was given', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 6 }), (messages) => {
        const bytes = encodeMessages(messages);
        expect(plain(decodeMessages(bytes))).toEqual(plain(messages));
        expect(bytes.length).toBeLessThanOrEqual(1 + messages.reduce((sum, one) => sum + messageBytesBound(one), 0));
      }),
    );
  });

  it('answers arbitrary bytes with messages or a format error, and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (noise) => {
        try {
          decodeMessages(Uint8Array.of(1, ...noise));
        } catch (error) {
          expect(error).toBeInstanceOf(MessageFormatError);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('refuses a version it does not know', () => {
    expect(() => decodeMessages(Uint8Array.of(9))).toThrow(/format 9/);
  });
});

/** Buffers and arrays of bytes compare as the same. */
function plain(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return Buffer.from(value as Uint8Array).toString('hex');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
}
