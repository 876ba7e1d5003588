/**
 * The form of a snapshot of a coordinator's state: what a replica streams to another, and what a backup file holds
 * (docs/backup-format.md). Bytes in, parts out, and the reverse; no database, no file.
 *
 * - F1 A reader says that a snapshot is whole only after its trailer: every table counted, every byte in the checksum.
 * - F2 Memory is bounded by one frame, however large the state and however the bytes were cut into chunks.
 */
import { crc32 } from 'node:zlib';

/** Version of the form; a reader refuses any other. */
export const SNAPSHOT_FORMAT = 1;
/** About this much of a table goes into one frame, and one frame into one chunk. */
export const CHUNK_BYTES = 256 * 1024;
/** No frame is longer; a longer one is damage. */
const FRAME_PAYLOAD_BYTES_MAX = 1024 * 1024;
/** Type and length before the payload; checksum behind it. */
const FRAME_HEAD_BYTES = 5;
const FRAME_CHECKSUM_BYTES = 4;
const MAGIC = Buffer.from('CONCORDAT-STATE\n');
const NEWLINE = 0x0a;

/** The stream is damaged, cut off, or none that this version reads. */
export class SnapshotFormatError extends Error {
  override readonly name = 'SnapshotFormatError';
}

/** What a snapshot stands for. */
export interface SnapshotHeader {
  readonly format: number;
  /** Applied index of the decision log, and the term of the entry there. */
  readonly index: number;
  readonly term: number;
  readonly incarnation: number;
  readonly publishedIndex: number;
  /** Largest id that was pruned, or null. */
  readonly prunedThrough: string | null;
  /** After a restore: whether transactions of earlier incarnations wait for their participants; null where none was. */
  readonly reconciliation: 'pending' | 'done' | null;
  /** ISO 8601, by the clock of the database that it was read from. */
  readonly takenAt: string;
}

/** A table on its way out: rows as `COPY … TO STDOUT` writes them, in text form. */
export interface TableSource {
  readonly name: string;
  readonly columns: readonly string[];
  rows(): AsyncIterable<Uint8Array>;
}

/** What a reader finds, in this order: header; per table its name, its rows, its end; trailer. */
export type SnapshotPart =
  | { readonly type: 'header'; readonly header: SnapshotHeader }
  | { readonly type: 'table'; readonly name: string; readonly columns: readonly string[] }
  | { readonly type: 'rows'; readonly data: Buffer }
  | { readonly type: 'end'; readonly name: string; readonly rows: number }
  | { readonly type: 'trailer'; readonly rows: Readonly<Record<string, number>> };

const FRAME = { header: 'H', table: 'T', rows: 'D', end: 'E', trailer: 'Z' } as const;

/** Writes a snapshot. Nothing is read from a table before the chunks before it were taken. */
export async function* writeSnapshot(
  header: SnapshotHeader,
  tables: readonly TableSource[],
): AsyncGenerator<Uint8Array, void> {
  let checksum = 0;
  let bytes = 0;
  const counted = (chunk: Buffer): Buffer => {
    checksum = crc32(chunk, checksum);
    bytes += chunk.length;
    return chunk;
  };
  const rows: Record<string, number> = {};
  yield counted(Buffer.concat([MAGIC, jsonFrame(FRAME.header, header)]));
  for (const { name, columns, rows: read } of tables) {
    yield counted(jsonFrame(FRAME.table, { name, columns }));
    let count = 0;
    for await (const data of gathered(read())) {
      count += newlines(data);
      yield counted(frame(FRAME.rows, data));
    }
    rows[name] = count;
    yield counted(jsonFrame(FRAME.end, { rows: count }));
  }
  yield jsonFrame(FRAME.trailer, { rows, bytes, crc32: checksum });
}

