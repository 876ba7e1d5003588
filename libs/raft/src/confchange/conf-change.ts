/**
 * Configuration changes as values, and their bytes inside log entries (protobuf wire format, version 1 and 2).
 */
import { RaftConfChangeError } from '../core/errors.js';
import { EntryType, NO_BYTES } from '../core/messages.js';

export const ConfChangeType = { AddNode: 0, RemoveNode: 1, UpdateNode: 2, AddLearnerNode: 3 } as const;
export type ConfChangeType = (typeof ConfChangeType)[keyof typeof ConfChangeType];

/** How a change goes through: in one step where possible, or through a joint configuration left by itself or on request. */
export const ConfChangeTransition = { Auto: 0, JointImplicit: 1, JointExplicit: 2 } as const;
export type ConfChangeTransition = (typeof ConfChangeTransition)[keyof typeof ConfChangeTransition];

export interface ConfChangeSingle {
  readonly type: ConfChangeType;
  /** 0 makes the single change void. */
  readonly nodeId: number;
}

/** A change without `changes` and with transition Auto leaves a joint configuration. */
export interface ConfChange {
  readonly transition: ConfChangeTransition;
  readonly changes: readonly ConfChangeSingle[];
  /** Opaque to the core; for instance the new member's address. */
  readonly context: Uint8Array;
}

export function confChange(
  changes: readonly ConfChangeSingle[],
  transition: ConfChangeTransition = ConfChangeTransition.Auto,
  context: Uint8Array = NO_BYTES,
): ConfChange {
  return { transition, changes, context };
}

/** True where the change only leaves a joint configuration. */
export function leavesJoint(change: ConfChange): boolean {
  return change.transition === ConfChangeTransition.Auto && change.changes.length === 0;
}

/** True where the change goes through a joint configuration: asked for, or too much for one step. */
export function entersJoint(change: ConfChange): boolean {
  return change.transition !== ConfChangeTransition.Auto || change.changes.length > 1;
}

/** True where the joint configuration is left without being asked to. */
export function leavesAutomatically(change: ConfChange): boolean {
  return change.transition !== ConfChangeTransition.JointExplicit;
}

/** Bytes of a change for an entry of type ConfChangeV2, or, for a single change, ConfChange. */
export function encodeConfChange(change: ConfChange, type: EntryType = EntryType.ConfChangeV2): Uint8Array {
  const bytes: number[] = [];
  if (type === EntryType.ConfChange) {
    const [single] = change.changes;
    if (!single || change.changes.length > 1 || change.transition !== ConfChangeTransition.Auto) {
      throw new RaftConfChangeError('a version 1 change is one single change with transition Auto');
    }
    putVarint(bytes, 2, single.type);
    putVarint(bytes, 3, single.nodeId);
    putBytes(bytes, 4, change.context);
    return Uint8Array.from(bytes);
  }
  putVarint(bytes, 1, change.transition);
  for (const single of change.changes) {
    const inner: number[] = [];
    putVarint(inner, 1, single.type);
    putVarint(inner, 2, single.nodeId);
    bytes.push((2 << 3) | 2);
    pushVarint(bytes, inner.length);
    bytes.push(...inner);
  }
  putBytes(bytes, 3, change.context);
  return Uint8Array.from(bytes);
}

/** The change inside an entry of type ConfChange or ConfChangeV2. No bytes mean: leave the joint configuration. */
export function decodeConfChange(type: EntryType, data: Uint8Array): ConfChange {
  const fields = readFields(data);
  if (type === EntryType.ConfChange) {
    const single = readSingle(fields, 2, 3);
    return confChange([single], ConfChangeTransition.Auto, fields.bytes.get(4)?.[0]);
  }
  const changes = (fields.bytes.get(2) ?? []).map((inner) => readSingle(readFields(inner), 1, 2));
  const transition = fields.numbers.get(1) ?? 0;
  if (transition > ConfChangeTransition.JointExplicit) throw malformed(`unknown transition ${transition}`);
  return confChange(changes, transition as ConfChangeTransition, fields.bytes.get(3)?.[0]);
}

interface Fields {
  readonly numbers: Map<number, number>;
  readonly bytes: Map<number, Uint8Array[]>;
}

function readSingle(fields: Fields, typeField: number, nodeField: number): ConfChangeSingle {
  const type = fields.numbers.get(typeField) ?? 0;
  if (type > ConfChangeType.AddLearnerNode) throw malformed(`unknown type ${type}`);
  return { type: type as ConfChangeType, nodeId: fields.numbers.get(nodeField) ?? 0 };
}

function readFields(data: Uint8Array): Fields {
  const fields: Fields = { numbers: new Map(), bytes: new Map() };
  const cursor = { at: 0 };
  while (cursor.at < data.length) {
    const tag = readVarint(data, cursor);
    const field = Math.floor(tag / 8);
    switch (tag % 8) {
      case 0:
        fields.numbers.set(field, readVarint(data, cursor));
        break;
      case 2: {
        const length = readVarint(data, cursor);
        if (cursor.at + length > data.length) throw malformed('it ends inside a field');
        const list = fields.bytes.get(field) ?? [];
        list.push(data.subarray(cursor.at, cursor.at + length));
        fields.bytes.set(field, list);
        cursor.at += length;
        break;
      }
      default:
        throw malformed(`wire type ${tag % 8}`);
    }
  }
  return fields;
}

function readVarint(data: Uint8Array, cursor: { at: number }): number {
  let value = 0;
  let scale = 1;
  for (;;) {
    const byte = data[cursor.at++];
    if (byte === undefined) throw malformed('it ends inside a number');
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) break;
    scale *= 0x80;
  }
  if (!Number.isSafeInteger(value)) throw malformed('a number is too large');
  return value;
}

function putVarint(bytes: number[], field: number, value: number): void {
  bytes.push(field << 3);
  pushVarint(bytes, value);
}

function putBytes(bytes: number[], field: number, value: Uint8Array): void {
  if (value.length === 0) return;
  bytes.push((field << 3) | 2);
  pushVarint(bytes, value.length);
  for (const byte of value) bytes.push(byte);
}

function pushVarint(bytes: number[], value: number): void {
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
}

function malformed(reason: string): RaftConfChangeError {
  return new RaftConfChangeError(`malformed configuration change: ${reason}`);
}
