/**
 * The service of proto/raft.proto, written out: all its messages are a field or two, and the payload is bytes anyway, so
 * that no object is built for them on the hot path.
 */
import { type ClientOptions, makeGenericClientConstructor, type ServiceDefinition } from '@grpc/grpc-js';

export interface SnapshotPart {
  message?: Uint8Array;
  chunk?: Uint8Array;
}

export interface SnapshotProgress {
  receivedBytes: number;
  finished: boolean;
}

const PATH = '/concordat.raft.v1.RaftTransport';
const FIELD_1_BYTES = 0x0a;
const FIELD_2_BYTES = 0x12;
const FIELD_1_NUMBER = 0x08;
const FIELD_2_NUMBER = 0x10;

/** Bytes to leave free before a payload for {@link finishBatch}. */
export const BATCH_PREFIX_BYTES = 6;

/** Largest message either side takes. */
const GRPC_MESSAGE_BYTES_MAX = 64 * 1024 * 1024;

export const grpcOptions: ClientOptions = {
  'grpc.max_receive_message_length': GRPC_MESSAGE_BYTES_MAX,
  'grpc.max_send_message_length': GRPC_MESSAGE_BYTES_MAX,
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 2_000,
  // Each member's channel is its own, also where several live in one process.
  'grpc.use_local_subchannel_pool': 1,
};

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export const raftService = {
  deliver: {
    path: `${PATH}/Deliver`,
    requestStream: true,
    responseStream: false,
    requestSerialize: asBuffer,
    requestDeserialize: (bytes: Buffer): Uint8Array => decodeFields(bytes).first ?? bytes.subarray(0, 0),
    responseSerialize: () => Buffer.alloc(0),
    responseDeserialize: () => ({}),
  },
  installSnapshot: {
    path: `${PATH}/InstallSnapshot`,
    requestStream: true,
    responseStream: true,
    requestSerialize: encodePart,
    requestDeserialize: (bytes: Buffer): SnapshotPart => {
      const { first, second } = decodeFields(bytes);
      return { ...(first && { message: first }), ...(second && { chunk: second }) };
    },
    responseSerialize: encodeProgress,
    responseDeserialize: (bytes: Buffer): SnapshotProgress => {
      const { firstNumber, secondNumber } = decodeFields(bytes);
      return { receivedBytes: firstNumber, finished: secondNumber === 1 };
    },
  },
} satisfies ServiceDefinition;

export const RaftClient = makeGenericClientConstructor(raftService, 'RaftTransport');

/** Makes a MessageBatch of a payload that stands behind BATCH_PREFIX_BYTES of room. */
export function finishBatch(bytes: Uint8Array): Uint8Array {
  const length = bytes.length - BATCH_PREFIX_BYTES;
  const start = BATCH_PREFIX_BYTES - 1 - varintBytes(length);
  bytes[start] = FIELD_1_BYTES;
  putVarint(bytes, start + 1, length);
  return bytes.subarray(start);
}

function encodePart({ message, chunk }: SnapshotPart): Buffer {
  const payload = message ?? chunk ?? new Uint8Array(0);
  const head = new Uint8Array(1 + varintBytes(payload.length));
  head[0] = message ? FIELD_1_BYTES : FIELD_2_BYTES;
  putVarint(head, 1, payload.length);
  return Buffer.concat([head, payload]);
}

function encodeProgress({ receivedBytes, finished }: SnapshotProgress): Buffer {
  const bytes = new Uint8Array(1 + varintBytes(receivedBytes) + 2);
  bytes[0] = FIELD_1_NUMBER;
  const end = putVarint(bytes, 1, receivedBytes);
  bytes[end] = FIELD_2_NUMBER;
  bytes[end + 1] = finished ? 1 : 0;
  return asBuffer(bytes);
}

interface Fields {
  first: Uint8Array | undefined;
  second: Uint8Array | undefined;
  firstNumber: number;
  secondNumber: number;
}

function decodeFields(bytes: Uint8Array): Fields {
  const fields: Fields = { first: undefined, second: undefined, firstNumber: 0, secondNumber: 0 };
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at] as number;
    const { value, end } = readVarint(bytes, at + 1);
    at = end;
    if (tag === FIELD_1_NUMBER) fields.firstNumber = value;
    else if (tag === FIELD_2_NUMBER) fields.secondNumber = value;
    else if ((tag === FIELD_1_BYTES || tag === FIELD_2_BYTES) && end + value <= bytes.length) {
      const payload = bytes.subarray(end, end + value);
      if (tag === FIELD_1_BYTES) fields.first = payload;
      else fields.second = payload;
      at = end + value;
    } else throw new Error(`no field of the transport begins with ${tag}`);
  }
  return fields;
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}

function putVarint(bytes: Uint8Array, start: number, value: number): number {
  let at = start;
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes[at++] = (rest % 128) | 0x80;
  bytes[at++] = rest;
  return at;
}

function readVarint(bytes: Uint8Array, start: number): { value: number; end: number } {
  let value = 0;
  let scale = 1;
  for (let at = start; at < bytes.length; at++, scale *= 128) {
    const byte = bytes[at] as number;
    value += (byte & 0x7f) * scale;
    if (byte < 128) return { value, end: at + 1 };
  }
  throw new Error('a transport message ends inside a number');
}
