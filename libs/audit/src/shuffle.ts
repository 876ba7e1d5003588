/** Shuffle: all facts of one transaction meet in one bucket. */

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/**
 * The bucket of a transaction: FNV-1a of its id, then mixed.
 * @param seed of the audit, so that nobody can choose ids that all meet in one bucket
 */
export function bucketOf(id: string, seed: number, buckets: number): number {
  let hash = FNV_OFFSET ^ seed;
  for (let at = 0; at < id.length; at += 1) hash = Math.imul(hash ^ id.charCodeAt(at), FNV_PRIME);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) % buckets;
}
