import { basename, dirname } from 'node:path';
import type { Disk, DiskFile, DiskLock, PersistCallback } from './disk.js';
import { WalLockedError } from './errors.js';

export interface DiskFaults {
  /** Chance that a `persist` stops short; 0 to 1. */
  shortWrite?: number;
  /** Chance that making something durable fails with EIO; the kernel then forgets that the data were dirty. */
  syncError?: number;
  /** Bytes that all files together may take. */
  capacityBytes?: number;
}

const SECTOR_BYTES = 512;

/**
 * A disk in memory that keeps the promises in disk.ts and no others. Deterministic: all chance comes from `random`, and
 * operations complete in the order in which they were begun. Each process mounts it; what a dead process still does
 * fails.
 *
 * `crash()` is a power failure: each sector that was written and not synced is old, new or torn, and directory entries
 * that were not synced may be gone. `restart()` is a kill -9: the page cache survives.
 */
export class FaultyDisk {
  faults: DiskFaults = {};
  /** Operations after which the power fails by itself, wherever that is. */
  operationsUntilCrash = Number.POSITIVE_INFINITY;
  private cached: Names = new Map();
  private durable: Names = new Map();
  private journal: DirectoryChange[] = [];
  private locks = new Set<string>();
  private life = 0;

  /** @param random numbers from 0 to below 1 */
  constructor(private readonly random: () => number) {}

  /** The disk as one process sees it, until the next crash or restart. */
  mount(): Disk {
    return new Mount(this, this.life);
  }

  crash(): void {
    this.restart();
    for (const file of new Set([...this.cached.values(), ...this.durable.values()])) file.loseUnsynced(this.random);
    const kept = Math.floor(this.random() * (this.journal.length + 1));
    for (const change of this.journal.slice(0, kept)) change(this.durable);
    this.cached = new Map(this.durable);
    this.journal = [];
  }

  restart(): void {
    this.life++;
    this.locks = new Set();
    this.operationsUntilCrash = Number.POSITIVE_INFINITY;
  }

  /** Bit rot: changes bits of what is durable. */
  flipBits(path: string, position: number, mask: number): void {
    const { content } = this.file(path);
    content[position] = (content[position] as number) ^ mask;
  }

  contentOf(path: string): Uint8Array {
    return this.file(path).content.slice();
  }

  /** Paths of all files, as the page cache has them. */
  paths(): string[] {
    return [...this.cached.keys()].sort();
  }

  /** Counts an operation of a process. @throws Error if that process is dead or the power fails now */
  begin(life: number): void {
    if (life !== this.life || this.operationsUntilCrash <= 0) throw failure('EIO', 'the power failed');
    this.operationsUntilCrash--;
  }

  change(change: DirectoryChange): void {
    change(this.cached);
    this.journal.push(change);
  }

  syncNames(): void {
    this.failMaybe();
    for (const change of this.journal) change(this.durable);
    this.journal = [];
  }

  takeLock(directory: string): DiskLock {
    const { locks } = this;
    if (locks.has(directory)) throw new WalLockedError(directory);
    locks.add(directory);
    return {
      release: async () => {
        locks.delete(directory);
      },
    };
  }

  file(path: string): MemoryFile {
    const file = this.cached.get(path);
    if (!file) throw failure('ENOENT', `no such file: ${path}`);
    return file;
  }

  /** @returns how many of `bytes` a write takes */
  shortened(bytes: number): number {
    return this.random() < (this.faults.shortWrite ?? 0) ? 1 + Math.floor(this.random() * (bytes - 1)) : bytes;
  }

  /** @throws EIO by chance */
  failMaybe(): void {
    if (this.random() < (this.faults.syncError ?? 0)) throw failure('EIO', 'input/output error');
  }

  /** @throws ENOSPC if the disk has no room for so many more */
  reserve(bytes: number): void {
    let used = bytes;
    for (const file of this.cached.values()) used += file.content.length;
    if (used > (this.faults.capacityBytes ?? Number.POSITIVE_INFINITY))
      throw failure('ENOSPC', 'no space left on device');
  }
}

/** What one process has of the disk. */
class Mount implements Disk {
  constructor(
    private readonly disk: FaultyDisk,
    private readonly life: number,
  ) {}

  async makeDirectory(): Promise<void> {
    this.disk.begin(this.life);
  }

  async list(directory: string): Promise<string[]> {
    this.disk.begin(this.life);
    return this.disk
      .paths()
      .filter((path) => dirname(path) === directory)
      .map((path) => basename(path));
  }

