/**
 * What the write-ahead log needs from a disk. `real-disk.ts` is node:fs; `faulty-disk.ts` is its test twin, in memory,
 * which loses, tears and rots what was not promised.
 *
 * The promises a disk makes, and no others:
 * - what `persist` or `sync` acknowledged survives any crash;
 * - a write that was not acknowledged may be there, in part, in any order, or not at all;
 * - a sector that is rewritten keeps those of its bytes that do not change;
 * - creations, renames and removals survive once `syncDirectory` acknowledged them, and reach the disk in order.
 */
export interface Disk {
  /** Creates a directory and its parents, durably. */
  makeDirectory(directory: string): Promise<void>;
  /** Names in a directory. */
  list(directory: string): Promise<string[]>;
  /** Opens for reading and writing; `create` makes an empty file, replacing any. */
  open(path: string, mode: 'create' | 'existing'): Promise<DiskFile>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  syncDirectory(directory: string): Promise<void>;
  /** Takes the directory for this owner alone, until released or until the process dies. Rejects with WalLockedError. */
  lock(directory: string): Promise<DiskLock>;
}

export interface DiskLock {
  release(): Promise<void>;
}

export interface DiskFile {
  /** Bytes in the file. */
  size(): Promise<number>;
  /** Reads up to `target.length` bytes. @returns bytes read; 0 at the end of the file */
  read(target: Uint8Array, position: number): Promise<number>;
  /** Writes all of `bytes`; not durable until `sync`. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** Makes earlier writes durable (fdatasync). */
  sync(): Promise<void>;
  /**
   * The hot path: writes `bytes[start, end)` at `position` and makes it durable, in one go. Like pwrite it may stop short:
   * `written` bytes are durable then. After an error nothing is known about the range.
   */
  persist(bytes: Uint8Array, start: number, end: number, position: number, done: PersistCallback): void;
  close(): Promise<void>;
}

export type PersistCallback = (error: Error | null, written: number) => void;