/** Gathers small pieces into frames of about `CHUNK_BYTES`, and cuts large ones. */
async function* gathered(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void> {
  let waiting: Uint8Array[] = [];
  let size = 0;
  for await (const piece of pieces) {
    waiting.push(piece);
    size += piece.length;
    if (size < CHUNK_BYTES) continue;
    const all = Buffer.concat(waiting);
    let from = 0;
    for (; all.length - from >= CHUNK_BYTES; from += CHUNK_BYTES) yield all.subarray(from, from + CHUNK_BYTES);
    waiting = from < all.length ? [all.subarray(from)] : [];
    size = all.length - from;
  }
  if (size > 0) yield Buffer.concat(waiting);
}

function frame(type: string, payload: Buffer): Buffer {
  const whole = Buffer.allocUnsafe(FRAME_HEAD_BYTES + payload.length + FRAME_CHECKSUM_BYTES);
  whole.write(type, 0, 'latin1');
  whole.writeUInt32BE(payload.length, 1);
  payload.copy(whole, FRAME_HEAD_BYTES);
  const end = FRAME_HEAD_BYTES + payload.length;
  whole.writeUInt32BE(crc32(whole.subarray(0, end)), end);
  return whole;
}

const jsonFrame = (type: string, value: unknown): Buffer => frame(type, Buffer.from(JSON.stringify(value)));

/** Rows of COPY's text form: a line break inside a value is written as an escape. */
function newlines(data: Buffer): number {
  let count = 0;
  for (let at = data.indexOf(NEWLINE); at >= 0; at = data.indexOf(NEWLINE, at + 1)) count += 1;
  return count;
}

/**
 * Reads a snapshot, however it was cut into chunks. Whoever acts on the parts waits for the trailer before it lets them
 * count (F1).
 * @throws SnapshotFormatError
 */
export async function* readSnapshot(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<SnapshotPart, void> {
  const reader = new FrameReader(chunks);
  try {
    await reader.begin();
    yield { type: 'header', header: checkHeader(await reader.json(FRAME.header)) };
    const rows: Record<string, number> = {};
    for (;;) {
      const { bytes, checksum } = reader;
      const next = await reader.next();
      if (next.type === FRAME.trailer) {
        checkTrailer(parse(next.payload), { rows, bytes, checksum });
        await reader.expectEnd();
        yield { type: 'trailer', rows };
        return;
      }
      if (next.type !== FRAME.table) throw unexpected(next.type);
      const { name, columns } = checkTable(parse(next.payload), rows);
      yield { type: 'table', name, columns };
      rows[name] = yield* readRows(reader);
      yield { type: 'end', name, rows: rows[name] };
    }
  } finally {
    await reader.close();
  }
}

/** @returns how many rows there were */
async function* readRows(reader: FrameReader): AsyncGenerator<SnapshotPart, number> {
  let count = 0;
  for (;;) {
    const { type, payload } = await reader.next();
    if (type === FRAME.end) {
      const told = (parse(payload) as { rows?: unknown }).rows;
      if (told !== count) throw new SnapshotFormatError(`a table of the snapshot has ${count} rows, not ${told}`);
      return count;
    }
    if (type !== FRAME.rows) throw unexpected(type);
    count += newlines(payload);
    yield { type: 'rows', data: payload };
  }
}

/** Reads a snapshot to its end and says what it is. @throws SnapshotFormatError */
export async function verifySnapshot(
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ readonly header: SnapshotHeader; readonly rows: Readonly<Record<string, number>> }> {
  let header: SnapshotHeader | undefined;
  for await (const part of readSnapshot(chunks)) {
    if (part.type === 'header') header = part.header;
    if (part.type === 'trailer' && header) return { header, rows: part.rows };
  }
  throw new SnapshotFormatError('the snapshot has no trailer');
}

const unexpected = (type: string): SnapshotFormatError =>
  new SnapshotFormatError(`the snapshot is damaged: a frame of type ${JSON.stringify(type)} is out of place`);

function parse(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString('utf8')) ?? {};
  } catch (cause) {
    throw new SnapshotFormatError('the snapshot is damaged: a frame that should be JSON is not', { cause });
  }
}

