/**
 * Raft messages as bytes: many in one buffer, numbers as LEB128, absent fields absent.
 *
 * batch    = version (1 byte) message*
 * message  = type flags to from term [logTerm index] [commit] [vote] [rejectHint] [context] [entries] [snapshot]
 * bytes    = length, then so many bytes
 *
 * Decoded payloads are views of the buffer they came in. Storage messages never travel, so `responses` is not encoded.
 */
import {
  createMessage,
  type Entry,
  type EntryType,
  type Message,
  type MessageType,
  NO_BYTES,
  NO_ENTRIES,
  type Snapshot,
} from '../core/messages.js';

const VERSION = 1;
const NUMBER_BYTES_MAX = 8;
const MESSAGE_BYTES_MAX = 96;
const ENTRY_BYTES_MAX = 32;

const Flag = { Position: 1, Commit: 2, Vote: 4, Hint: 8, Context: 16, Entries: 32, Snapshot: 64, Reject: 128 } as const;

/** The bytes do not make a batch of messages; whoever sent them is not to be trusted any further. */
export class MessageFormatError extends Error {
  readonly code = 'raft-message-format';
  readonly retryable = false;
  override readonly name = 'MessageFormatError';
}

/** Upper bound of what {@link encodeMessages} makes of it, in bytes. */
export function messageBytesBound(message: Message): number {
  let bytes = MESSAGE_BYTES_MAX + message.context.length;
  for (const entry of message.entries) bytes += ENTRY_BYTES_MAX + entry.data.length;
  if (message.snapshot) bytes += snapshotBytesBound(message.snapshot);
  return bytes;
}

/** @param prefixBytes so many bytes are left free at the front, for a frame's header */
export function encodeMessages(messages: readonly Message[], prefixBytes = 0): Uint8Array {
  let bound = prefixBytes + 1;
  for (const message of messages) bound += messageBytesBound(message);
  const writer = new Writer(Buffer.allocUnsafe(bound), prefixBytes);
  writer.byte(VERSION);
  for (const message of messages) writeMessage(writer, message);
  return writer.bytes.subarray(0, writer.at);
}

/** @throws MessageFormatError */
export function decodeMessages(bytes: Uint8Array): Message[] {
  const reader = new Reader(bytes);
  const version = reader.byte();
  if (version !== VERSION) throw new MessageFormatError(`message format ${version}, this version reads ${VERSION}`);
  const messages: Message[] = [];
  while (reader.at < bytes.length) messages.push(readMessage(reader));
  return messages;
}

function flagsOf(message: Message): number {
  return (
    (message.index !== 0 || message.logTerm !== 0 ? Flag.Position : 0) |
    (message.commit !== 0 ? Flag.Commit : 0) |
    (message.vote !== 0 ? Flag.Vote : 0) |
    (message.rejectHint !== 0 ? Flag.Hint : 0) |
    (message.context.length > 0 ? Flag.Context : 0) |
    (message.entries.length > 0 ? Flag.Entries : 0) |
    (message.snapshot ? Flag.Snapshot : 0) |
    (message.reject ? Flag.Reject : 0)
  );
}

function writeMessage(writer: Writer, message: Message): void {
  const flags = flagsOf(message);
  writer.byte(message.type);
  writer.byte(flags);
  writer.number(message.to);
  writer.number(message.from);
  writer.number(message.term);
  if (flags & Flag.Position) {
    writer.number(message.logTerm);
    writer.number(message.index);
  }
  if (flags & Flag.Commit) writer.number(message.commit);
  if (flags & Flag.Vote) writer.number(message.vote);
  if (flags & Flag.Hint) writer.number(message.rejectHint);
  if (flags & Flag.Context) writer.data(message.context);
  if (flags & Flag.Entries) {
    writer.number(message.entries.length);
    for (const { type, term, index, data } of message.entries) {
      writer.byte(type);
      writer.number(term);
      writer.number(index);
      writer.data(data);
    }
  }
  if (message.snapshot) writeSnapshot(writer, message.snapshot);
}

