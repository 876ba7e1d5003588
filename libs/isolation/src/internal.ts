/** Whether each transaction agrees with itself: a read shows what it read before, and its own appends after that. */
import type { Anomaly } from './anomaly.js';
import { describeList, describeTransaction, nameOf } from './describe.js';
import type { Element, Key } from './history.js';
import type { Transaction } from './transactions.js';

interface Known {
  /** What the key held before this transaction; null while it has not read it. */
  base: readonly Element[] | null;
  own: Element[];
}

export function findInternal(transactions: Iterable<Transaction>): Anomaly[] {
  const found: Anomaly[] = [];
  for (const transaction of transactions) {
    const contradiction = contradictionOf(transaction);
    if (!contradiction) continue;
    found.push({
      kind: 'internal',
      transactions: [transaction.id],
      explanation: [`${nameOf(transaction)} ${contradiction}`, describeTransaction(transaction)],
    });
  }
  return found;
}

function contradictionOf({ operations }: Transaction): string | undefined {
  const keys = new Map<Key, Known>();
  const appended = new Set(
    operations.flatMap(([f, key, value]) => (f === 'append' ? [nameOfElement(key, value)] : [])),
  );
  for (const [f, key, value] of operations) {
    const known: Known = keys.get(key) ?? { base: null, own: [] };
    keys.set(key, known);
    if (f === 'append') {
      known.own.push(value);
      continue;
    }
    if (value === null) continue;
    const split = value.length - known.own.length;
    const base = value.slice(0, Math.max(split, 0));
    if (split < 0 || !isEqual(value.slice(split), known.own)) {
      return `read key ${key} as ${describeList(value)}, which does not end with its own appends ${describeList(known.own)}`;
    }
    if (known.base && !isEqual(base, known.base)) {
      return `read key ${key} as ${describeList(value)}, after having read ${describeList(known.base)} before its appends`;
    }
    const early = base.find((element) => appended.has(nameOfElement(key, element)));
    if (early !== undefined)
      return `read its own append ${early} to key ${key} in the wrong place: ${describeList(value)}`;
    known.base = base;
  }
  return undefined;
}

const nameOfElement = (key: Key, element: Element): string => JSON.stringify([key, element]);

const isEqual = (a: readonly Element[], b: readonly Element[]): boolean =>
  a.length === b.length && a.every((element, at) => element === b[at]);
