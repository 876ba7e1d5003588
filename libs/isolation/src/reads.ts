/** Anomalies that single keys show, without any cycle. Each is told once for a key and element, not for every reader. */
import type { Anomaly, OtherKind } from './anomaly.js';
import { describeList, describeTransaction, describeVersion, nameOf } from './describe.js';
import type { Element } from './history.js';
import type { Transaction } from './transactions.js';
import type { KeyVersions, Observation, Versions } from './versions.js';

export function findInKeys({ keys }: Versions): Anomaly[] {
  return [...keys.values()].flatMap((versions) => [
    ...contradictingOrders(versions),
    ...strangeElements(versions),
    ...dirtyUpdates(versions),
    ...lostUpdates(versions),
  ]);
}

function contradictingOrders({ key, reads, strange, longest }: KeyVersions): Anomaly[] {
  const found: Anomaly[] = [];
  const repeating = reads.find(({ list }) => new Set(list).size < list.length);
  if (repeating) {
    const { transaction, list } = repeating;
    const twice = list.find((element, at) => list.indexOf(element) < at);
    found.push(
      anomaly(
        'duplicate-elements',
        [transaction],
        `${nameOf(transaction)} read ${twice} twice in key ${key}: ${describeList(list)}`,
      ),
    );
  }
  if (strange && longest) {
    const tell = ({ transaction, list }: Observation) =>
      `${nameOf(transaction)} read key ${key} as ${describeList(list)}`;
    found.push(
      anomaly(
        'incompatible-order',
        [strange.transaction, longest.transaction],
        `${tell(strange)}, ${tell(longest)}: neither is the beginning of the other`,
      ),
    );
  }
  return found;
}

/** Elements in reads that should not be there: never written, written by an aborted transaction, or half of what was written. */
function strangeElements({ key, writes, reads }: KeyVersions): Anomaly[] {
  const found = new Map<string, Anomaly>();
  const note = (kind: OtherKind, element: Element, involved: readonly Transaction[], text: string) => {
    const name = `${kind} ${JSON.stringify(element)}`;
    if (!found.has(name)) found.set(name, anomaly(kind, involved, text));
  };
  const judged = new Set<Element>(); // prefixes repeat, so each element is judged once
  for (const { transaction, list } of reads) {
    const reader = nameOf(transaction);
    for (const element of list) {
      if (judged.has(element)) continue;
      judged.add(element);
      const writer = writes.get(element)?.transaction;
      if (!writer) {
        note('garbage-read', element, [transaction], `${reader} read ${element} in key ${key}, which nobody appended`);
      } else if (writer.outcome === 'aborted') {
        const text = `${reader} read ${element} in key ${key}, which ${nameOf(writer)} appended, and that aborted`;
        note('G1a', element, [writer, transaction], text);
      }
    }
    const end = list.at(-1);
    const write = end === undefined ? undefined : writes.get(end);
    if (end !== undefined && write && !write.last && write.transaction !== transaction) {
      const text = `${reader} read ${describeVersion(key, end)}, but ${nameOf(write.transaction)}, which appended it, then appended more`;
      note('G1b', end, [write.transaction, transaction], text);
    }
  }
  return [...found.values()];
}

function dirtyUpdates({ key, writes, order }: KeyVersions): Anomaly[] {
  let aborted: { element: Element; transaction: Transaction } | undefined;
  for (const element of order) {
    const transaction = writes.get(element)?.transaction;
    if (transaction?.outcome === 'aborted') aborted ??= { element, transaction };
    if (!aborted || transaction?.outcome !== 'committed') continue;
    const text = `${nameOf(transaction)} appended ${element} to key ${key} on top of ${aborted.element}, which ${nameOf(aborted.transaction)} appended, and that aborted`;
    return [anomaly('dirty-update', [aborted.transaction, transaction], text)];
  }
  return [];
}

/** Two that read the same version and then both wrote the next. */
function lostUpdates({ key, reads }: KeyVersions): Anomaly[] {
  const updaters = new Map<string, { last: Element | null; transactions: Set<Transaction> }>();
  for (const { transaction, position, list } of reads) {
    const append = transaction.operations.findIndex(([f, of]) => f === 'append' && of === key);
    if (append < position) continue;
    const name = JSON.stringify([list.length, list.at(-1)]);
    const group = updaters.get(name) ?? { last: list.at(-1) ?? null, transactions: new Set() };
    updaters.set(name, group);
    group.transactions.add(transaction);
  }
  return [...updaters.values()].flatMap(({ last, transactions }) => {
    if (transactions.size < 2) return [];
    const names = [...transactions].map(nameOf).join(' and ');
    return [
      anomaly(
        'lost-update',
        [...transactions],
        `${names} each read ${describeVersion(key, last)} and then appended to it`,
      ),
    ];
  });
}

const anomaly = (kind: OtherKind, involved: readonly Transaction[], text: string): Anomaly => ({
  kind,
  transactions: involved.map(({ id }) => id),
  explanation: [text, ...involved.map(describeTransaction)],
});
