/**
 * Histories of list-append transactions: what clients asked and were told, in the order in which it happened, in the form
 * that Elle and Jepsen read too: `{"index","process","type","f":"txn","value":[["append",k,v],["r",k,[…]]]}`.
 */

export type Key = string | number;
export type Element = string | number;
export type Append = readonly ['append', Key, Element];
/** The list is null where the client was not told: in an invocation, and in whatever got no answer. */
export type Read = readonly ['r', Key, readonly Element[] | null];
export type MicroOperation = Append | Read;

/** `ok`: committed. `fail`: surely aborted. `info`: nobody knows. */
export type EventType = 'invoke' | 'ok' | 'fail' | 'info';

export interface HistoryEvent {
  /** Grows from event to event; gaps are allowed. */
  readonly index: number;
  /** A client that has at most one transaction under way. */
  readonly process: string | number;
  readonly type: EventType;
  readonly value: readonly MicroOperation[];
}

/** A history that cannot be read, or that no client can have made; the message says where. */
export class HistoryError extends Error {
  override name = 'HistoryError';
}

const TYPES: readonly string[] = ['invoke', 'ok', 'fail', 'info'];

/**
 * Reads a JSON array of events, or one event a line.
 * @param text the file
 * @returns the events, in order
 * @throws HistoryError that names the line or the event
 */
export function parseHistory(text: string): HistoryEvent[] {
  const values = text.trimStart().startsWith('[') ? parseArray(text) : parseLines(text);
  return toHistory(values);
}

/**
 * @param values parsed JSON, one value for each event
 * @throws HistoryError that names the event
 */
export function toHistory(values: readonly unknown[]): HistoryEvent[] {
  let previous = Number.NEGATIVE_INFINITY;
  return values.map((value, position) => {
    const where = `event ${position + 1}`;
    const event = toEvent(value, where);
    if (event.index <= previous) throw new HistoryError(`${where}: index ${event.index} does not follow ${previous}`);
    previous = event.index;
    return event;
  });
}

function parseArray(text: string): unknown[] {
  try {
    return JSON.parse(text) as unknown[];
  } catch (error) {
    throw new HistoryError(`the file is no JSON array: ${(error as Error).message}`, { cause: error });
  }
}

function parseLines(text: string): unknown[] {
  return text.split('\n').flatMap((line, number) => {
    if (line.trim() === '') return [];
    try {
      return [JSON.parse(line) as unknown];
    } catch (error) {
      throw new HistoryError(`line ${number + 1} is no JSON: ${(error as Error).message}`, { cause: error });
    }
  });
}

function toEvent(input: unknown, where: string): HistoryEvent {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new HistoryError(`${where} is no object`);
  }
  const { index, process, type, f, value } = input as Record<string, unknown>;
  if (!Number.isSafeInteger(index)) throw new HistoryError(`${where}: "index" must be a whole number`);
  if (!isName(process)) throw new HistoryError(`${where}: "process" must be a number or text`);
  if (typeof type !== 'string' || !TYPES.includes(type)) {
    throw new HistoryError(`${where}: "type" must be one of ${TYPES.join(', ')}`);
  }
  if (f !== 'txn') throw new HistoryError(`${where}: "f" must be "txn"`);
  // What failed or got no answer may leave out what was asked: the invocation has it.
  const operations = value ?? (type === 'fail' || type === 'info' ? [] : undefined);
  if (!Array.isArray(operations)) throw new HistoryError(`${where}: "value" must be an array of operations`);
  return {
    index: index as number,
    process,
    type: type as EventType,
    value: operations.map((one, position) => toOperation(one, `${where}, operation ${position + 1}`)),
  };
}

function toOperation(input: unknown, where: string): MicroOperation {
  if (!Array.isArray(input) || input.length !== 3) {
    throw new HistoryError(`${where} must be ["append", key, element] or ["r", key, list]`);
  }
  const [f, key, value] = input as unknown[];
  if (!isName(key)) throw new HistoryError(`${where}: the key must be a number or text`);
  if (f === 'append') {
    if (!isName(value)) throw new HistoryError(`${where}: the element must be a number or text`);
    return ['append', key, value];
  }
  if (f !== 'r') throw new HistoryError(`${where}: "${String(f)}" is neither "append" nor "r"`);
  if (value !== null && !(Array.isArray(value) && value.every(isName))) {
    throw new HistoryError(`${where}: what was read must be a list of numbers or texts, or null`);
  }
  return ['r', key, value as Element[] | null];
}

const isName = (value: unknown): value is string | number => typeof value === 'string' || Number.isFinite(value);