  async open(path: string, mode: 'create' | 'existing'): Promise<DiskFile> {
    this.disk.begin(this.life);
    if (mode === 'create') {
      const made = new MemoryFile();
      this.disk.change((names) => names.set(path, made));
    }
    return new OpenFile(this.disk.file(path), this.disk, this.life);
  }

  async rename(from: string, to: string): Promise<void> {
    this.disk.begin(this.life);
    const file = this.disk.file(from);
    this.disk.change((names) => {
      names.delete(from);
      names.set(to, file);
    });
  }

  async remove(path: string): Promise<void> {
    this.disk.begin(this.life);
    this.disk.file(path);
    this.disk.change((names) => names.delete(path));
  }

  async syncDirectory(): Promise<void> {
    this.disk.begin(this.life);
    this.disk.syncNames();
  }

  async lock(directory: string): Promise<DiskLock> {
    this.disk.begin(this.life);
    return this.disk.takeLock(directory);
  }
}

type Names = Map<string, MemoryFile>;
type DirectoryChange = (names: Names) => unknown;

/** What the page cache holds, and beside it what the platter holds where the two differ. */
class MemoryFile {
  content: Uint8Array = new Uint8Array(0);
  /** Sector number to its durable bytes, for sectors written since they were last synced. */
  private readonly onPlatter = new Map<number, Uint8Array>();
  /** Sectors whose sync failed: clean to the kernel, old on the platter. */
  private readonly forgotten = new Set<number>();
  private durableBytes = 0;

  write(bytes: Uint8Array, position: number): void {
    const end = position + bytes.length;
    if (end > this.content.length) {
      const grown = new Uint8Array(Math.max(end, Math.min(this.content.length * 2, end + (1 << 20))));
      grown.set(this.content);
      this.content = grown.subarray(0, end);
    }
    for (let sector = Math.floor(position / SECTOR_BYTES); sector * SECTOR_BYTES < end; sector++) {
      this.forgotten.delete(sector);
      if (this.onPlatter.has(sector)) continue;
      this.onPlatter.set(sector, this.content.slice(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES));
    }
    this.content.set(bytes, position);
  }

  sync(): void {
    for (const sector of this.onPlatter.keys()) if (!this.forgotten.has(sector)) this.onPlatter.delete(sector);
    this.durableBytes = this.content.length;
  }

  /** The pages are marked clean although nothing reached the platter: the next sync succeeds and does nothing. */
  failSync(): void {
    for (const sector of this.onPlatter.keys()) this.forgotten.add(sector);
  }

  loseUnsynced(random: () => number): void {
    for (const [sector, old] of this.onPlatter) {
      const fate = this.forgotten.has(sector) ? 0 : random();
      const start = sector * SECTOR_BYTES;
      const kept = fate < 0.4 ? 0 : fate < 0.8 ? SECTOR_BYTES : Math.floor(random() * SECTOR_BYTES);
      // The head of the sector is new, its rest is old.
      if (kept < old.length) this.content.set(old.subarray(kept), start + kept);
    }
    this.onPlatter.clear();
    this.forgotten.clear();
    this.content = this.content.slice(0, this.durableBytes);
  }
}

class OpenFile implements DiskFile {
  constructor(
    private readonly file: MemoryFile,
    private readonly disk: FaultyDisk,
    private readonly life: number,
  ) {}

  async size(): Promise<number> {
    this.disk.begin(this.life);
    return this.file.content.length;
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    this.disk.begin(this.life);
    const part = this.file.content.subarray(position, position + target.length);
    target.set(part);
    return part.length;
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    this.disk.begin(this.life);
    this.disk.reserve(Math.max(0, position + bytes.length - this.file.content.length));
    this.file.write(bytes, position);
  }

  async sync(): Promise<void> {
    this.disk.begin(this.life);
    try {
      this.disk.failMaybe();
    } catch (error) {
      this.file.failSync();
      throw error;
    }
    this.file.sync();
  }

  persist(bytes: Uint8Array, start: number, end: number, position: number, done: PersistCallback): void {
    this.persistAll(bytes.subarray(start, end), position).then(
      (written) => done(null, written),
      (error) => done(error as Error, 0),
    );
  }

  async close(): Promise<void> {}

  /** Two operations, so that the power can fail between the write and its sync. */
  private async persistAll(bytes: Uint8Array, position: number): Promise<number> {
    const written = this.disk.shortened(bytes.length);
    await this.write(bytes.subarray(0, written), position);
    await this.sync();
    return written;
  }
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}
