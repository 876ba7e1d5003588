import type { Transport } from '@concordat/transport';
import { WAITING_MAX } from '../engine/admission/bounds.js';
import type { CoordinatorApi } from '../engine/api.js';
import type { AuditApi } from '../engine/audit-api.js';
import type { Coordinator } from '../engine/coordinator.js';
import { BACKLOG_RECORDS_MAX } from '../engine/persister.js';
import type { Replica } from '../engine/replica.js';
import type { TransactionStore } from '../engine/store.js';
import { exposeAudits } from './audit-metrics.js';
import { exposeDoubts } from './in-doubt-metrics.js';
import { exposeKafka } from './kafka-metrics.js';
import type { MetricsRegistry } from './metrics-registry.js';
import { exposeRaft, type RaftParts } from './raft-metrics.js';

interface Parts {
  readonly api: Pick<CoordinatorApi, 'readiness' | 'participants'>;
  readonly replica: Replica;
  readonly coordinator: Coordinator;
  readonly log: RaftParts['log'];
  readonly members: RaftParts['members'];
  readonly audits: Pick<AuditApi, 'list'>;
  readonly config: { readonly inFlightMax: number };
  readonly store: TransactionStore;
  readonly transport: Transport;
}

const flag = (value: boolean): number => (value ? 1 : 0);

/** What is read from the parts of this process at each scrape, as against what the engine counts as it goes. */
export function exposeState(registry: MetricsRegistry, parts: Parts): void {
  exposeWork(registry, parts);
  exposeDoubts(registry, parts.replica, () => Date.now());
  exposeAdmission(registry, parts);
  exposeParticipants(registry, parts);
  exposePersistence(registry, parts);
  exposeRaft(registry, parts);
  exposeKafka(registry, parts);
  exposeAudits(registry, parts);
}

function exposeWork(registry: MetricsRegistry, { api, replica, config }: Parts): void {
  const { ledger } = replica;
  registry.gauge('concordat_ready', 'Whether this replica takes work.', () => flag(api.readiness().ready));
  registry.gauge('concordat_leads', 'Whether this replica leads.', () => flag(replica.leader?.ready ?? false));
  registry.gauge('concordat_in_flight', 'Transactions not finished.', () => replica.leader?.inFlight ?? 0);
  registry.gauge('concordat_in_flight_max', 'With so many, new work is refused.', () => config.inFlightMax);
  registry.gauge('concordat_undecided', 'Transactions not decided.', () => replica.leader?.undecided ?? 0);
  registry.gauge('concordat_reconciliation_pending', 'Whether a restore still waits for participants.', () =>
    flag(ledger.reconciliation === 'pending'),
  );
  registry.gauge(
    'concordat_locks_held',
    'Locks that are held; one that is shared counts once for each holder.',
    () => ledger.locks.size,
  );
  registry.gauge(
    'concordat_locks_waiting',
    'Calls that wait for a lock, at the leader.',
    () => replica.locks?.waitingCalls ?? 0,
  );
  registry.gauge('concordat_leased_snapshots', 'Read snapshots that are leased.', () => ledger.leases.size);
  registry.gauge(
    'concordat_watermark_lag_entries',
    'Log entries between the oldest snapshot in use, below which versions are collected, and what is applied.',
    () => (replica.leader ? ledger.appliedCsn - replica.leader.watermark : 0),
  );
}

/** How much is taken on, and how much could be. */
function exposeAdmission(registry: MetricsRegistry, { replica, coordinator: { admission } }: Parts): void {
  const load = () => replica.leader?.load;
  const names = (): string[] => [...replica.ledger.participants.keys()];
  registry.gauge(
    'concordat_admission_places',
    'Places for work under way, as many as the decision log keeps up with.',
    () => load()?.places ?? 0,
  );
  registry.gauge('concordat_admission_working', 'Places that are taken.', () => admission.working);
  registry.gauge('concordat_admission_waiting', 'Calls that wait for their turn.', () => admission.waiting);
  registry.gauge('concordat_admission_waiting_max', 'Beyond so many, calls are refused.', () => WAITING_MAX);
  registry.gauges('concordat_participant_lag', 'Commands that are not answered yet.', 'participant', () =>
    names().map((name) => [name, load()?.lagOf(name) ?? 0]),
  );
  registry.gauges('concordat_participant_lag_max', 'With so many it is asked for no more.', 'participant', () =>
    names().map((name) => [name, load()?.lagMaxOf(name) ?? 0]),
  );
}

function exposeParticipants(registry: MetricsRegistry, { api }: Parts): void {
  registry.gauges(
    'concordat_participant_suspicion',
    'Phi: minus the decimal logarithm of how often a living participant would be silent for so long, by this replica.',
    'participant',
    () => api.participants().map(({ name, suspicion }) => [name, suspicion ?? 0]),
  );
  registry.gauges('concordat_participant_up', 'Whether work for the participant is taken.', 'participant', () =>
    api.participants().map(({ name, health }) => [name, flag(health !== 'down')]),
  );
}

function exposePersistence(registry: MetricsRegistry, { replica, store }: Parts): void {
  const { ledger, persister } = replica;
  registry.gauge('concordat_postgres_available', 'Whether Postgres answers.', () => flag(store.available));
  registry.gauge('concordat_persistence_backlog', 'Changed records that wait for Postgres.', () => persister.backlog);
  registry.gauge(
    'concordat_persistence_backlog_max',
    'With so many that wait, new work is refused.',
    () => BACKLOG_RECORDS_MAX,
  );
  registry.gauge(
    'concordat_persistence_lag_entries',
    'Log entries that are applied and not yet in Postgres.',
    () => ledger.appliedIndex - persister.persistedIndex,
  );
}
