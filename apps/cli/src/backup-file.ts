import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CHUNK_BYTES, type SnapshotHeader, verifySnapshot } from '@concordat/coordinator-state';
import { CommandFailure } from './failure.js';

export interface WrittenFile {
  readonly bytes: number;
  /** SHA-256 of the file, hexadecimal, as `sha256sum` prints it. */
  readonly sha256: string;
}

/** Writes a file that has its name only when it is whole and durable. */
export async function writeWhole(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  onProgress: (bytes: number) => void,
): Promise<WrittenFile> {
  const part = `${path}.part`;
  const hash = createHash('sha256');
  let bytes = 0;
  const file = await open(part, 'w', 0o600); // it holds callers' data
  try {
    for await (const chunk of chunks) {
      await file.writeFile(chunk);
      hash.update(chunk);
      bytes += chunk.length;
      onProgress(bytes);
    }
    await file.sync();
    await file.close();
    await rename(part, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    await file.close().catch(() => undefined); // closed already, if it was the renaming that failed
    await rm(part, { force: true });
    throw error;
  }
  return { bytes, sha256: hash.digest('hex') };
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

export interface VerifiedFile extends WrittenFile {
  readonly header: SnapshotHeader;
  readonly rows: Readonly<Record<string, number>>;
}

/** Reads a backup to its end and checks every byte of it. @throws SnapshotFormatError, CommandFailure */
export async function verifyFile(path: string, onProgress: (bytes: number, of: number) => void): Promise<VerifiedFile> {
  const { size } = await stat(path).catch((cause: Error) => {
    throw new CommandFailure('unreachable', `There is no file ${path}.`, 'Give the path of a backup.', { cause });
  });
  const hash = createHash('sha256');
  let bytes = 0;
  const verified = await verifySnapshot(
    readChunks(path, (chunk) => {
      hash.update(chunk);
      bytes += chunk.length;
      onProgress(bytes, size);
    }),
  );
  return { ...verified, bytes, sha256: hash.digest('hex') };
}

/** The bytes of a backup, from its beginning. */
export async function* readChunks(path: string, onChunk: (chunk: Uint8Array) => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>) {
    onChunk(chunk);
    yield chunk;
  }
}
