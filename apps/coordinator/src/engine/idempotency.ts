import type { Coordination, IdempotencyClaim, KeyRecord, Ledger } from '@concordat/transaction';
import { keyReused } from './errors.js';
import type { TransactionStore } from './store.js';

const nameOf = ({ caller, key }: Pick<IdempotencyClaim, 'caller' | 'key'>): string => `${caller}\u0000${key}`;

/**
 * Which transaction an idempotency key stands for (D8): one that is under way in this process, one that the ledger
 * holds in memory, or an older one in Postgres.
 */
export class IdempotencyKeys {
  /** Keys of calls under way, until their entry is applied. */
  readonly #underWay = new Map<string, KeyRecord>();

  constructor(
    private readonly ledger: Ledger,
    private readonly store: TransactionStore,
  ) {}

  /**
   * @returns the id that the key stands for, or undefined for a new key
   * @throws ConcordatError idempotency-key-reused when it was bound to a different request; postgres-unavailable when it
   * would have to be looked up there and cannot
   */
  async resolve(claim: IdempotencyClaim): Promise<string | undefined> {
    const found = this.#inMemory(claim) ?? (await this.#inPostgres(claim)) ?? this.#inMemory(claim);
    return found && sameRequest(found, claim);
  }

  /**
   * Binds a key from this moment on, unless another call has bound it since `resolve` was asked.
   * @returns undefined, or the id that the other call bound it to
   * @throws ConcordatError idempotency-key-reused
   */
  claim(claim: IdempotencyClaim, transactionId: string, now: number): string | undefined {
    const found = this.#inMemory(claim);
    if (found) return sameRequest(found, claim);
    this.#underWay.set(nameOf(claim), { ...claim, transactionId, createdAt: now });
    return undefined;
  }

  /** @throws ConcordatError idempotency-key-reused when the key stands for another transaction; as `resolve` */
  async check(claim: IdempotencyClaim, transactionId: string): Promise<void> {
    const known = await this.resolve(claim);
    if (known !== undefined && known !== transactionId) throw keyReused(known);
  }

  /** Binds the key of a call on a transaction, unless it has one or is settled. @returns what its entry is to carry */
  claimFor(t: Coordination, claim: IdempotencyClaim | undefined, now: number): readonly IdempotencyClaim[] {
    if (!claim || t.outcome !== null || t.claims.some(({ key }) => key === claim.key)) return [];
    return this.claim(claim, t.header.id, now) === undefined ? [claim] : [];
  }

  /** The ledger knows the key now. */
  release(claim: IdempotencyClaim): void {
    this.#underWay.delete(nameOf(claim));
  }

  /** Leadership is lost: a key whose entry was lost with it stands for nothing; the ledger knows all others. */
  releaseAll(): void {
    this.#underWay.clear();
  }

  /** Whether a key stands for a transaction, as far as memory tells. */
  isKnown(caller: string, key: string): boolean {
    return this.#inMemory({ caller, key }) !== undefined;
  }

  #inMemory(claim: Pick<IdempotencyClaim, 'caller' | 'key'>): KeyRecord | undefined {
    return this.#underWay.get(nameOf(claim)) ?? this.ledger.findKey(claim.caller, claim.key);
  }

  async #inPostgres(claim: IdempotencyClaim): Promise<KeyRecord | undefined> {
    return this.ledger.keysComplete ? undefined : await this.store.findKey(claim.caller, claim.key);
  }
}

function sameRequest(found: KeyRecord, claim: IdempotencyClaim): string {
  if (found.requestHash !== claim.requestHash) throw keyReused(found.transactionId);
  return found.transactionId;
}
