/**
 * Fencing tokens at a resource: work with a token that is older than one seen before is refused. The check and the work are
 * one: what it remembers is written by the branch itself, and becomes true when the branch commits.
 *
 * - FE1 Of two branches with different tokens at one resource, the one with the larger token commits last, or the other never.
 *   So no write of an earlier holder of a lock comes after one of a later holder.
 */
import { Column, Entity, type EntityManager, PrimaryColumn } from 'typeorm';
import type { SnapshotStore } from './global/store.js';
import { VersionedEntity } from './global/versioned-entity.decorator.js';
import { Refusal } from './refusal.js';

const RESOURCE_LENGTH_MAX = 500;

/**
 * For participants with global isolation that use `context.fence`: add it to the entities of the DataSource. The largest
 * token seen is a version like any other, so whoever raised it since the snapshot has committed first.
 */
@Entity('concordat_fence')
@VersionedEntity()
export class FencedResource {
  @PrimaryColumn('text')
  resource!: string;

  @Column('bigint', { transformer: { from: Number, to: (value: number) => value } })
  token!: number;
}

/**
 * Local isolation, in the branch's own database transaction. Branches with the same token share the row until they are
 * decided; one with a larger token waits for them, or they for it, no longer than `lock_timeout`.
 * @throws Refusal fencing-token-stale
 */
export async function fenceLocally(
  manager: EntityManager,
  participant: string,
  resource: string,
  token: number,
): Promise<void> {
  check(resource, token);
  const key = [participant, resource, token];
  const same: unknown[] = await manager.query(
    'SELECT FROM concordat_fence WHERE participant = $1 AND resource = $2 AND token = $3 FOR SHARE',
    key,
  );
  if (same.length > 0) return;
  const raised: unknown[] = await manager.query(
    `INSERT INTO concordat_fence AS fence (participant, resource, token) VALUES ($1, $2, $3)
     ON CONFLICT (participant, resource) DO UPDATE SET token = excluded.token WHERE fence.token < excluded.token
     RETURNING token`,
    key,
  );
  if (raised.length === 0) throw stale(resource, token);
}

/**
 * Global isolation. It writes even where the token is the one already there, since only a write meets another's: so branches
 * at one resource, also of one holder, are first come, first served.
 * @throws Refusal fencing-token-stale
 */
export async function fenceGlobally(store: SnapshotStore, resource: string, token: number): Promise<void> {
  check(resource, token);
  const seen = await store.get(FencedResource, { resource });
  if (seen && seen.token > token) throw stale(resource, token);
  await store.put(FencedResource, { resource, token });
}

function check(resource: string, token: number): void {
  if (!Number.isSafeInteger(token) || token <= 0) throw new TypeError(`${token} is no fencing token`);
  if (resource.length === 0 || resource.length > RESOURCE_LENGTH_MAX) {
    throw new TypeError(`the name of a fenced resource has 1 to ${RESOURCE_LENGTH_MAX} characters`);
  }
}

const stale = (resource: string, token: number): Refusal =>
  new Refusal('fencing-token-stale', `A later holder of the lock was at ${resource} already; ${token} is out of date.`);
