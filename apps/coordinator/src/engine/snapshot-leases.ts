/**
 * The leader's part in leased snapshots: proposes them, answers when they are applied, ends them when their time is over.
 *
 * - E1 A lease is answered once its own entry is applied, so its snapshot is the true leader's, without a ReadIndex.
 * - E2 D9: a lease ends by an entry. Leaders' clocks differ, so a new leader counts the whole time anew: a lease lasts at
 *   least as long as it was promised, and longer where leadership changed.
 * - E3 Safety hangs on neither: a read below what was collected is refused by the participant (S7).
 */
import { randomInt } from 'node:crypto';
import { ConcordatError, formatTransactionId } from '@concordat/protocol';
import type { Change, Entry, Ledger, SnapshotLease } from '@concordat/transaction';
import { unavailable } from './errors.js';
import type { Clock } from './ports.js';
import { within } from './within.js';

/** Each one keeps versions from being collected in every participant. */
export const SNAPSHOT_LEASES_MAX = 1_000;
/** How long a call waits for its entry to be applied. */
/** What randomInt can give. */
const LEASE_NUMBER_MAX = 2 ** 48 - 1;
const ENTRY_WAIT_MS_MAX = 10_000;
/** A new leader may not know yet that all members understand a release: it ends the lease when it does. */
const END_RETRY_MS = 1_000;

export interface SnapshotLeasesPorts {
  readonly ledger: Ledger;
  readonly clock: Clock;
  /** Returns false when the entry was not taken. */
  readonly propose: (entry: Entry) => boolean;
}

export class SnapshotLeases {
  readonly #ends = new Map<string, NodeJS.Timeout>();
  readonly #leasing = new Map<string, (lease: SnapshotLease | undefined) => void>();
  readonly #releasing = new Map<string, Set<(released: boolean) => void>>();

  /** Begins to count for what is leased already (E2). */
  constructor(
    private readonly term: number,
    private readonly ports: SnapshotLeasesPorts,
  ) {
    for (const lease of ports.ledger.leases.values()) this.#endLater(lease.id, lease.ttlMs);
  }

  /** @throws ConcordatError too-many-snapshots; not-ready when leadership is lost before the entry is applied */
  async lease(ttlMs: number): Promise<SnapshotLease> {
    const { ledger, clock, propose } = this.ports;
    if (ledger.leases.size + this.#leasing.size >= SNAPSHOT_LEASES_MAX) {
      throw new ConcordatError(
        'too-many-snapshots',
        `${SNAPSHOT_LEASES_MAX} snapshots are leased, which is the limit.`,
      );
    }
    const { incarnation } = ledger;
    // Whoever has the id may end the lease, so it cannot be guessed.
    const id = `s-${formatTransactionId({ incarnation, term: this.term, sequence: randomInt(1, LEASE_NUMBER_MAX) })}`;
    const leased = new Promise<SnapshotLease | undefined>((resolve) => this.#leasing.set(id, resolve));
    propose({ type: 'lease', id, ttlMs, at: clock.now() });
    const lease = await within(leased, ENTRY_WAIT_MS_MAX);
    this.#leasing.delete(id);
    if (!lease) throw unavailable('not-ready', 'The lease could not be made durable.');
    return lease;
  }

  /** Resolves when the release is applied. @throws ConcordatError not-ready, as above */
  async release(id: string): Promise<void> {
    const waiting = this.#releasing.get(id) ?? new Set();
    this.#releasing.set(id, waiting);
    const released = new Promise<boolean>((resolve) => waiting.add(resolve));
    if (waiting.size === 1) this.ports.propose({ type: 'release', ids: [id] });
    if (!(await within(released, ENTRY_WAIT_MS_MAX))) throw unavailable('not-ready', 'The release is not durable yet.');
  }

  onChange({ leased, released }: Change): void {
    if (leased) {
      this.#endLater(leased.id, leased.ttlMs);
      this.#leasing.get(leased.id)?.(leased);
    }
    for (const id of released ?? []) {
      clearTimeout(this.#ends.get(id));
      this.#ends.delete(id);
      for (const resolve of this.#releasing.get(id) ?? []) resolve(true);
      this.#releasing.delete(id);
    }
  }

  /** Leadership is lost: nothing ends here any more, and whoever waits is sent elsewhere. */
  stop(): void {
    for (const timer of this.#ends.values()) clearTimeout(timer);
    for (const resolve of this.#leasing.values()) resolve(undefined);
    for (const waiting of this.#releasing.values()) for (const resolve of waiting) resolve(false);
  }

  #endLater(id: string, afterMs: number): void {
    const timer = setTimeout(() => {
      if (!this.ports.propose({ type: 'release', ids: [id] })) this.#endLater(id, END_RETRY_MS);
    }, afterMs);
    timer.unref();
    this.#ends.set(id, timer);
  }
}
