/**
 * The partition of a key, as Kafka's own clients choose it: murmur2 of its bytes. Every adapter uses this one, so that
 * the messages of one transaction meet in one partition whoever sent them.
 */
export function partitionOf(key: string, partitions: number): number {
  const length = key.length < scratch.length / 3 ? scratch.utf8Write(key, 0) : undefined;
  const hash = length === undefined ? murmur2(Buffer.from(key)) : murmur2(scratch, length);
  return (hash & 0x7fffffff) % partitions;
}

const scratch = Buffer.allocUnsafeSlow(1024) as Buffer & { utf8Write(text: string, offset: number): number };
const multiplier = 0x5bd1e995;

function murmur2(bytes: Buffer, length = bytes.length): number {
  let hash = 0x9747b28c ^ length;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    let word = Math.imul(bytes.readInt32LE(at), multiplier);
    word = Math.imul(word ^ (word >>> 24), multiplier);
    hash = Math.imul(hash, multiplier) ^ word;
  }
  const rest = length - at;
  if (rest > 0) {
    for (let index = rest - 1; index >= 0; index -= 1) hash ^= bytes.readUInt8(at + index) << (8 * index);
    hash = Math.imul(hash, multiplier);
  }
  hash = Math.imul(hash ^ (hash >>> 13), multiplier);
  return hash ^ (hash >>> 15);
}
