import { EntityMetadataNotFoundError, TypeORMError } from 'typeorm';

/**
 * What a failed statement means for a branch. Only the SQLSTATE decides, or the lack of one where the connection
 * broke; the texts of Postgres may change.
 */
export type DatabaseFailure =
  /** Another transaction changed the data first, or a deadlock was broken: the same work may succeed at once. */
  | 'serialization'
  /** A lock was not given within `lock_timeout`. */
  | 'lock-timeout'
  /** The statement was cancelled, by us or by `statement_timeout`. */
  | 'cancelled'
  /** No room for another prepared transaction at the moment. */
  | 'prepare-capacity'
  /** The connection broke or could not be made: whether the last statement took effect is not known. */
  | 'connection'
  | 'other';

export const SQL_STATE = {
  /** The prepared transaction does not exist. */
  undefinedObject: '42704',
  /** The prepared transaction is being finalised by another session. */
  objectNotInPrerequisiteState: '55000',
  lockNotAvailable: '55P03',
} as const;

const FAILURE_OF_STATE: Readonly<Record<string, DatabaseFailure>> = {
  '40001': 'serialization',
  '40P01': 'serialization',
  '55P03': 'lock-timeout',
  '57014': 'cancelled',
  '53200': 'prepare-capacity',
  '53300': 'connection',
  '25P03': 'connection',
  '25P04': 'connection',
  '57P01': 'connection',
  '57P02': 'connection',
  '57P03': 'connection',
  '57P05': 'connection',
};

const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

/** The client library gives no code where the connection ended under a statement. */
const BROKEN_CONNECTION =
  /connection terminated|connection ended|not queryable|client was closed|timeout exceeded|timeout expired|read timeout/i;

const CAUSES_MAX = 8;

/** The errors behind an error: TypeORM puts the driver's into `driverError`, others into `cause`. */
function* chain(error: unknown): Generator<{ code?: unknown; message?: unknown; severity?: unknown }> {
  let current = error;
  for (let depth = 0; depth < CAUSES_MAX && typeof current === 'object' && current !== null; depth += 1) {
    yield current as { code?: unknown; message?: unknown };
    const { driverError, cause, errors } = current as { driverError?: unknown; cause?: unknown; errors?: unknown[] };
    current = driverError ?? cause ?? errors?.[0];
  }
}

/** The SQLSTATE behind an error, if Postgres gave one. */
export function sqlStateOf(error: unknown): string | undefined {
  for (const { code, severity } of chain(error)) {
    if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && severity !== undefined) return code;
  }
  return undefined;
}

export function classifyDatabaseError(error: unknown): DatabaseFailure {
  const state = sqlStateOf(error);
  if (state !== undefined) return FAILURE_OF_STATE[state] ?? (state.startsWith('08') ? 'connection' : 'other');
  for (const { code, message } of chain(error)) {
    if (typeof code === 'string' && NETWORK_CODES.has(code)) return 'connection';
    if (typeof message === 'string' && BROKEN_CONNECTION.test(message)) return 'connection';
  }
  return 'other';
}

/** Whether an error means that Postgres cannot be reached now and may be later; for the host application's answers. */
export function isDatabaseUnavailable(error: unknown): boolean {
  return isNotInitialised(error) || classifyDatabaseError(error) === 'connection';
}

/** What TypeORM throws before the DataSource has connected; it knows no entities then. */
function isNotInitialised(error: unknown): boolean {
  return (
    error instanceof EntityMetadataNotFoundError ||
    (error instanceof TypeORMError && error.message === 'Driver not Connected')
  );
}
