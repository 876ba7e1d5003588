import { realpath, rm, stat } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DiskLock } from './disk.js';
import { WalLockedError } from './errors.js';

/**
 * Takes a directory for this process alone by listening at a local address made of the directory's device and inode.
 * The operating system gives the address up when the process dies, also by kill -9, and hands it out once only:
 * Linux has abstract addresses and Windows named pipes, which leave nothing behind. Elsewhere it is a socket file, whose
 * owner is asked whether it still lives.
 *
 * The address is known within one machine (on Linux: one network namespace). A directory shared between machines needs
 * the volume's own protection, such as ReadWriteOncePod.
 */
export async function lockDirectory(directory: string): Promise<DiskLock> {
  const server = await takeAddress(await addressOfDirectory(directory), directory);
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** The same for every path that leads to the directory. */
export async function addressOfDirectory(directory: string): Promise<string> {
  const { dev, ino } = await stat(await realpath(directory), { bigint: true });
  const name = `raft-wal-${dev.toString(36)}-${ino.toString(36)}`;
  if (process.platform === 'linux') return `\0${name}`;
  if (process.platform === 'win32') return `\\\\.\\pipe\\${name}`;
  return join(tmpdir(), `${name}.socket`);
}

async function takeAddress(address: string, directory: string): Promise<Server> {
  try {
    return await listenAt(address);
  } catch (error) {
    if (!isAddressInUse(error)) throw error;
    const leavesFile = process.platform !== 'linux' && process.platform !== 'win32';
    if (!leavesFile || (await answers(address))) throw new WalLockedError(directory, { cause: error });
    await rm(address, { force: true });
    return listenAt(address);
  }
}

function listenAt(address: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', reject);
    // `exclusive`: a cluster worker must not share the address through its primary.
    server.listen({ path: address, exclusive: true }, () => {
      server.off('error', reject);
      server.unref();
      resolve(server);
    });
  });
}

function answers(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(address);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function isAddressInUse(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'EADDRINUSE';
}
