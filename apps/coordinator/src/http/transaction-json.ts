import type { BranchRecord, TransactionRecord } from '@concordat/transaction';

/**
 * JSON of a transaction as design §6 has it. Written by hand because it is on the way of every call: it costs about a
 * third of a view object and JSON.stringify. The test holds it against the schema that /openapi.json shows.
 */
export function transactionJson(record: TransactionRecord): string {
  let branches = '';
  for (const branch of record.branches) branches += branches === '' ? branchJson(branch) : `,${branchJson(branch)}`;
  return (
    `{"id":"${record.id}","status":"${record.status}","isolation":"${record.isolation}",` +
    `"serializable":${record.serializable},"label":${textOrNull(record.label)},` +
    `"csn":${record.csn},"snapshot":${record.snapshot},` +
    `"createdAt":${isoOrNull(record.createdAt)},"deadlineAt":${isoOrNull(record.deadlineAt)},` +
    `"decidedAt":${isoOrNull(record.decidedAt)},"completedAt":${isoOrNull(record.completedAt)},` +
    `"outcomeReason":${jsonOrNull(record.reason)},"branches":[${branches}]}`
  );
}

/** JSON of one branch. Ids and names are of alphabets that need no escaping. */
export const branchJson = (branch: BranchRecord): string =>
  `{"id":"${branch.id}","participant":"${branch.participant}","operation":"${branch.operation}",` +
  `"status":"${branch.status}","result":${jsonOrNull(branch.result)},"reason":${jsonOrNull(branch.reason)}}`;

/** JSON of one page. */
export const transactionListJson = (records: readonly TransactionRecord[], nextCursor: string | null): string =>
  `{"items":[${records.map(transactionJson).join(',')}],"nextCursor":${textOrNull(nextCursor)}}`;

/** Unix ms to ISO 8601. */
export const isoTime = (ms: number): string => new Date(ms).toISOString();

const isoOrNull = (ms: number | null): string => (ms === null ? 'null' : `"${isoTime(ms)}"`);
const textOrNull = (text: string | null): string => (text === null ? 'null' : JSON.stringify(text));
const jsonOrNull = (value: unknown): string =>
  value === null || value === undefined ? 'null' : (JSON.stringify(value) ?? 'null');
