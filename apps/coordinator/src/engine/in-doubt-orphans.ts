import type { Vote } from '@concordat/protocol';
import type { Clock } from './ports.js';

/** Orphans remembered at most; the one that was heard least lately makes room. */
export const ORPHANS_MAX = 1_000;
/** One that is not heard for this long has ended: a prepared branch repeats its vote every few seconds. */
export const ORPHAN_SILENT_MS = 30_000;

/** A branch that is prepared, and that this cluster can say nothing to: it never knew, or no longer knows, the transaction. */
export interface Orphan {
  readonly transactionId: string;
  readonly participant: string;
  /** When this leader heard of it first and last, Unix ms. */
  readonly since: number;
  readonly heardAt: number;
}

/**
 * Prepared branches of transactions that nobody knows, by their repeated votes. They are of incarnations that this cluster
 * has neither led nor been restored from, so nothing may be presumed (D6): an operator ends them. Volatile: they repeat
 * themselves, so that the next leader knows of them within seconds.
 */
export class Orphans {
  readonly #heard = new Map<string, Orphan>();

  constructor(private readonly clock: Clock) {}

  hear({ transactionId, participant }: Vote): void {
    const key = `${transactionId} ${participant}`;
    const now = this.clock.now();
    const since = this.#heard.get(key)?.since ?? now;
    this.#heard.delete(key);
    this.#heard.set(key, { transactionId, participant, since, heardAt: now });
    if (this.#heard.size > ORPHANS_MAX) this.#heard.delete(this.#heard.keys().next().value as string);
  }

  /** Those that were heard lately. */
  all(): Orphan[] {
    const silentSince = this.clock.now() - ORPHAN_SILENT_MS;
    for (const [key, { heardAt }] of this.#heard) if (heardAt < silentSince) this.#heard.delete(key);
    return [...this.#heard.values()];
  }

  /** Participants that hold a prepared branch of it. */
  holders(transactionId: string): string[] {
    return this.all()
      .filter((orphan) => orphan.transactionId === transactionId)
      .map(({ participant }) => participant);
  }

  /** Somebody has decided what becomes of it. */
  settled(transactionId: string): void {
    for (const [key, orphan] of this.#heard) if (orphan.transactionId === transactionId) this.#heard.delete(key);
  }

  clear(): void {
    this.#heard.clear();
  }
}
