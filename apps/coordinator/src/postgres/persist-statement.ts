import { parseTransactionId } from '@concordat/protocol';
import {
  formatOf,
  type KeyRecord,
  type MemberRecord,
  type ParticipantRecord,
  type TransactionRecord,
} from '@concordat/transaction';
import type { QueryConfig } from 'pg';
import type { PersistBatch } from '../engine/store.js';
import { boolArray, int8Array, jsonArray, textArray, timestamptzArray } from './binary-array.js';

/**
 * The one statement of the hot path: the fence and everything that changed, in one round trip and, being one
 * statement, in one database transaction. Every insert reads the fence, so nothing is written unless it moved; it
 * returns no row where it did not.
 */
const PERSIST_SQL = `
WITH fence AS (
  UPDATE coordinator_state
     SET applied_index = $2, applied_term = $3, incarnation = $4, published_index = $5, writer = $6,
         reconciliation = CASE WHEN $42::boolean THEN 'done' ELSE reconciliation END
   WHERE applied_index = $1
  RETURNING applied_index
), transactions AS (
  INSERT INTO transaction (
    persisted_index, id, incarnation, term, sequence, csn, snapshot, decided_index, created_at, deadline_at,
    decided_at, completed_at, serializable, status, outcome, isolation, label, caller, reason, branches, participants)
  SELECT fence.applied_index, b.id, b.incarnation, b.term, b.sequence, b.csn, b.snapshot, b.decided_index,
         b.created_at, b.deadline_at, b.decided_at, b.completed_at, b.serializable, b.status, b.outcome, b.isolation,
         b.label, b.caller, b.reason, b.branches, string_to_array(b.participants, ',')
    FROM fence, unnest(
           $7::text[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],
           $14::timestamptz[], $15::timestamptz[], $16::timestamptz[], $17::timestamptz[], $18::boolean[],
           $19::text[], $20::text[], $21::text[], $22::text[], $23::text[], $24::json[], $25::json[], $26::text[]
         ) AS b (id, incarnation, term, sequence, csn, snapshot, decided_index, created_at, deadline_at, decided_at,
                 completed_at, serializable, status, outcome, isolation, label, caller, reason, branches, participants)
  ON CONFLICT (id) DO UPDATE
     SET persisted_index = excluded.persisted_index, csn = excluded.csn, decided_index = excluded.decided_index,
         decided_at = excluded.decided_at, completed_at = excluded.completed_at, status = excluded.status,
         outcome = excluded.outcome, reason = excluded.reason, branches = excluded.branches,
         participants = excluded.participants
), keys AS (
  INSERT INTO idempotency_key (caller, key, request_hash, transaction_id, created_at)
  SELECT b.*
    FROM fence, unnest($27::text[], $28::text[], $29::text[], $30::text[], $31::timestamptz[]) AS b
  ON CONFLICT (caller, key) DO UPDATE
     SET request_hash = excluded.request_hash, transaction_id = excluded.transaction_id,
         created_at = excluded.created_at
), participants AS (
  INSERT INTO participant (name, isolation, operations, registered_at)
  SELECT b.* FROM fence, unnest($32::text[], $33::text[], $34::json[], $35::timestamptz[]) AS b
  ON CONFLICT (name) DO UPDATE
     SET isolation = excluded.isolation, operations = excluded.operations, registered_at = excluded.registered_at
), members AS (
  INSERT INTO member (raft_id, node_id, address, url, removed, format_version)
  SELECT b.* FROM fence, unnest(
           $36::bigint[], $37::bigint[], $38::text[], $39::text[], $40::boolean[], $41::bigint[]) AS b
  ON CONFLICT (raft_id) DO UPDATE
     SET node_id = excluded.node_id, address = excluded.address, url = excluded.url, removed = excluded.removed,
         format_version = excluded.format_version
)
SELECT applied_index FROM fence`;

/** Rows of one statement at most: encoding them holds up the event loop, and with it every caller. */
export const STATEMENT_ROWS_MAX = 500;

