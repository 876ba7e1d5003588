import type { LockHold, LockMode, LockSession, LockState } from '@concordat/locks';
import type pg from 'pg';
import { Column, Entity, type EntityManager, PrimaryColumn } from 'typeorm';
import type { PersistBatch } from '../engine/store.js';
import { instant, integer } from './entities.js';

/** A holder of a lock. */
@Entity('lock_hold')
export class LockHoldEntity {
  @PrimaryColumn({ type: 'bigint', transformer: integer }) token!: number;
  @Column({ type: 'text' }) name!: string;
  @Column({ type: 'text' }) mode!: LockMode;
  @Column({ type: 'text' }) owner!: string;
  @Column({ type: 'text' }) caller!: string;
  @Column({ type: 'text', nullable: true }) key!: string | null;
  @Column({ type: 'bigint', name: 'ttl_ms', transformer: integer }) ttlMs!: number;
  @Column({ type: 'text', nullable: true }) session!: string | null;
  @Column({ type: 'bigint', transformer: integer }) renewals!: number;
  @Column({ type: 'timestamptz', name: 'granted_at', transformer: instant }) grantedAt!: number;
}

/** A session that keeps locks alive. */
@Entity('lock_session')
export class LockSessionEntity {
  @PrimaryColumn({ type: 'text' }) id!: string;
  @Column({ type: 'text' }) owner!: string;
  @Column({ type: 'text' }) caller!: string;
  @Column({ type: 'text', nullable: true }) key!: string | null;
  @Column({ type: 'bigint', name: 'ttl_ms', transformer: integer }) ttlMs!: number;
  @Column({ type: 'bigint', transformer: integer }) renewals!: number;
  @Column({ type: 'timestamptz', name: 'created_at', transformer: instant }) createdAt!: number;
}

export async function loadLocks(manager: EntityManager): Promise<LockState> {
  const holds = await manager.find(LockHoldEntity, { order: { token: 'ASC' } });
  const sessions = await manager.find(LockSessionEntity, { order: { createdAt: 'ASC', id: 'ASC' } });
  return { holds: holds.map((row) => ({ ...row })), sessions: sessions.map((row) => ({ ...row })) };
}

/** Writes what was granted, renewed and ended, within the database transaction of a batch. */
export async function persistLocks(client: pg.PoolClient, locks: NonNullable<PersistBatch['locks']>): Promise<void> {
  await persistSessions(client, [...locks.sessions.keys()], present(locks.sessions));
  await persistHolds(client, [...locks.holds.keys()], present(locks.holds));
}

async function persistSessions(client: pg.PoolClient, ids: string[], sessions: LockSession[]): Promise<void> {
  await client.query('DELETE FROM lock_session WHERE id = ANY ($1)', [ids]);
  await client.query(
    `INSERT INTO lock_session (id, owner, caller, key, ttl_ms, renewals, created_at)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::timestamptz[])`,
    [
      sessions.map(({ id }) => id),
      sessions.map(({ owner }) => owner),
      sessions.map(({ caller }) => caller),
      sessions.map(({ key }) => key),
      sessions.map(({ ttlMs }) => ttlMs),
      sessions.map(({ renewals }) => renewals),
      sessions.map(({ createdAt }) => new Date(createdAt)),
    ],
  );
}

async function persistHolds(client: pg.PoolClient, tokens: number[], holds: LockHold[]): Promise<void> {
  await client.query('DELETE FROM lock_hold WHERE token = ANY ($1)', [tokens]);
  await client.query(
    `INSERT INTO lock_hold (token, name, mode, owner, caller, key, ttl_ms, session, renewals, granted_at)
     SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[],
                          $8::text[], $9::bigint[], $10::timestamptz[])`,
    [
      holds.map(({ token }) => token),
      holds.map(({ name }) => name),
      holds.map(({ mode }) => mode),
      holds.map(({ owner }) => owner),
      holds.map(({ caller }) => caller),
      holds.map(({ key }) => key),
      holds.map(({ ttlMs }) => ttlMs),
      holds.map(({ session }) => session),
      holds.map(({ renewals }) => renewals),
      holds.map(({ grantedAt }) => new Date(grantedAt)),
    ],
  );
}

const present = <T>(changes: ReadonlyMap<unknown, T | null>): T[] =>
  [...changes.values()].filter((one): one is T & NonNullable<T> => one !== null);
