import type { Ledger } from '@concordat/transaction';

/** Calls that wait for this replica to catch up; more are told at once that it has not. */
const APPLIED_WAITERS_MAX = 10_000;

interface Waiter {
  readonly csn: number;
  readonly resolve: (reached: boolean) => void;
  readonly timer: NodeJS.Timeout;
}

/** Who waits for the ledger to have applied a CSN. */
export class AppliedWaiters {
  readonly #waiters = new Set<Waiter>();

  constructor(private readonly ledger: Pick<Ledger, 'appliedCsn'>) {}

  /** @returns whether everything up to `csn` is applied, after at most `waitMsMax` ms */
  reach(csn: number, waitMsMax: number): Promise<boolean> | boolean {
    if (this.ledger.appliedCsn >= csn) return true;
    if (this.#waiters.size >= APPLIED_WAITERS_MAX) return false;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#end(waiter, false), waitMsMax);
      const waiter: Waiter = { csn, resolve, timer };
      this.#waiters.add(waiter);
    });
  }

  /** The ledger has moved on. */
  onApplied(): void {
    if (this.#waiters.size === 0) return;
    const { appliedCsn } = this.ledger;
    for (const waiter of this.#waiters) if (waiter.csn <= appliedCsn) this.#end(waiter, true);
  }

  #end(waiter: Waiter, reached: boolean): void {
    clearTimeout(waiter.timer);
    this.#waiters.delete(waiter);
    waiter.resolve(reached);
  }
}