/** Cuts a batch into parts for one statement each, to be written in one database transaction. */
export function* partsOf(batch: PersistBatch): Generator<PersistBatch, void> {
  const rows = Math.max(batch.transactions.length, batch.keys.length, 1);
  for (let from = 0; from < rows; from += STATEMENT_ROWS_MAX) {
    const to = from + STATEMENT_ROWS_MAX;
    yield {
      ...batch,
      // The first part moves the fence, the others find it moved.
      fromIndex: from === 0 ? batch.fromIndex : batch.toIndex,
      transactions: batch.transactions.slice(from, to),
      keys: batch.keys.slice(from, to),
      participants: from === 0 ? batch.participants : [],
      members: from === 0 ? batch.members : [],
    };
  }
}

/** Builds the statement for one part; `writer` is the random name of this process. */
export function persistStatement(batch: PersistBatch, writer: string): QueryConfig {
  const fence = [batch.fromIndex, batch.toIndex, batch.toTerm, batch.incarnation, batch.publishedIndex, writer];
  const values = [
    ...fence,
    ...transactionColumns(batch.transactions),
    ...keyColumns(lastOf(batch.keys, (record) => JSON.stringify([record.caller, record.key]))),
    ...participantColumns(lastOf(batch.participants, (record) => record.name)),
    ...memberColumns(batch.members),
    batch.reconciled ?? false,
  ];
  // Named, so that Postgres parses and plans it once per connection.
  return { name: 'persist', text: PERSIST_SQL, values };
}

/** One statement may touch a row once only; of several forms the last one counts. */
function lastOf<T>(records: readonly T[], identity: (record: T) => string): readonly T[] {
  return records.length < 2 ? records : [...new Map(records.map((record) => [identity(record), record])).values()];
}

function transactionColumns(records: readonly TransactionRecord[]): Buffer[] {
  const parts = records.map(({ id }) => {
    const parsed = parseTransactionId(id);
    if (!parsed) throw new Error(`not a transaction id: ${id}`);
    return parsed;
  });
  return [
    textArray(records.map((record) => record.id)),
    int8Array(parts.map((part) => part.incarnation)),
    int8Array(parts.map((part) => part.term)),
    int8Array(parts.map((part) => part.sequence)),
    int8Array(records.map((record) => record.csn)),
    int8Array(records.map((record) => record.snapshot)),
    int8Array(records.map((record) => record.decidedIndex)),
    timestamptzArray(records.map((record) => record.createdAt)),
    timestamptzArray(records.map((record) => record.deadlineAt)),
    timestamptzArray(records.map((record) => record.decidedAt)),
    timestamptzArray(records.map((record) => record.completedAt)),
    boolArray(records.map((record) => record.serializable)),
    textArray(records.map((record) => record.status)),
    textArray(records.map((record) => record.outcome)),
    textArray(records.map((record) => record.isolation)),
    textArray(records.map((record) => record.label)),
    textArray(records.map((record) => record.caller)),
    jsonArray(records.map((record) => (record.reason === null ? null : JSON.stringify(record.reason)))),
    jsonArray(records.map((record) => JSON.stringify(record.branches))),
    textArray(records.map(participantNames)),
  ];
}

/** Distinct names joined by commas, which no name contains: an array of arrays of different lengths cannot be sent. */
function participantNames({ branches }: TransactionRecord): string {
  const [first, second] = branches;
  if (!first) return '';
  if (branches.length === 1 || (branches.length === 2 && first.participant === second?.participant)) {
    return first.participant;
  }
  return [...new Set(branches.map((branch) => branch.participant))].join(',');
}

const keyColumns = (records: readonly KeyRecord[]): Buffer[] => [
  textArray(records.map((record) => record.caller)),
  textArray(records.map((record) => record.key)),
  textArray(records.map((record) => record.requestHash)),
  textArray(records.map((record) => record.transactionId)),
  timestamptzArray(records.map((record) => record.createdAt)),
];

const participantColumns = (records: readonly ParticipantRecord[]): Buffer[] => [
  textArray(records.map((record) => record.name)),
  textArray(records.map((record) => record.isolation)),
  jsonArray(records.map((record) => JSON.stringify(record.operations))),
  timestamptzArray(records.map((record) => record.registeredAt)),
];

const memberColumns = (records: readonly MemberRecord[]): Buffer[] => [
  int8Array(records.map((record) => record.raftId)),
  int8Array(records.map((record) => record.nodeId)),
  textArray(records.map((record) => record.address)),
  textArray(records.map((record) => record.url)),
  boolArray(records.map((record) => record.removed)),
  int8Array(records.map(formatOf)),
];
