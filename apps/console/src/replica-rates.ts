/** How fast replicas apply the log, from what is read of them again and again. */
import type { Member } from '@concordat/client';

export interface Reading {
  readonly atMs: number;
  readonly appliedIndex: number | null;
}

/** Rates are over at least so long, so that they do not jump. */
const WINDOW_MS = 5_000;

/** The readings of one replica that still count, with a new one. */
export function withReading(readings: readonly Reading[], next: Reading): readonly Reading[] {
  const since = readings.findLastIndex(({ atMs }) => next.atMs - atMs >= WINDOW_MS);
  return [...readings.slice(Math.max(since, 0)), next];
}

/** Entries of the log that it applied per second; null where that is not known, as of one that began anew. */
export function appliedPerS(readings: readonly Reading[]): number | null {
  const [first, last] = [readings[0], readings.at(-1)];
  if (!first || !last || first.appliedIndex === null || last.appliedIndex === null) return null;
  const elapsedMs = last.atMs - first.atMs;
  const applied = last.appliedIndex - first.appliedIndex;
  return elapsedMs <= 0 || applied < 0 ? null : (applied / elapsedMs) * 1_000;
}

/** Entries that a member is behind the one that has applied most; null where it has told nothing. */
export function entriesBehind(member: Member, members: readonly Member[]): number | null {
  if (member.appliedIndex === null) return null;
  return Math.max(...members.map(({ appliedIndex }) => appliedIndex ?? 0)) - member.appliedIndex;
}
