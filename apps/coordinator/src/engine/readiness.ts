/** Whether callers are to be sent to this replica. */
import type { Check, Readiness } from './api.js';
import type { Replica, ReplicaPorts } from './replica.js';

const REMOVED = 'this member was removed from its cluster; empty its log and its database, and it joins anew';

export interface ReadinessQuestion {
  readonly replica: Pick<Replica, 'leader' | 'persister'>;
  readonly ports: Pick<ReplicaPorts, 'log' | 'messenger' | 'store'>;
  /** Whether everything committed until shortly before now is applied here. */
  readonly inContact: boolean;
  readonly stopping: boolean;
}

export function readinessOf({ replica, ports, inContact, stopping }: ReadinessQuestion): Readiness {
  const { log, messenger, store } = ports;
  const { leader, persister } = replica;
  const checks: Check[] = [
    ...(log.removed ? [{ name: 'member', ok: false, detail: REMOVED }] : []),
    { name: 'leader', ok: leader?.ready ?? (log.leaderKnown && inContact) },
    // Kafka is everybody's: were it to decide, all replicas would leave the Service at once, and callers would find nobody
    // to tell them when to come back. Until it was joined once, though, nobody has relied on this replica yet.
    { name: 'kafka', ok: messenger.available, ...(messenger.joined && { advisory: true }) },
    { name: 'postgres', ok: store.available || !persister.full, detail: `backlog ${persister.backlog}` },
    { name: 'stopping', ok: !stopping },
  ];
  return { ready: checks.every(({ ok, advisory }) => ok || advisory), checks };
}
