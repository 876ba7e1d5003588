/** An engine over what a restore leaves in Postgres, before the participants have told what they hold. */
import { formatTransactionId } from '@concordat/protocol';
import type { TransactionRecord } from '@concordat/transaction';
import { type Engine, heartbeatOf, startEngine } from './engine.js';
import { MemoryStore } from './memory-store.js';
import { record } from './stored-records.js';

/** When the backup was taken, and when it was restored: each an incarnation. */
const OLD = 1_700_000_000_000;
export const NEW = 1_800_000_000_000;

/** The id of a transaction from before the backup. */
export const old = (sequence: number): string => formatTransactionId({ incarnation: OLD, term: 7, sequence });

/** A transaction that was preparing at east and west when the backup was taken. */
export const undecided = (sequence: number, more: Partial<TransactionRecord> = {}): TransactionRecord =>
  record(sequence, {
    id: old(sequence),
    label: 'before the backup',
    caller: 'shop',
    createdAt: 1,
    deadlineAt: 2,
    status: 'preparing',
    branches: ['east', 'west'].map((participant, n) => {
      return { id: String(n + 1), participant, operation: 'debit', status: 'preparing', result: null, reason: null };
    }),
    ...more,
  });

class RestoredStore extends MemoryStore {
  override async open(memberId: string) {
    const participants = ['east', 'west'].map((name) => {
      return { name, isolation: 'local' as const, operations: heartbeatOf(name).operations, registeredAt: 1 };
    });
    return { ...(await super.open(memberId)), incarnation: NEW, reconciliation: 'pending' as const, participants };
  }
}

/** @param records what the backup held */
export async function restored(...records: TransactionRecord[]): Promise<Engine> {
  const store = new RestoredStore();
  for (const one of records) store.transactions.set(one.id, one);
  const engine = await startEngine({ store });
  engine.log.applyAll();
  return engine;
}
