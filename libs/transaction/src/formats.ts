/**
 * Which entries a member understands. A replica that meets an entry or a table that it does not know stops, so the leader
 * proposes what a format has added only once every member has announced that format (design §2).
 */
import type { Entry } from './entries.js';
import type { MemberRecord } from './record.js';

/** What a member understands that announces nothing: the entries before leased snapshots. */
export const OLDEST_FORMAT = 1;

/** The format that brought each kind of entry. A new kind gets `FORMAT_VERSION + 1`, which becomes `FORMAT_VERSION`. */
export const ENTRY_FORMATS: Readonly<Record<Entry['type'], number>> = {
  term: 1,
  begin: 1,
  commit: 1,
  abort: 1,
  forget: 1,
  participant: 1,
  member: 1,
  reconcile: 1,
  reconciled: 1,
  published: 1,
  prune: 1,
  lease: 2,
  release: 2,
  hazard: 3,
  operator: 3,
  confirm: 3,
  lock: 3,
};

/** The highest format that this version understands, and announces. */
export const FORMAT_VERSION = 3;

/** The highest format that a member understands. */
export const formatOf = ({ formatVersion }: MemberRecord): number => formatVersion ?? OLDEST_FORMAT;

/** Members that do not understand `format`, and that the log has not removed. */
export const membersBelow = (format: number, members: Iterable<MemberRecord>): MemberRecord[] =>
  [...members].filter((member) => !member.removed && formatOf(member) < format);

/**
 * The highest format that this version and every member understand. A replica that is alone needs nobody else's word:
 * what its record says may be older than the version that it runs by now.
 */
export function formatVersionOf(members: Iterable<MemberRecord>): number {
  const formats = [...members].filter(({ removed }) => !removed).map(formatOf);
  return formats.length < 2 ? FORMAT_VERSION : Math.min(FORMAT_VERSION, ...formats);
}
