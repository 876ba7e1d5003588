import { type ConfState, NO_CONF_STATE, type Snapshot } from '../core/messages.js';

/** A snapshot as a file; its name is made of index and term. */
export interface SnapshotFile {
  readonly index: number;
  readonly term: number;
  readonly confState: ConfState;
  readonly bytes: number;
  /** CRC-32C of the whole file. */
  readonly checksum: number;
}

/** What the write-ahead log keeps beside the point at which its entries begin. */
export interface LogMeta {
  /** The core starts as having applied this index, with `confState` as of it. Not below where the entries begin. */
  readonly applied: number;
  readonly confState: ConfState;
  readonly file: SnapshotFile | undefined;
}

const VERSION = 1;

export const EMPTY_LOG_META: LogMeta = { applied: 0, confState: NO_CONF_STATE, file: undefined };

export function encodeLogMeta(meta: LogMeta): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ version: VERSION, ...meta }));
}

/** @throws Error if a later version wrote it */
export function decodeLogMeta(data: Uint8Array): LogMeta {
  const { version, applied, confState, file } = JSON.parse(new TextDecoder().decode(data));
  if (version !== VERSION) throw new Error(`snapshot point of version ${version}, this one reads ${VERSION}`);
  return { applied, confState, file };
}

/** The part of a file's description that does not travel in the snapshot message's own fields. */
export function encodeSnapshotFile({ bytes, checksum }: SnapshotFile): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ bytes, checksum }));
}

/** @throws Error if the data are no description */
export function decodeSnapshotFile({ index, term, confState, data }: Snapshot): SnapshotFile {
  const { bytes, checksum } = JSON.parse(new TextDecoder().decode(data));
  if (!Number.isSafeInteger(bytes) || bytes < 0 || !Number.isSafeInteger(checksum)) {
    throw new Error('the snapshot message does not describe a file');
  }
  return { index, term, confState, bytes, checksum };
}
