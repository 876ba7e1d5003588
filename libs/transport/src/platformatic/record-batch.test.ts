import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { crc32c, Reader, readRecordsBatch } from '@platformatic/kafka';
import fc from 'fast-check';
import type { OutgoingMessage } from '../transport.js';
import { decodeRecordBatches, encodeRecordBatch } from './record-batch.js';

const producer = { id: 4_242n, epoch: 3 };
const nowMs = 1_790_000_000_123;

const text = fc.string({ unit: 'binary', maxLength: 40 });
const messages = fc.array(
  fc.record({
    topic: fc.constant('t'),
    key: fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
    value: fc.oneof(
      text,
      fc.integer({ min: 0, max: 20_000 }).map((length) => 'ü'.repeat(length)),
    ),
    headers: fc.dictionary(fc.string({ minLength: 1, maxLength: 10 }), text, { maxKeys: 3, noNullPrototype: true }),
  }),
  { minLength: 1, maxLength: 20 },
);

function seen({ key, value, headers }: { key: string; value: string | Buffer; headers?: Record<string, string> }) {
  return { key, value: value.toString(), headers: { ...headers } };
}

describe('record batches', () => {
  it('are read as they were written', () => {
    fc.assert(
      fc.property(messages, (sent: OutgoingMessage[]) => {
        const encoded = encodeRecordBatch(sent, producer, 17, nowMs);
        const decoded = decodeRecordBatches(encoded, 't', 5, 0);
        // A lone surrogate is no text: it is written as the replacement character.
        expect(decoded.messages.map(seen)).toEqual(sent.map(seen).map(wellFormed));
        expect(decoded.messages.map(({ offset }) => offset)).toEqual(sent.map((_, index) => String(index)));
        expect(decoded).toMatchObject({ nextOffset: sent.length, errors: [] });
        expect(decoded.messages[0]).toMatchObject({ topic: 't', partition: 5, timestampMs: nowMs });
      }),
      { numRuns: 200, examples: [[[{ ...asMessage('v'), headers: JSON.parse('{"__proto__":"x"}') }]]] },
    );
  });

  it('are written as the client library reads them', () => {
    const sent = [
      { topic: 't', key: 'k1', value: 'v'.repeat(10), headers: { traceparent: '00-1-2-01' } },
      { topic: 't', key: 'k2', value: 'w'.repeat(9_000) },
    ];
    const encoded = encodeRecordBatch(sent, producer, 17, nowMs);
    const batch = readRecordsBatch(Reader.from(encoded));
    expect(batch).toMatchObject({
      magic: 2,
      producerId: 4_242n,
      producerEpoch: 3,
      firstSequence: 17,
      lastOffsetDelta: 1,
    });
    expect(batch.firstTimestamp).toBe(BigInt(nowMs));
    expect(batch.crc).toBe(crc32c(encoded.subarray(21)));
    expect(batch.records.map(({ key, value }) => [key?.toString(), value?.toString()])).toEqual([
      ['k1', 'v'.repeat(10)],
      ['k2', 'w'.repeat(9_000)],
    ]);
  });

  it('leave out what lies before the position, and what is cut off at the end', () => {
    const first = atOffset(encodeRecordBatch(['a', 'b', 'c'].map(asMessage), producer, 0, nowMs), 100);
    const second = atOffset(encodeRecordBatch(['d', 'e'].map(asMessage), producer, 0, nowMs), 103);
    const whole = decodeRecordBatches(Buffer.concat([first, second]), 't', 0, 101);
    expect(whole.messages.map(({ value, offset }) => `${value}@${offset}`)).toEqual([
      'b@101',
      'c@102',
      'd@103',
      'e@104',
    ]);
    const cut = decodeRecordBatches(Buffer.concat([first, second.subarray(0, second.length - 1)]), 't', 0, 101);
    expect(cut.messages).toHaveLength(2);
    expect(cut.nextOffset).toBe(103);
  });

  it('that are compressed are read', () => {
    const plain = encodeRecordBatch(['a', 'b'].map(asMessage), producer, 0, nowMs);
    const body = gzipSync(plain.subarray(61));
    const compressed = Buffer.concat([plain.subarray(0, 61), body]);
    compressed.writeInt16BE(1, 21);
    compressed.writeInt32BE(compressed.length - 12, 8);
    const { messages } = decodeRecordBatches(compressed, 't', 0, 0);
    expect(messages.map(({ value }) => value.toString())).toEqual(['a', 'b']);
  });

  it('that are control marks or garbage are passed over', () => {
    const control = encodeRecordBatch([asMessage('mark')], producer, 0, nowMs);
    control.writeInt16BE(1 << 5, 21);
    const garbage = atOffset(encodeRecordBatch([asMessage('x'.repeat(50))], producer, 0, nowMs), 1);
    garbage.fill(0xff, 61);
    const good = atOffset(encodeRecordBatch([asMessage('good')], producer, 0, nowMs), 2);
    const decoded = decodeRecordBatches(Buffer.concat([control, garbage, good]), 't', 0, 0);
    expect(decoded.messages.map(({ value }) => value.toString())).toEqual(['good']);
    expect(decoded.errors).toHaveLength(1);
    expect(decoded.nextOffset).toBe(3);
  });
});

function asMessage(value: string): OutgoingMessage {
  return { topic: 't', key: 'k', value };
}

/** What the broker does to a batch when it stores it. */
function atOffset(batch: Buffer, offset: number): Buffer {
  batch.writeBigInt64BE(BigInt(offset), 0);
  return batch;
}

function wellFormed({ key, value, headers }: { key: string; value: string; headers: Record<string, string> }) {
  const entries = Object.entries(headers).map(([name, text]) => [name.toWellFormed(), text.toWellFormed()]);
  return { key: key.toWellFormed(), value: value.toWellFormed(), headers: Object.fromEntries(entries) };
}
