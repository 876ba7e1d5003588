/**
 * What a replica says of transactions to third parties (D6): readers that met an intent, writers that met a conflict.
 *
 * - S-a `committed` and `aborted` are the ledger's word: an applied entry, never what a coordination has settled.
 * - S-b `undecided` promises that a COMMIT, if there is one, will have a CSN above the `appliedCsn` of the answer. It holds
 *   because `appliedCsn` is read first: what is then found undecided has no applied entry, so its entry comes later.
 *   Read the other way round, a COMMIT may be applied in between, with a CSN that the answer then covers.
 * - S-c `unknown` is no abort. It is said of what was committed and forgotten as well as of what never was; only an
 *   intent that remains when it is looked at again tells the two apart, since FORGET comes after every DONE (D7).
 */
import type { StatusAnswer, StatusesAnswer } from '@concordat/protocol';
import type { Coordination, OpenHazards, TransactionRecord } from '@concordat/transaction';

/** What an answer is made of. */
export interface StatusSource {
  readonly appliedCsn: number;
  /** Applied and not forgotten. */
  readonly live: { get(id: string): TransactionRecord | undefined };
  /** Open hazards: some are of transactions that were forgotten before a participant had carried them out. */
  readonly hazards: Pick<OpenHazards, 'of'>;
  /** What this replica drives as the leader; undefined where it does not lead. */
  readonly leader: { get(id: string): Coordination | undefined } | undefined;
}

const ABORTED: StatusAnswer = { status: 'aborted' };
const UNDECIDED: StatusAnswer = { status: 'undecided' };
const UNKNOWN: StatusAnswer = { status: 'unknown' };

/** Answers from memory alone. */
export function statusesOf(source: StatusSource, ids: readonly string[]): StatusesAnswer {
  const { appliedCsn } = source; // S-b: first
  return { appliedCsn, statuses: ids.map((id) => statusOf(source, id)) };
}

function statusOf({ live, hazards, leader }: StatusSource, id: string): StatusAnswer {
  const record = live.get(id) ?? hazards.of(id).find(({ outcome, csn }) => outcome === 'aborted' || csn !== null);
  if (record?.outcome === 'committed' && record.csn !== null) return { status: 'committed', csn: record.csn };
  if (record?.outcome === 'aborted') return ABORTED;
  if (record) return UNDECIDED;
  // Its BEGIN is not applied yet: whatever is settled, no entry of it is applied either.
  return leader?.get(id)?.decidedIndex === null ? UNDECIDED : UNKNOWN;
}
