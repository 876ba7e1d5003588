import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  CHUNK_BYTES,
  readSnapshot,
  SnapshotFormatError,
  type SnapshotHeader,
  type TableSource,
  verifySnapshot,
  writeSnapshot,
} from './snapshot-format.js';

const header: SnapshotHeader = {
  format: 1,
  index: 7,
  term: 2,
  incarnation: 1_763_700_000_123,
  publishedIndex: 5,
  prunedThrough: null,
  reconciliation: null,
  takenAt: '2026-11-21T00:00:00.000Z',
};

const table = (name: string, pieces: readonly string[]): TableSource => ({
  name,
  columns: ['id', 'value'],
  rows: () => streamOf(pieces.map((piece) => Buffer.from(piece))),
});

async function* streamOf(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield piece;
}

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

const sample = () => bytesOf(writeSnapshot(header, [table('a', ['1\tx\n2\t', 'y\n', '3\tz\n']), table('b', [])]));

const verify = (bytes: Uint8Array) => verifySnapshot(streamOf([bytes]));

describe('the snapshot format', () => {
  it('gives back the header, every table and its rows', async () => {
    const parts = [];
    for await (const part of readSnapshot(streamOf([await sample()]))) parts.push(part);
    expect(parts).toEqual([
      { type: 'header', header },
      { type: 'table', name: 'a', columns: ['id', 'value'] },
      { type: 'rows', data: Buffer.from('1\tx\n2\ty\n3\tz\n') },
      { type: 'end', name: 'a', rows: 3 },
      { type: 'table', name: 'b', columns: ['id', 'value'] },
      { type: 'end', name: 'b', rows: 0 },
      { type: 'trailer', rows: { a: 3, b: 0 } },
    ]);
  });

  it('reads the same however the bytes were cut into chunks', async () => {
    const bytes = await sample();
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: bytes.length }), { maxLength: 12 }), async (cuts) => {
        const edges = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const chunks = edges.slice(1).map((to, at) => bytes.subarray(edges[at], to));
        expect((await verifySnapshot(streamOf(chunks))).rows).toEqual({ a: 3, b: 0 });
      }),
      { numRuns: 50 },
    );
  });

  it('refuses a stream that ends at any byte before its end', async () => {
    const bytes = await sample();
    for (let length = 0; length < bytes.length; length += 1) {
      await expect(verify(bytes.subarray(0, length))).rejects.toBeInstanceOf(SnapshotFormatError);
    }
  });

  it('refuses a stream with any byte changed', async () => {
    const bytes = await sample();
    for (let at = 0; at < bytes.length; at += 1) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] as number) ^ 0x10;
      await expect(verify(damaged)).rejects.toBeInstanceOf(SnapshotFormatError);
    }
  });

  it('refuses what follows the trailer', async () => {
    await expect(verify(Buffer.concat([await sample(), Buffer.from('x')]))).rejects.toThrow('follows its trailer');
  });

  it('refuses a snapshot of another version, and a file that is none', async () => {
    const other = await bytesOf(writeSnapshot({ ...header, format: 2 }, []));
    await expect(verify(other)).rejects.toThrow('the snapshot has format 2, this version reads format 1');
    await expect(verify(Buffer.from('PGDMP, a dump of something else'))).rejects.toThrow('no snapshot of Concordat');
  });

  it('notices frames that were left out or changed places, though each of them is sound', async () => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of writeSnapshot(header, [table('a', ['1\tx\n'])])) chunks.push(chunk);
    const [first, name, rows, end, trailer] = chunks as [Buffer, Buffer, Buffer, Buffer, Buffer];
    for (const wrong of [
      [first, name, end, trailer],
      [first, name, rows, rows, end, trailer],
      [first, name, rows, end, name, rows, end, trailer],
      [first, rows, end, trailer],
      [first, trailer],
    ]) {
      await expect(verifySnapshot(streamOf(wrong))).rejects.toBeInstanceOf(SnapshotFormatError);
    }
  });

  it('gathers small pieces and cuts large ones into chunks of about the same size', async () => {
    const row = `${'x'.repeat(99)}\n`;
    const pieces = [...Array<string>(10_000).fill(row), row.repeat(20_000)];
    const sizes: number[] = [];
    for await (const chunk of writeSnapshot(header, [table('a', pieces)])) sizes.push(chunk.length);
    expect(Math.max(...sizes)).toBeLessThan(CHUNK_BYTES + 100);
    expect(sizes.filter((size) => size > CHUNK_BYTES).length).toBe(Math.floor((30_000 * 100) / CHUNK_BYTES));
  });

  it('reads no further from a table than its chunks are taken', async () => {
    let read = 0;
    const source: TableSource = {
      ...table('a', []),
      async *rows() {
        for (; read < 100; read += 1) yield Buffer.alloc(CHUNK_BYTES, 0x0a);
      },
    };
    const chunks = writeSnapshot(header, [source]);
    for (let taken = 0; taken < 5; taken += 1) await chunks.next();
    expect(read).toBeLessThan(5);
    await chunks.return();
  });
});
