import { createReadStream } from 'node:fs';
import { type FileHandle, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConfState } from '../core/messages.js';
import type { SnapshotSink, SnapshotSource } from '../transport/transport.js';
import { crc32c } from '../wal/crc32c.js';
import { RealDisk } from '../wal/real-disk.js';
import type { SnapshotFile } from './log-meta.js';

const INDEX_DIGITS = 16;

/**
 * Snapshots as files of one directory. A file has its name only when it is whole and durable; what is being written or
 * received ends in `.part`.
 */
export class SnapshotStore {
  readonly #open = new Map<string, number>();

  constructor(private readonly directory: string) {}

  async prepare(): Promise<void> {
    await new RealDisk().makeDirectory(this.directory);
  }

  /** Writes a snapshot from its chunks. */
  async create(
    point: { index: number; term: number; confState: ConfState },
    chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  ): Promise<SnapshotFile> {
    const part = join(this.directory, `${digits(point.index)}-${point.term}.own.part`);
    this.#hold(part, 1);
    try {
      const written = await this.#write(part, chunks);
      const file = { ...point, ...written };
      await this.#publish(part, this.#path(file));
      return file;
    } finally {
      this.#hold(part, -1);
    }
  }

  async #write(
    part: string,
    chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  ): Promise<{ bytes: number; checksum: number }> {
    const handle = await open(part, 'w');
    let bytes = 0;
    let checksum = 0;
    try {
      for await (const chunk of chunks) {
        await handle.writeFile(chunk);
        bytes += chunk.length;
        checksum = crc32c(chunk, 0, chunk.length, checksum);
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    return { bytes, checksum };
  }

  /** The content, checked to its end. @throws Error if it is not what was written */
  async *chunks(file: SnapshotFile): AsyncIterable<Uint8Array> {
    let bytes = 0;
    let checksum = 0;
    for await (const chunk of createReadStream(this.#path(file), { highWaterMark: 256 * 1024 })) {
      bytes += chunk.length;
      checksum = crc32c(chunk, 0, chunk.length, checksum);
      if (bytes > file.bytes) break;
      yield chunk;
    }
    if (bytes !== file.bytes || checksum !== file.checksum) throw new Error(`${this.#path(file)} is damaged`);
  }

  async source(file: SnapshotFile): Promise<SnapshotSource> {
    const path = this.#path(file);
    const handle = await open(path, 'r');
    this.#hold(path, 1);
    return {
      totalBytes: file.bytes,
      read: async (position, target) => (await handle.read(target, 0, target.length, position)).bytesRead,
      close: async () => {
        this.#hold(path, -1);
        await handle.close();
      },
    };
  }

  /** Receives a file from a peer, going on where an earlier attempt stopped. */
  async sink(file: SnapshotFile, taken: () => void): Promise<SnapshotSink> {
    const part = `${this.#path(file)}.part`;
    if (this.#open.has(part)) throw new Error('this snapshot is being received already');
    this.#hold(part, 1);
    try {
      const handle = await open(part, 'a');
      const { size } = await handle.stat();
      return new FileSink(handle, size, async (whole) => {
        this.#hold(part, -1);
        if (!whole) return;
        // What is there is kept: the next attempt goes on behind it.
        if ((await stat(part)).size < file.bytes) throw new Error('the snapshot ended before it was complete');
        await this.#verify(part, file);
        await this.#publish(part, this.#path(file));
        taken();
      });
    } catch (error) {
      this.#hold(part, -1);
      throw error;
    }
  }

  has(file: SnapshotFile): Promise<boolean> {
    return stat(this.#path(file)).then(
      ({ size }) => size === file.bytes,
      () => false,
    );
  }

  /** Removes what is older than this one, unless somebody reads or writes it just now. */
  async removeOlder(file: SnapshotFile): Promise<void> {
    for (const name of await readdir(this.directory)) {
      const path = join(this.directory, name);
      if (name.slice(0, INDEX_DIGITS) < digits(file.index) && !this.#open.has(path)) await rm(path, { force: true });
    }
  }

  async #verify(path: string, file: SnapshotFile): Promise<void> {
    let checksum = 0;
    let bytes = 0;
    for await (const chunk of createReadStream(path)) {
      checksum = crc32c(chunk, 0, chunk.length, checksum);
      bytes += chunk.length;
    }
    if (bytes === file.bytes && checksum === file.checksum) return;
    await rm(path);
    throw new Error('the snapshot arrived damaged; it was thrown away');
  }

  async #publish(part: string, path: string): Promise<void> {
    await rename(part, path);
    await new RealDisk().syncDirectory(this.directory);
  }

  /** Two members' snapshots at one index need not be the same bytes. */
  #path({ index, term, checksum }: SnapshotFile): string {
    return join(this.directory, `${digits(index)}-${term}-${checksum.toString(16)}.snapshot`);
  }

  #hold(path: string, change: number): void {
    const holders = (this.#open.get(path) ?? 0) + change;
    if (holders > 0) this.#open.set(path, holders);
    else this.#open.delete(path);
  }
}

function digits(index: number): string {
  return String(index).padStart(INDEX_DIGITS, '0');
}

class FileSink implements SnapshotSink {
  constructor(
    private readonly handle: FileHandle,
    public receivedBytes: number,
    private readonly done: (whole: boolean) => Promise<void>,
  ) {}

  async write(chunk: Uint8Array): Promise<void> {
    await this.handle.writeFile(chunk);
    this.receivedBytes += chunk.length;
  }

  async finish(): Promise<void> {
    try {
      await this.handle.sync();
    } finally {
      await this.handle.close();
    }
    await this.done(true);
  }

  async abandon(): Promise<void> {
    await this.handle.close();
    await this.done(false);
  }
}
