/**
 * The direct serialisation graph (Adya's thesis, section 3.1) of what a history shows: who must have come before whom.
 *
 * Every edge is a conclusion that no correct database can contradict; where the history leaves something open, the weaker
 * edge is drawn. So no anomaly is ever made up, while some may be missed.
 */
import type { Element, Key } from './history.js';
import type { Transaction } from './transactions.js';
import { isPrefix, type KeyVersions, type Versions } from './versions.js';

/**
 * - `ww`: `to` overwrote what `from` wrote. `wr`: `to` read what `from` wrote. `rw`: `from` missed what `to` wrote.
 * - `process`: `from` was answered before the same process invoked `to`. `realtime`: before any process invoked `to`.
 */
export type EdgeKind = 'ww' | 'wr' | 'rw' | 'process' | 'realtime';

export interface Edge {
  readonly from: number;
  readonly to: number;
  readonly kind: EdgeKind;
  readonly key?: Key;
  /** ww, wr: what `from` appended. rw: the last that `from` saw; null if the list was empty. */
  readonly earlier?: Element | null;
  /** ww, rw: what `to` appended. */
  readonly later?: Element;
}

/** @returns the edges that data show, over transaction ids */
export function dataEdges({ keys, effective }: Versions): Edge[] {
  const edges: Edge[] = [];
  const readsOfUnknown = readsByKey([...effective].filter(({ outcome }) => outcome === 'unknown'));
  for (const versions of keys.values()) addKeyEdges(versions, readsOfUnknown.get(versions.key) ?? [], effective, edges);
  return edges;
}

type KeyRead = Pick<KeyVersions['reads'][number], 'transaction' | 'list'>;

function readsByKey(transactions: readonly Transaction[]): Map<Key, KeyRead[]> {
  const reads = new Map<Key, KeyRead[]>();
  for (const transaction of transactions) {
    for (const [f, key, list] of transaction.operations) {
      if (f !== 'r' || !list) continue;
      const known = reads.get(key);
      if (known) known.push({ transaction, list });
      else reads.set(key, [{ transaction, list }]);
    }
  }
  return reads;
}

interface Link {
  readonly element: Element;
  readonly writer: number;
}

function addKeyEdges(
  { key, writes, reads, order, strange }: KeyVersions,
  otherReads: readonly KeyRead[],
  effective: ReadonlySet<Transaction>,
  edges: Edge[],
): void {
  const chain: Link[] = [];
  /** How many links the first n elements of the order have made. */
  const linksUpTo = [0];
  for (const element of order) {
    const writer = writes.get(element)?.transaction;
    if (writer && effective.has(writer)) chain.push({ element, writer: writer.id });
    linksUpTo.push(chain.length);
  }
  // An append that took effect and that no read shows came after all that they show, else the longest would show it.
  const shown = new Set(order);
  const unseen = strange
    ? []
    : [...writes.values()].filter(({ element, transaction }) => effective.has(transaction) && !shown.has(element));
  const unseenLinks = unseen.map(({ element, transaction }) => ({ element, writer: transaction.id }));

  chain.forEach(({ element, writer }, at) => {
    const next = at + 1 < chain.length ? chain.slice(at + 1, at + 2) : unseenLinks;
    for (const { element: later, writer: to } of next) {
      if (to !== writer) edges.push({ from: writer, to, kind: 'ww', key, earlier: element, later });
    }
  });
  const seen = new Set<string>();
  for (const { transaction, list } of [...reads, ...otherReads]) {
    const name = `${transaction.id} ${list.length}`;
    if (seen.has(name) || !isPrefix(list, order)) continue;
    seen.add(name);
    addReadEdges({ key, reader: transaction.id, links: linksUpTo[list.length] ?? 0, chain, unseenLinks }, edges);
  }
}

interface ReadOfChain {
  readonly key: Key;
  readonly reader: number;
  /** How many links of the chain the reader saw. */
  readonly links: number;
  readonly chain: readonly Link[];
  readonly unseenLinks: readonly Link[];
}

function addReadEdges({ key, reader, links, chain, unseenLinks }: ReadOfChain, edges: Edge[]): void {
  let foreign = links;
  while (chain[foreign - 1]?.writer === reader) foreign -= 1;
  const last = chain[foreign - 1];
  if (last) edges.push({ from: last.writer, to: reader, kind: 'wr', key, earlier: last.element });
  if (foreign < links) return; // it saw an append of its own last: what follows is a ww edge
  const missed = links < chain.length ? chain.slice(links, links + 1) : unseenLinks;
  for (const { element: later, writer } of missed) {
    if (writer !== reader)
      edges.push({ from: reader, to: writer, kind: 'rw', key, earlier: last?.element ?? null, later });
  }
}

/** From each transaction to the next of its process. Who got no answer has promised nothing to its process. */
export function processEdges(transactions: readonly Transaction[], effective: ReadonlySet<Transaction>): Edge[] {
  const latest = new Map<Transaction['process'], number>();
  const edges: Edge[] = [];
  for (const transaction of transactions) {
    if (!effective.has(transaction)) continue;
    const before = latest.get(transaction.process);
    if (before !== undefined) edges.push({ from: before, to: transaction.id, kind: 'process' });
    if (transaction.outcome === 'committed') latest.set(transaction.process, transaction.id);
  }
  return edges;
}

/**
 * From each transaction that was answered to those invoked later, without the edges that follow from others: only the
 * latest answered ones point at an invocation, which are at most as many as there are processes.
 */
export function realtimeEdges(transactions: readonly Transaction[], effective: ReadonlySet<Transaction>): Edge[] {
  const moments = transactions
    .filter((transaction) => effective.has(transaction))
    .flatMap((transaction) => [
      { at: transaction.invokedAt, transaction, invoked: true },
      ...(transaction.outcome === 'committed'
        ? [{ at: transaction.answeredAt ?? 0, transaction, invoked: false }]
        : []),
    ])
    .sort((a, b) => a.at - b.at);
  const edges: Edge[] = [];
  let latest: Transaction[] = [];
  for (const { transaction, invoked } of moments) {
    if (invoked) {
      for (const { id } of latest) edges.push({ from: id, to: transaction.id, kind: 'realtime' });
    } else {
      latest = [...latest.filter(({ answeredAt }) => (answeredAt ?? 0) > transaction.invokedAt), transaction];
    }
  }
  return edges;
}
