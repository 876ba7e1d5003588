// Floor: makes 4 KiB durable in a preallocated file, the way the write-ahead log does.
import { join } from 'node:path';
import { RealDisk } from '@concordat/raft';

const BLOCK_BYTES = 4096;
const FILE_BYTES = 64 * 1024 * 1024;

/** @param {{ directory: string }} context */
export async function open({ directory }) {
  const disk = new RealDisk();
  await disk.makeDirectory(directory);
  const file = await disk.open(join(directory, 'floor'), 'create');
  const zeros = Buffer.alloc(1024 * 1024);
  for (let at = 0; at < FILE_BYTES; at += zeros.length) await file.write(zeros, at);
  await file.sync();
  const block = Buffer.alloc(BLOCK_BYTES, 'x');
  let position = 0;
  return {
    once: () =>
      new Promise((resolve, reject) => {
        position = (position + BLOCK_BYTES) % FILE_BYTES;
        file.persist(block, 0, BLOCK_BYTES, position, (error) => (error ? reject(error) : resolve()));
      }),
    close: () => file.close(),
  };
}
