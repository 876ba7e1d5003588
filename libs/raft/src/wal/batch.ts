/** The payload of a record: items one after another, each an append's part. See docs/wal-format.md. */
import type { HardState } from '../core/messages.js';
import { WalUsageError } from './errors.js';
import { readInteger, viewOf, writeInteger } from './format.js';

/** Structurally an entry of the core. */
export interface WalEntry {
  /** Position in the Raft log, from 1. */
  readonly index: number;
  readonly term: number;
  /** A small number (0 to 255) with the meaning the caller gives it. */
  readonly type: number;
  readonly data: Uint8Array;
}

export interface WalSnapshot {
  /** The last entry that the snapshot covers. */
  readonly index: number;
  readonly term: number;
  readonly data: Uint8Array;
}

/** Made durable as a whole or not at all. */
export interface WalBatch {
  hardState?: HardState;
  /** Replaces the whole log: entries before it are gone. */
  snapshot?: WalSnapshot;
  /** Contiguous; those at or below the last index replace what was there, and all that follows it. */
  entries?: readonly WalEntry[];
}

const ItemKind = { HardState: 1, Entry: 2, Snapshot: 3, Compaction: 4, Closed: 5 } as const;

const HARD_STATE_BYTES = 32;
const ENTRY_HEADER_BYTES = 24;
const SNAPSHOT_HEADER_BYTES = 24;
const CLOSED_BYTES = 8;

/** What a queued call writes; `compaction` keeps the entries behind its index, `snapshot` does not. */
export interface QueuedItems extends WalBatch {
  compaction?: WalSnapshot;
  closed?: true;
}

/** Bytes that {@link encodeItems} will take. */
export function itemsBytes(items: QueuedItems): number {
  let bytes = 0;
  if (items.hardState) bytes += HARD_STATE_BYTES;
  if (items.snapshot) bytes += SNAPSHOT_HEADER_BYTES + padded(items.snapshot.data.length);
  if (items.compaction) bytes += SNAPSHOT_HEADER_BYTES + padded(items.compaction.data.length);
  if (items.entries) for (const entry of items.entries) bytes += ENTRY_HEADER_BYTES + padded(entry.data.length);
  if (items.closed) bytes += CLOSED_BYTES;
  return bytes;
}

/** @returns the position behind what was written. Bytes of padding are written too: the buffer is used again. */
export function encodeItems(bytes: Uint8Array, view: DataView, start: number, items: QueuedItems): number {
  let at = start;
  if (items.hardState) {
    view.setUint32(at, ItemKind.HardState, true);
    view.setUint32(at + 4, 0, true);
    writeInteger(view, at + 8, items.hardState.term);
    writeInteger(view, at + 16, items.hardState.vote);
    writeInteger(view, at + 24, items.hardState.commit);
    at += HARD_STATE_BYTES;
  }
  if (items.snapshot) at = encodeData(bytes, view, at, ItemKind.Snapshot, items.snapshot);
  if (items.compaction) at = encodeData(bytes, view, at, ItemKind.Compaction, items.compaction);
  if (items.entries) {
    for (const entry of items.entries) at = encodeData(bytes, view, at, ItemKind.Entry | (entry.type << 8), entry);
  }
  if (items.closed) {
    view.setUint32(at, ItemKind.Closed, true);
    view.setUint32(at + 4, 0, true);
    at += CLOSED_BYTES;
  }
  return at;
}

function encodeData(bytes: Uint8Array, view: DataView, at: number, kind: number, item: WalSnapshot): number {
  const { data } = item;
  view.setUint32(at, kind, true);
  view.setUint32(at + 4, data.length, true);
  writeInteger(view, at + 8, item.index);
  writeInteger(view, at + 16, item.term);
  const start = at + ENTRY_HEADER_BYTES;
  bytes.set(data, start);
  const end = start + padded(data.length);
  for (let pad = start + data.length; pad < end; pad++) bytes[pad] = 0;
  return end;
}

export interface ItemVisitor {
  hardState(state: HardState): void;
  entry(entry: WalEntry): void;
  snapshot(snapshot: WalSnapshot): void;
  compaction(snapshot: WalSnapshot): void;
}

/** Reads a payload whose checksum is right. Data are views of `payload`. @throws Error that says what is wrong */
export function decodeItems(payload: Uint8Array, visitor: ItemVisitor): void {
  const view = viewOf(payload);
  let at = 0;
  while (at < payload.length) {
    const word = view.getUint32(at, true);
    const kind = word & 0xff;
    if (kind === ItemKind.Closed) {
      at += CLOSED_BYTES;
    } else if (kind === ItemKind.HardState) {
      visitor.hardState({
        term: readInteger(view, at + 8),
        vote: readInteger(view, at + 16),
        commit: readInteger(view, at + 24),
      });
      at += HARD_STATE_BYTES;
    } else {
      const start = at + ENTRY_HEADER_BYTES;
      const end = start + view.getUint32(at + 4, true);
      const common = {
        index: readInteger(view, at + 8),
        term: readInteger(view, at + 16),
        data: payload.subarray(start, end),
      };
      if (kind === ItemKind.Entry)
        visitor.entry({ index: common.index, term: common.term, type: (word >>> 8) & 0xff, data: common.data });
      else if (kind === ItemKind.Snapshot) visitor.snapshot(common);
      else if (kind === ItemKind.Compaction) visitor.compaction(common);
      else throw new Error(`item of unknown kind ${kind}`);
      at = start + padded(end - start);
    }
  }
}

/** Refuses what could not be read back as it was. */
export function checkBatch(batch: WalBatch): void {
  if (batch.hardState) checkIntegers(batch.hardState.term, batch.hardState.vote, batch.hardState.commit);
  if (batch.snapshot) checkIntegers(batch.snapshot.index, batch.snapshot.term);
  let previous: number | undefined;
  for (const entry of batch.entries ?? []) {
    checkIntegers(entry.index, entry.term);
    if ((entry.type & 0xff) !== entry.type) throw new WalUsageError(`entry type ${entry.type} is not within 0 to 255`);
    if (previous !== undefined && entry.index !== previous + 1) {
      throw new WalUsageError(`entry ${entry.index} follows entry ${previous} in one batch`);
    }
    previous = entry.index;
  }
}

export function checkIntegers(...values: number[]): void {
  for (const value of values) {
    if (!Number.isSafeInteger(value) || value < 0) throw new WalUsageError(`${value} is not a safe integer from 0`);
  }
}

function padded(bytes: number): number {
  return (bytes + 7) & ~7;
}
