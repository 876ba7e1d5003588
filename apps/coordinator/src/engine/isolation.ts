import { ConcordatError } from '@concordat/protocol';
import type { ParticipantRecord, TransactionHeader } from '@concordat/transaction';
import type { BeginRequest } from './api.js';
import { reconciling } from './errors.js';

type Participant = Pick<ParticipantRecord, 'name' | 'isolation'>;

/**
 * The isolation that a transaction begins with. One that is left out is `local` when all participants named are, else
 * `global`. Either may name participants of both kinds: one snapshot spans the global ones.
 * @param snapshot what can be given out; null while a restored cluster reconciles, which local work need not wait for
 * @throws ConcordatError isolation-mismatch, not-ready
 */
export function isolationOf(
  { isolation, serializable = false }: BeginRequest,
  participants: readonly Participant[],
  snapshot: number | null,
): Pick<TransactionHeader, 'isolation' | 'serializable' | 'snapshot'> {
  const allLocal = participants.length > 0 && participants.every((one) => one.isolation === 'local');
  const header = { isolation: isolation ?? (allLocal ? 'local' : 'global'), serializable, snapshot } as const;
  const needsSnapshot = header.isolation === 'global' || participants.some((one) => one.isolation === 'global');
  if (snapshot === null && needsSnapshot) throw reconciling('not-ready');
  if (serializable && isolation === 'local') throw mismatch('A transaction of local isolation is not serializable.');
  for (const participant of participants) checkIsolation(header, participant);
  return header;
}

/** @throws ConcordatError isolation-mismatch when the transaction cannot have this participant */
export function checkIsolation(
  { serializable, snapshot }: Pick<TransactionHeader, 'serializable' | 'snapshot'>,
  { name, isolation }: Participant,
): void {
  if (serializable) mustBeGlobal('A serializable transaction', { name, isolation });
  if (snapshot !== null || isolation === 'local') return;
  throw mismatch(`${name} works at a snapshot, and the transaction has none.`, name);
}

/** @throws ConcordatError isolation-mismatch */
export function mustBeGlobal(who: string, { name, isolation }: Participant): void {
  if (isolation !== 'global') throw mismatch(`${who} needs global isolation, ${name} offers ${isolation}.`, name);
}

const mismatch = (message: string, participant?: string): ConcordatError =>
  new ConcordatError('isolation-mismatch', message, { ...(participant !== undefined && { participant }) });
