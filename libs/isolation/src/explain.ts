import { type Anomaly, type AnomalyKind, type CycleKind, MEANINGS, type OtherKind } from './anomaly.js';
import type { Cycle } from './cycles.js';
import type { Edge } from './dependencies.js';
import { describeTransaction, describeVersion } from './describe.js';
import type { Transaction } from './transactions.js';

/** What a kind of anomaly is, for people. */
export function meaningOf(kind: AnomalyKind): string {
  const base = kind.replace(/-(process|realtime)$/, '') as CycleKind | OtherKind;
  const order = kind.endsWith('-process') ? ', by the order of a process' : '';
  return `${MEANINGS[base]}${kind.endsWith('-realtime') ? ', by the order in real time' : order}`;
}

/** A cycle told edge by edge, then the transactions in it. */
export function explainCycle({ kind, edges }: Cycle, transactions: readonly Transaction[]): Anomaly {
  const members = edges.map(({ from }) => transactions[from] as Transaction);
  const way = [...edges, edges[0] as Edge].map(({ from }) => `T${from}`);
  const arrows = edges.map((edge) => edge.kind);
  return {
    kind,
    transactions: members.map(({ id }) => id),
    explanation: [
      way.map((name, at) => (at < arrows.length ? `${name} -${arrows[at]}→ ` : name)).join(''),
      ...edges.map(explainEdge),
      ...members.map(describeTransaction),
    ],
  };
}

function explainEdge({ from, to, kind, key, earlier, later }: Edge): string {
  switch (kind) {
    case 'ww':
      return `T${from} came before T${to}, since T${to} appended ${later} to key ${key} after ${earlier}, which T${from} had appended (ww)`;
    case 'wr':
      return `T${from} came before T${to}, since T${to} read ${describeVersion(key ?? '', earlier ?? null)}, which T${from} had appended (wr)`;
    case 'rw':
      return `T${from} came before T${to}, since T${from} read ${describeVersion(key ?? '', earlier ?? null)} and missed ${later}, which T${to} appended next (rw)`;
    case 'process':
      return `T${from} came before T${to}, since their process invoked T${to} after T${from} was answered (process)`;
    case 'realtime':
      return `T${from} came before T${to}, since T${to} was invoked after T${from} was answered (realtime)`;
  }
}
