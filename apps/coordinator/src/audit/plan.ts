/** What an audit is to read, settled once and stored before anything is read: a resumed audit is the same audit. */
import { TOPICS, UNFINISHED_MAX_MS } from '@concordat/audit';
import { EVENTS_TOPIC } from '@concordat/protocol';
import type { PartitionRange } from '@concordat/transport';
import type { AuditRequest } from '../engine/audit-api.js';

/** Records in one piece: what a worker holds in memory before it writes, and does again when it dies. */
const PIECE_RECORDS_MAX = 50_000;
/** Records that meet in one bucket, about: what a worker holds in memory when it reduces. */
const BUCKET_RECORDS = 25_000;
/** Beyond BUCKET_RECORDS × this many records, buckets become larger instead of more. */
const BUCKETS_MAX = 1_024;

/** A part of a partition that one worker maps at once. */
export interface Piece {
  readonly number: number;
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
  readonly end: number;
  /** Whether something of the partition is missing before it. */
  readonly isCut: boolean;
  /** What is missing is older than this, Unix ms; null where the first record has to tell. */
  readonly fromMs: number | null;
}

export interface AuditPlan {
  readonly seed: number;
  readonly buckets: number;
  readonly partitions: readonly PartitionRange[];
  readonly pieces: readonly Piece[];
  /** Replies and events after these times, Unix ms, were not read. */
  readonly repliesToMs: number;
  readonly eventsToMs: number;
  /** What this replica must have stored before its records can be compared; null where no leader could say. */
  readonly appliedIndex: number | null;
}

/** Where the ends of partitions come from. */
export interface RangeSource {
  ranges(topic: string, times: { fromMs?: number; toMs?: number }): Promise<PartitionRange[]>;
}

/**
 * Events are read from a day before the replies on, since a decision may be older than what is left of its branches,
 * and to the end, since one that was published late is a decision too.
 */
export async function planRanges(source: RangeSource, request: AuditRequest): Promise<PartitionRange[]> {
  const partitions: PartitionRange[] = [];
  for (const topic of TOPICS) {
    const fromMs = beginOf(topic, request);
    const isBounded = request.toMs !== null && topic !== EVENTS_TOPIC;
    const times = { ...(fromMs !== null && { fromMs }), ...(isBounded && { toMs: request.toMs as number }) };
    partitions.push(...(await source.ranges(topic, times)));
  }
  return partitions;
}

function beginOf(topic: string, { fromMs }: AuditRequest): number | null {
  if (fromMs === null) return null;
  return topic === EVENTS_TOPIC ? Math.max(0, fromMs - UNFINISHED_MAX_MS) : fromMs;
}

export function planOf(
  partitions: readonly PartitionRange[],
  request: AuditRequest,
  more: Pick<AuditPlan, 'seed' | 'appliedIndex'> & { readonly nowMs: number },
): AuditPlan {
  const { nowMs, seed, appliedIndex } = more;
  const records = partitions.reduce((sum, { from, end }) => sum + end - from, 0);
  const buckets = Math.min(BUCKETS_MAX, Math.max(1, Math.ceil(records / BUCKET_RECORDS)));
  const repliesToMs = Math.min(request.toMs ?? nowMs, nowMs);
  const pieces = piecesOf(partitions, request);
  return { seed, buckets, partitions, pieces, repliesToMs, eventsToMs: nowMs, appliedIndex };
}

/** Every partition has a piece, also an empty one: it tells how far back its records reach. */
function piecesOf(partitions: readonly PartitionRange[], request: AuditRequest): Piece[] {
  const pieces: Piece[] = [];
  for (const { topic, partition, start, from, end } of partitions) {
    for (let at = from; at === from || at < end; at += PIECE_RECORDS_MAX) {
      const piece = { number: pieces.length, topic, partition, from: at, end: Math.min(at + PIECE_RECORDS_MAX, end) };
      const isCut = at === from && from > 0;
      pieces.push({ ...piece, isCut, fromMs: isCut && from > start ? beginOf(topic, request) : null });
    }
  }
  return pieces;
}