function readMessage(reader: Reader): Message {
  const type = reader.byte() as MessageType;
  const flags = reader.byte();
  const to = reader.number();
  const from = reader.number();
  const term = reader.number();
  const positioned = (flags & Flag.Position) !== 0;
  const logTerm = positioned ? reader.number() : 0;
  const index = positioned ? reader.number() : 0;
  const commit = flags & Flag.Commit ? reader.number() : 0;
  const vote = flags & Flag.Vote ? reader.number() : 0;
  const rejectHint = flags & Flag.Hint ? reader.number() : 0;
  const context = flags & Flag.Context ? reader.data() : NO_BYTES;
  const entries = flags & Flag.Entries ? readEntries(reader) : NO_ENTRIES;
  const snapshot = flags & Flag.Snapshot ? readSnapshot(reader) : undefined;
  const reject = (flags & Flag.Reject) !== 0;
  const fields = { type, to, logTerm, index, entries, commit, vote, snapshot, reject, rejectHint, context };
  return createMessage(fields, from, term);
}

function readEntries(reader: Reader): Entry[] {
  const count = reader.number();
  if (count > reader.left) throw new MessageFormatError(`${count} entries in ${reader.left} bytes`);
  const entries: Entry[] = [];
  for (let at = 0; at < count; at++) {
    const type = reader.byte() as EntryType;
    entries.push({ term: reader.number(), index: reader.number(), type, data: reader.data() });
  }
  return entries;
}

function snapshotBytesBound({ confState, data }: Snapshot): number {
  const { voters, learners, votersOutgoing, learnersNext } = confState;
  const ids = voters.length + learners.length + votersOutgoing.length + learnersNext.length;
  return (ids + 8) * NUMBER_BYTES_MAX + data.length;
}

function writeSnapshot(writer: Writer, { index, term, confState, data }: Snapshot): void {
  writer.number(index);
  writer.number(term);
  const { voters, learners, votersOutgoing, learnersNext } = confState;
  for (const ids of [voters, learners, votersOutgoing, learnersNext]) {
    writer.number(ids.length);
    for (const id of ids) writer.number(id);
  }
  writer.byte(confState.autoLeave ? 1 : 0);
  writer.data(data);
}

function readSnapshot(reader: Reader): Snapshot {
  const index = reader.number();
  const term = reader.number();
  const ids = () => {
    const count = reader.number();
    if (count > reader.left) throw new MessageFormatError(`${count} ids in ${reader.left} bytes`);
    return Array.from({ length: count }, () => reader.number());
  };
  const confState = {
    voters: ids(),
    learners: ids(),
    votersOutgoing: ids(),
    learnersNext: ids(),
    autoLeave: reader.byte() === 1,
  };
  return { index, term, confState, data: reader.data() };
}

class Writer {
  constructor(
    readonly bytes: Uint8Array,
    public at: number,
  ) {}

  byte(value: number): void {
    this.bytes[this.at++] = value;
  }

  number(value: number): void {
    let rest = value;
    while (rest > 0x7fffffff) {
      this.bytes[this.at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest > 0x7f) {
      this.bytes[this.at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.bytes[this.at++] = rest;
  }

  data(data: Uint8Array): void {
    this.number(data.length);
    this.bytes.set(data, this.at);
    this.at += data.length;
  }
}

class Reader {
  at = 0;

  constructor(private readonly bytes: Uint8Array) {}

  get left(): number {
    return this.bytes.length - this.at;
  }

  byte(): number {
    if (this.at >= this.bytes.length) throw new MessageFormatError('the bytes end inside a message');
    return this.bytes[this.at++] as number;
  }

  number(): number {
    let value = this.byte();
    if (value < 0x80) return value;
    value &= 0x7f;
    for (let scale = 128; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    if (!Number.isSafeInteger(value)) throw new MessageFormatError('a number is too large');
    return value;
  }

  data(): Uint8Array {
    const length = this.number();
    if (length > this.left) throw new MessageFormatError(`${length} bytes are due, ${this.left} are left`);
    const start = this.at;
    this.at += length;
    return this.bytes.subarray(start, this.at);
  }
}
