/** How transactions, lists and operations read in explanations. */
import type { Element, Key, MicroOperation } from './history.js';
import type { Transaction } from './transactions.js';

const LIST_SHOWN_MAX = 6;

export const nameOf = ({ id }: { readonly id: number }): string => `T${id}`;

/** Long lists are shown by their end, which is what differs. */
export function describeList(list: readonly Element[]): string {
  const shown = list.slice(-LIST_SHOWN_MAX);
  return `[${list.length > shown.length ? '… ' : ''}${shown.join(' ')}]`;
}

function describeOperation([f, key, value]: MicroOperation): string {
  if (f === 'append') return `append(${key}, ${value})`;
  return `read(${key}) = ${value === null ? '?' : describeList(value)}`;
}

export function describeTransaction(transaction: Transaction): string {
  const { process, outcome, invokedAt, answeredAt, operations } = transaction;
  const when = answeredAt === null ? `index ${invokedAt}` : `index ${invokedAt}–${answeredAt}`;
  return `${nameOf(transaction)} (process ${process}, ${when}, ${outcome}): ${operations.map(describeOperation).join(', ')}`;
}

export const describeVersion = (key: Key, last: Element | null): string =>
  last === null ? `key ${key} while it was empty` : `key ${key} up to ${last}`;
