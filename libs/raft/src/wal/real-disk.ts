import { close, constants, fdatasync, fstat, open, read, write } from 'node:fs';
import { mkdir, open as openHandle, readdir, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { promisify } from 'node:util';
import { lockDirectory } from './directory-lock.js';
import type { Disk, DiskFile, DiskLock, PersistCallback } from './disk.js';

const openFile = promisify(open);
const closeFile = promisify(close);
const syncFile = promisify(fdatasync);

/** With O_DSYNC one pwrite also waits until its range is on the disk: one trip through the thread pool, not two. */
const DSYNC = constants.O_DSYNC ?? 0;

/** node:fs. */
export class RealDisk implements Disk {
  async makeDirectory(directory: string): Promise<void> {
    const path = resolve(directory);
    const first = await mkdir(path, { recursive: true });
    if (first === undefined) return;
    // Each new directory is an entry of the one above.
    for (let made = path; made.length >= first.length && made !== dirname(made); made = dirname(made)) {
      await this.syncDirectory(dirname(made));
    }
  }

  list(directory: string): Promise<string[]> {
    return readdir(directory);
  }

  async open(path: string, mode: 'create' | 'existing'): Promise<DiskFile> {
    const truncate = mode === 'create' ? constants.O_CREAT | constants.O_TRUNC : 0;
    const plain = await openFile(path, constants.O_RDWR | truncate, 0o600);
    try {
      return new RealFile(plain, DSYNC ? await openFile(path, constants.O_WRONLY | DSYNC) : plain);
    } catch (error) {
      await closeFile(plain);
      throw error;
    }
  }

  rename(from: string, to: string): Promise<void> {
    return rename(from, to);
  }

  remove(path: string): Promise<void> {
    return rm(path);
  }

  async syncDirectory(directory: string): Promise<void> {
    // Windows cannot open a directory, and makes directory entries durable by itself.
    if (process.platform === 'win32') return;
    const handle = await openHandle(directory, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  lock(directory: string): Promise<DiskLock> {
    return lockDirectory(directory);
  }
}

class RealFile implements DiskFile {
  constructor(
    private readonly fd: number,
    private readonly durableFd: number,
  ) {}

  size(): Promise<number> {
    return new Promise((resolve, reject) => {
      fstat(this.fd, (error, stats) => (error ? reject(error) : resolve(stats.size)));
    });
  }

  read(target: Uint8Array, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      read(this.fd, target, 0, target.length, position, (error, count) => (error ? reject(error) : resolve(count)));
    });
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      done += await new Promise<number>((resolve, reject) => {
        write(this.fd, bytes, done, bytes.length - done, position + done, (error, count) =>
          error ? reject(error) : resolve(count),
        );
      });
    }
  }

  sync(): Promise<void> {
    return syncFile(this.fd);
  }

  persist(bytes: Uint8Array, start: number, end: number, position: number, done: PersistCallback): void {
    if (DSYNC) {
      write(this.durableFd, bytes, start, end - start, position, done);
      return;
    }
    write(this.fd, bytes, start, end - start, position, (error, written) => {
      if (error) done(error, 0);
      else fdatasync(this.fd, (syncError) => done(syncError, written));
    });
  }

  async close(): Promise<void> {
    await closeFile(this.fd);
    if (this.durableFd !== this.fd) await closeFile(this.durableFd);
  }
}
