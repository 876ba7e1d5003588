import { type AnomalyKind, CYCLE_KINDS, OTHER_KINDS } from './anomaly.js';

/**
 * What an isolation level promises.
 * - `base`: snapshot isolation allows cycles only where two rw edges follow each other (Cerone and Gotsman, "Analysing
 *   Snapshot Isolation", PODC 2016), that is G2; serializability allows none.
 * - `order`: a strong-session model respects the order of each process as well, a strong one the order in real time.
 */
export interface Model {
  readonly base: 'snapshot' | 'serializable';
  readonly order: 'none' | 'session' | 'real-time';
}

export const MODELS = {
  'snapshot-isolation': { base: 'snapshot', order: 'none' },
  'strong-session-snapshot-isolation': { base: 'snapshot', order: 'session' },
  'strong-snapshot-isolation': { base: 'snapshot', order: 'real-time' },
  serializable: { base: 'serializable', order: 'none' },
  'strong-session-serializable': { base: 'serializable', order: 'session' },
  'strict-serializable': { base: 'serializable', order: 'real-time' },
} as const satisfies Record<string, Model>;

export type ModelName = keyof typeof MODELS;

export const isModelName = (name: string): name is ModelName => Object.hasOwn(MODELS, name);

/** The kinds of anomaly that may not occur under a model. */
export function forbiddenBy(name: ModelName): ReadonlySet<AnomalyKind> {
  const { base, order }: Model = MODELS[name];
  const cycles = CYCLE_KINDS.filter((kind) => kind !== 'G2' || base === 'serializable');
  const withOrder = (suffix: '-process' | '-realtime') => cycles.map((kind): AnomalyKind => `${kind}${suffix}`);
  return new Set<AnomalyKind>([
    ...OTHER_KINDS,
    ...cycles,
    ...(order === 'none' ? [] : withOrder('-process')),
    ...(order === 'real-time' ? withOrder('-realtime') : []),
  ]);
}
