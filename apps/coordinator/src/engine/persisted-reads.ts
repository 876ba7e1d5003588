import { unavailable } from './errors.js';
import type { Persister } from './persister.js';
import type { TransactionStore } from './store.js';
import { within } from './within.js';

/** How long a read waits for Postgres to hold what is applied, in ms. */
const COVER_MS_MAX = 10_000;

/**
 * Lists wait until Postgres holds everything that was applied when the call came.
 * @throws ConcordatError postgres-unavailable
 */
export async function mustCover(persister: Persister, store: TransactionStore): Promise<void> {
  if (!store.available) throw unavailable('postgres-unavailable', 'Postgres cannot be reached.');
  const covered = persister.covers().then(() => true);
  if (await within(covered, COVER_MS_MAX)) return;
  throw unavailable('postgres-unavailable', 'Postgres lags behind the decision log.');
}
