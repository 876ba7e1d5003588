import { Entry, EntryType, UNLIMITED } from '../core/messages.js';

/**
 * Size of an entry for all byte bounds on messages and pages: what it takes as a protobuf message. It depends on nothing
 * but the entry, so every node cuts pages alike whatever its transport does.
 */
function entryBytes(entry: Entry): number {
  const payload = entry.data.length;
  return (
    2 +
    varintBytes(entry.term) +
    varintBytes(entry.index) +
    (entry.type === EntryType.Normal ? 0 : 2) +
    (payload === 0 ? 0 : 1 + varintBytes(payload) + payload)
  );
}

export function entriesBytes(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += entryBytes(entry);
  return bytes;
}

/** Size of the payloads alone: for the bounds on what is proposed and what is in flight. */
export function payloadBytes(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += entry.data.length;
  return bytes;
}

/** How many entries from the front fit into `bytesMax`: at least one if there are any. */
export function countWithin(entries: readonly Entry[], bytesMax: number): number {
  if (bytesMax >= UNLIMITED || entries.length <= 1) return entries.length;
  let bytes = 0;
  for (let count = 0; count < entries.length; count++) {
    bytes += entryBytes(entries[count] as Entry);
    if (bytes > bytesMax && count > 0) return count;
  }
  return entries.length;
}

function varintBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x200000) return 3;
  let bytes = 3;
  for (let rest = Math.floor(value / 0x200000); rest > 0; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}
