/**
 * What a history says about each key: who appended which element, who read what, and, from the longest committed read,
 * in which order the versions followed each other (Kingsbury and Alvaro, VLDB 2020, section 4: lists are traceable).
 */
import { type Element, HistoryError, type Key } from './history.js';
import type { Transaction } from './transactions.js';

export interface Write {
  readonly transaction: Transaction;
  readonly element: Element;
  /** Whether its transaction appended nothing more to this key. */
  readonly last: boolean;
}

export interface Observation {
  readonly transaction: Transaction;
  /** Position of the read among the operations of its transaction. */
  readonly position: number;
  readonly list: readonly Element[];
}

export interface KeyVersions {
  readonly key: Key;
  readonly writes: ReadonlyMap<Element, Write>;
  /** Reads of committed transactions. */
  readonly reads: readonly Observation[];
  /** The longest read, each element once. */
  readonly order: readonly Element[];
  /** A read that is no prefix of the longest one. */
  readonly strange: Observation | null;
  readonly longest: Observation | null;
}

export interface Versions {
  readonly keys: ReadonlyMap<Key, KeyVersions>;
  /** Committed transactions, and those of unknown outcome whose writes a committed one has read. */
  readonly effective: ReadonlySet<Transaction>;
}

interface Draft {
  writes: Map<Element, Write>;
  reads: Observation[];
}

/** @throws HistoryError when one element is appended twice to a key, since then nobody can tell whose a read shows */
export function recoverVersions(transactions: readonly Transaction[]): Versions {
  const drafts = new Map<Key, Draft>();
  const draftOf = (key: Key): Draft => {
    const known = drafts.get(key);
    if (known) return known;
    const draft = { writes: new Map(), reads: [] };
    drafts.set(key, draft);
    return draft;
  };
  for (const transaction of transactions) {
    const lastElements = new Map<Key, Element>();
    for (const [f, key, value] of transaction.operations) if (f === 'append') lastElements.set(key, value);
    transaction.operations.forEach(([f, key, value], position) => {
      const { writes, reads } = draftOf(key);
      if (f === 'r') {
        if (transaction.outcome === 'committed' && value) reads.push({ transaction, position, list: value });
        return;
      }
      const other = writes.get(value);
      if (other) {
        throw new HistoryError(
          `T${other.transaction.id} and T${transaction.id} both append ${value} to key ${key}: elements of a key must differ`,
        );
      }
      writes.set(value, { transaction, element: value, last: lastElements.get(key) === value });
    });
  }
  const keys = new Map([...drafts].map(([key, draft]) => [key, versionsOf(key, draft)]));
  return { keys, effective: effectiveOf(transactions, keys) };
}

function versionsOf(key: Key, { writes, reads }: Draft): KeyVersions {
  let longest: Observation | null = null;
  for (const read of reads) if (!longest || read.list.length > longest.list.length) longest = read;
  const strange = longest && (reads.find(({ list }) => !isPrefix(list, longest.list)) ?? null);
  return { key, writes, reads, order: [...new Set(longest?.list)], strange, longest };
}

export const isPrefix = (list: readonly Element[], of: readonly Element[]): boolean =>
  list.length <= of.length && list.every((element, at) => element === of[at]);

function effectiveOf(transactions: readonly Transaction[], keys: ReadonlyMap<Key, KeyVersions>): Set<Transaction> {
  const effective = new Set(transactions.filter(({ outcome }) => outcome === 'committed'));
  for (const { writes, reads, order, strange } of keys.values()) {
    const lists = strange ? reads.map(({ list }) => list) : [order];
    for (const element of lists.flat()) {
      const writer = writes.get(element)?.transaction;
      if (writer?.outcome === 'unknown') effective.add(writer);
    }
  }
  return effective;
}
