import type { Coordination } from '@concordat/transaction';
import type { Replica } from '../engine/replica.js';
import type { MetricsRegistry } from './metrics-registry.js';

const MS_PER_S = 1000;

/** What is in doubt, for alerts. Hazards are told by every replica, the rest by the one that leads. */
export function exposeDoubts(registry: MetricsRegistry, replica: Replica, now: () => number): void {
  const openOf = (kind: 'contradiction' | 'unconfirmed'): number => {
    let open = 0;
    for (const hazard of replica.ledger.hazards) if (hazard.kind === kind) open += 1;
    return open;
  };
  registry.gauge(
    'concordat_open_hazards',
    'Branches whose participant contradicts the decision, and nobody has acknowledged it. Alert on any.',
    () => openOf('contradiction'),
  );
  registry.gauge(
    'concordat_unconfirmed_branches',
    'Committed branches that an operator gave up before their participant answered.',
    () => openOf('unconfirmed'),
  );
  registry.gauge(
    'concordat_orphans',
    'Prepared branches of transactions that nobody knows, heard by this leader.',
    () => replica.orphans.all().length,
  );
  const ageOfOldest = (since: (t: Coordination) => number | null | undefined): number => {
    let oldest = Number.POSITIVE_INFINITY;
    for (const t of replica.leader?.coordinations() ?? []) oldest = Math.min(oldest, since(t) ?? oldest);
    return oldest === Number.POSITIVE_INFINITY ? 0 : Math.max(0, now() - oldest) / MS_PER_S;
  };
  registry.gauge(
    'concordat_oldest_in_doubt_seconds',
    'Age of the oldest transaction that participants may have prepared and that is not decided yet, at the leader.',
    () =>
      ageOfOldest(({ outcome, state, header }) => (outcome === null && state !== 'active' ? header.createdAt : null)),
  );
  registry.gauge(
    'concordat_oldest_unfinalised_seconds',
    'Age of the oldest decision that is not carried out everywhere, at the leader.',
    () =>
      ageOfOldest(({ outcome, state, decidedAt }) => (outcome !== null && state !== 'completed' ? decidedAt : null)),
  );
}