function checkHeader(value: unknown): SnapshotHeader {
  const header = value as SnapshotHeader;
  if (header.format !== SNAPSHOT_FORMAT) {
    throw new SnapshotFormatError(
      `the snapshot has format ${String(header.format)}, this version reads format ${SNAPSHOT_FORMAT}`,
    );
  }
  for (const name of ['index', 'term', 'incarnation', 'publishedIndex'] as const) {
    if (!Number.isSafeInteger(header[name])) throw new SnapshotFormatError(`the snapshot's ${name} is no integer`);
  }
  return header;
}

function checkTable(value: unknown, before: Record<string, number>): { name: string; columns: string[] } {
  const { name, columns } = value as { name?: unknown; columns?: unknown };
  const valid = typeof name === 'string' && Array.isArray(columns) && columns.every((one) => typeof one === 'string');
  if (!valid || Object.hasOwn(before, name)) throw new SnapshotFormatError('the snapshot names a table wrongly');
  return { name, columns };
}

function checkTrailer(value: unknown, found: { rows: Record<string, number>; bytes: number; checksum: number }): void {
  const told = value as { rows?: Record<string, number>; bytes?: number; crc32?: number };
  const sameRows = JSON.stringify(told.rows) === JSON.stringify(found.rows);
  if (told.bytes === found.bytes && told.crc32 === found.checksum && sameRows) return;
  throw new SnapshotFormatError('the snapshot is damaged: its checksum does not match what it holds');
}

interface Frame {
  readonly type: string;
  readonly payload: Buffer;
}

/** Takes frames off the chunks. `bytes` and `checksum` cover all that was read so far. */
class FrameReader {
  bytes = 0;
  checksum = 0;
  #waiting: Uint8Array[] = [];
  #size = 0;
  readonly #chunks: AsyncIterator<Uint8Array>;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  async begin(): Promise<void> {
    const magic = await this.#take(MAGIC.length, 'this is no snapshot of Concordat: it is too short');
    if (!magic.equals(MAGIC)) throw new SnapshotFormatError('this is no snapshot of Concordat');
  }

  async next(): Promise<Frame> {
    const cutOff = `the snapshot is cut off after ${this.bytes} bytes`;
    const head = await this.#take(FRAME_HEAD_BYTES, cutOff);
    const length = head.readUInt32BE(1);
    if (length > FRAME_PAYLOAD_BYTES_MAX) throw this.#damaged();
    const payload = await this.#take(length, cutOff);
    const expected = crc32(payload, crc32(head));
    const told = (await this.#take(FRAME_CHECKSUM_BYTES, cutOff)).readUInt32BE();
    if (told !== expected) throw this.#damaged();
    return { type: head.toString('latin1', 0, 1), payload };
  }

  async json(type: string): Promise<unknown> {
    const next = await this.next();
    if (next.type !== type) throw unexpected(next.type);
    return parse(next.payload);
  }

  async expectEnd(): Promise<void> {
    if (this.#size === 0 && !(await this.#more())) return;
    throw new SnapshotFormatError('the snapshot is damaged: something follows its trailer');
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  #damaged(): SnapshotFormatError {
    return new SnapshotFormatError(`the snapshot is damaged before byte ${this.bytes}: a checksum does not match`);
  }

  async #take(length: number, cutOff: string): Promise<Buffer> {
    while (this.#size < length) if (!(await this.#more())) throw new SnapshotFormatError(cutOff);
    const [first] = this.#waiting;
    const all = first && this.#waiting.length === 1 ? asBuffer(first) : Buffer.concat(this.#waiting);
    const taken = all.subarray(0, length);
    this.#waiting = all.length > length ? [all.subarray(length)] : [];
    this.#size -= length;
    this.bytes += length;
    this.checksum = crc32(taken, this.checksum);
    return taken;
  }

  /** @returns false at the end */
  async #more(): Promise<boolean> {
    for (;;) {
      const { done, value } = await this.#chunks.next();
      if (done) return false;
      if (value.length === 0) continue;
      this.#waiting.push(value);
      this.#size += value.length;
      return true;
    }
  }
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
