/**
 * Checks a history against an isolation level, by the method of Elle (Kingsbury and Alvaro, "Elle: Inferring Isolation
 * Anomalies from Experimental Observations", VLDB 2020): recover the order of versions from list-append reads, draw the
 * dependencies that follow, and look for what the level forbids.
 */
import type { Anomaly, AnomalyKind } from './anomaly.js';
import { findCycles } from './cycles.js';
import { dataEdges, processEdges, realtimeEdges } from './dependencies.js';
import { explainCycle } from './explain.js';
import type { HistoryEvent } from './history.js';
import { findInternal } from './internal.js';
import { forbiddenBy, MODELS, type ModelName } from './models.js';
import { findInKeys } from './reads.js';
import { pairTransactions } from './transactions.js';
import { recoverVersions } from './versions.js';

export interface IsolationReport {
  readonly model: ModelName;
  /** Nothing was found that the model forbids. */
  readonly valid: boolean;
  readonly forbidden: readonly Anomaly[];
  /** What was found besides, such as write skew under snapshot isolation. */
  readonly allowed: readonly Anomaly[];
  /** How many of each kind were told: of cycles the shortest of each kind in each tangle, so this is no frequency. */
  readonly counts: Readonly<Partial<Record<AnomalyKind, number>>>;
  readonly transactions: {
    readonly committed: number;
    readonly aborted: number;
    readonly unknown: number;
    /** Of the unknown ones, those that a committed read shows. */
    readonly unknownSeen: number;
  };
  readonly keys: number;
  readonly edges: number;
}

/**
 * @param history as parsed by `parseHistory`
 * @throws HistoryError when the history is none that clients can have made
 */
export function checkHistory(history: readonly HistoryEvent[], model: ModelName): IsolationReport {
  const transactions = pairTransactions(history);
  const versions = recoverVersions(transactions);
  const { effective } = versions;
  const { order } = MODELS[model];
  const edges = dataEdges(versions);
  if (order !== 'none') edges.push(...processEdges(transactions, effective));
  if (order === 'real-time') for (const edge of realtimeEdges(transactions, effective)) edges.push(edge);
  const orders = { none: [], session: ['process'], 'real-time': ['process', 'realtime'] } as const;
  const anomalies = [
    ...findInternal(effective),
    ...findInKeys(versions),
    ...findCycles(transactions.length, edges, orders[order]).map((cycle) => explainCycle(cycle, transactions)),
  ];
  const forbiddenKinds = forbiddenBy(model);
  const forbidden = anomalies.filter(({ kind }) => forbiddenKinds.has(kind));
  const count = (outcome: string) => transactions.filter((one) => one.outcome === outcome).length;
  return {
    model,
    valid: forbidden.length === 0,
    forbidden,
    allowed: anomalies.filter(({ kind }) => !forbiddenKinds.has(kind)),
    counts: countKinds(anomalies),
    transactions: {
      committed: count('committed'),
      aborted: count('aborted'),
      unknown: count('unknown'),
      unknownSeen: [...effective].filter(({ outcome }) => outcome === 'unknown').length,
    },
    keys: versions.keys.size,
    edges: edges.length,
  };
}

function countKinds(anomalies: readonly Anomaly[]): Partial<Record<AnomalyKind, number>> {
  const counts: Partial<Record<AnomalyKind, number>> = {};
  for (const { kind } of anomalies) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}
