import { ConcordatError, type StatusesAnswer, type StatusesRequest } from '@concordat/protocol';
import type { SnapshotLease } from '@concordat/transaction';
import type { SnapshotApi } from './api.js';
import { reconciling, unavailable, upgradeFirst } from './errors.js';
import type { EngineMetrics } from './ports.js';
import type { Replica } from './replica.js';
import { type StatusSource, statusesOf } from './statuses.js';

/** How long a call waits for this replica to have applied what the caller has seen elsewhere. */
export const APPLIED_WAIT_MS_MAX = 2_000;

/** Snapshots as callers and participants see them: leases, and what became of transactions, from memory. */
export class Snapshots implements SnapshotApi {
  readonly #source: StatusSource;

  /** @param confirm ReadIndex; throws `not-ready` */
  constructor(
    private readonly replica: Replica,
    private readonly metrics: EngineMetrics,
    private readonly confirm: () => Promise<void>,
  ) {
    const { ledger } = replica;
    this.#source = {
      get appliedCsn() {
        return ledger.appliedCsn;
      },
      live: ledger.live,
      hazards: ledger.hazards,
      get leader() {
        return replica.leader;
      },
    };
  }

  async reach(csn: number): Promise<void> {
    if (await this.replica.applied.reach(csn, APPLIED_WAIT_MS_MAX)) return;
    const message = `This replica has applied everything up to ${this.replica.ledger.appliedCsn}, not up to ${csn}.`;
    throw unavailable('snapshot-unavailable', message);
  }

  async statuses({ transactionIds, minCsn, linearizable }: StatusesRequest): Promise<StatusesAnswer> {
    if (linearizable) await this.confirm();
    if (minCsn !== undefined) await this.reach(minCsn);
    // A commit of an earlier incarnation may still turn up with its old CSN: `undecided` could not be kept.
    if (this.replica.isReconciling) throw reconciling('snapshot-unavailable');
    const answer = statusesOf(this.#source, transactionIds);
    this.metrics.statusesAnswered(answer.statuses);
    return answer;
  }

  async lease(ttlMs: number): Promise<SnapshotLease> {
    if (this.replica.isReconciling) throw reconciling('not-ready');
    return this.#leases().lease(ttlMs);
  }

  async read(id: string): Promise<SnapshotLease> {
    await this.confirm();
    const lease = this.replica.ledger.leases.get(id);
    if (lease) return lease;
    throw new ConcordatError('snapshot-not-found', `No snapshot is leased as ${JSON.stringify(id.slice(0, 100))}.`);
  }

  async release(id: string): Promise<void> {
    await this.read(id);
    return this.#leases().release(id);
  }

  #leases() {
    const { leases } = this.replica;
    if (!leases) throw unavailable('not-ready', 'This coordinator does not lead (yet).');
    if (!this.replica.understood('lease')) throw upgradeFirst('Snapshots are leased', this.replica.behind('lease'));
    return leases;
  }
}
