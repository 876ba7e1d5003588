import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { crc32 } from 'node:zlib';
import { CHUNK_BYTES, SnapshotFormatError, verifySnapshot } from '@concordat/coordinator-state';
import { formatVersionOf, type MemberRecord, type TransactionRecord } from '@concordat/transaction';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createOwnDatabase, type OwnDatabase } from '../../test/own-database.js';
import { batch, completed, INCARNATION, id, NOW, record } from '../../test/stored-records.js';
import { StaleWriterError } from '../engine/store.js';
import { ForeignDatabaseError } from './load.js';
import { PostgresStore } from './postgres-store.js';

const ODD = 'zwölf 漢字 🐘 "quoted" \\back\\ \\N {a,b} NULL \n\r\t\v';

const member = (raftId: number, nodeId: number, formatVersion: number): MemberRecord => ({
  raftId,
  nodeId,
  address: `127.0.0.1:900${nodeId}`,
  url: `http://127.0.0.1:808${nodeId}`,
  removed: false,
  formatVersion,
});

const committed = (sequence: number, index: number): TransactionRecord =>
  completed(sequence, NOW, { csn: INCARNATION * 1024 + index, decidedIndex: index });

/** One of everything that a database may hold. */
const everything = batch(0, 9, {
  toTerm: 3,
  publishedIndex: 2,
  transactions: [
    record(1),
    committed(2, 5),
    record(3, {
      isolation: 'global',
      serializable: true,
      label: ODD,
      caller: ODD,
      snapshot: INCARNATION * 1024,
      status: 'aborted',
      outcome: 'aborted',
      decidedIndex: 6,
      decidedAt: NOW + 1,
      reason: { code: 'operation-failed', message: ODD, retryable: false, participant: 'inventory' },
      branches: [
        {
          id: '1',
          participant: 'inventory',
          operation: 'take',
          status: 'refused',
          result: { text: `${ODD}\u0000`, number: 1.5, list: [null, true] },
          reason: null,
        },
        { id: '2', participant: 'accounts-east', operation: 'debit', status: 'prepared', result: null, reason: null },
      ],
    }),
  ],
  keys: [{ caller: ODD, key: `k ${ODD}`, requestHash: 'h', transactionId: id(2), createdAt: NOW }],
  participants: [
    {
      name: 'inventory',
      isolation: 'local',
      operations: [{ name: 'take', readOnly: false, inputSchema: { title: ODD }, resultSchema: {} }],
      registeredAt: NOW,
    },
  ],
  members: [member(7, 1, 2), member(8, 2, 2), { ...member(9, 2, 1), removed: true }],
  leases: new Map([['s-a-1-1', { id: 's-a-1-1', csn: INCARNATION * 1024 + 7, createdAt: NOW, ttlMs: 1000 }]]),
});

async function* cut(bytes: Uint8Array, chunkBytes: number): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += chunkBytes) yield bytes.subarray(from, from + chunkBytes);
}

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

/** The snapshot as a version wrote it that did not know the table; docs/backup-format.md. */
function withoutTable(bytes: Buffer, name: string): Buffer {
  const kept: Buffer[] = [bytes.subarray(0, 16)];
  let inTable = false;
  for (let at = 16; at < bytes.length; ) {
    const frame = bytes.subarray(at, at + 5 + bytes.readUInt32BE(at + 1) + 4);
    const type = frame.toString('latin1', 0, 1);
    const payload = frame.subarray(5, -4).toString();
    if (type === 'T') inTable = JSON.parse(payload).name === name;
    if (type === 'Z') kept.push(trailerOf(Buffer.concat(kept), JSON.parse(payload).rows, name));
    else if (!inTable) kept.push(frame);
    at += frame.length;
  }
  return Buffer.concat(kept);
}

function trailerOf(before: Buffer, { ...rows }: Record<string, number>, without: string): Buffer {
  delete rows[without];
  const payload = Buffer.from(JSON.stringify({ rows, bytes: before.length, crc32: crc32(before) }));
  const frame = Buffer.concat([Buffer.from('Z\0\0\0\0'), payload, Buffer.alloc(4)]);
  frame.writeUInt32BE(payload.length, 1);
  frame.writeUInt32BE(crc32(frame.subarray(0, -4)), frame.length - 4);
  return frame;
}

describe('snapshots of the Postgres store', () => {
  let from: OwnDatabase;
  let to: OwnDatabase;
  let source: PostgresStore;
  let target: PostgresStore;

  beforeAll(async () => {
    from = await createOwnDatabase('snapshot_from');
    to = await createOwnDatabase('snapshot_to');
  });
  afterAll(async () => {
    await from.drop();
    await to.drop();
  });
  beforeEach(async () => {
    source = new PostgresStore({ databaseUrl: from.url });
    target = new PostgresStore({ databaseUrl: to.url });
    await source.open('member-a', 100);
    await target.open('member-b', 100);
  });
  afterEach(async () => {
    for (const store of [source, target]) await store.close();
    const all = 'TRUNCATE coordinator_state, transaction, idempotency_key, participant, member';
    for (const database of [from, to]) await database.query(all);
  });

  const exported = async (): Promise<Buffer> => bytesOf((await source.exportSnapshot()).chunks);
  const idsIn = async (database: OwnDatabase): Promise<string[]> =>
    (await database.query<{ id: string }>('SELECT id FROM transaction ORDER BY sequence')).map((row) => row.id);
  const connections = async (database: OwnDatabase): Promise<number> => {
    const sql = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'concordat-snapshot'`;
    return (await database.query(sql)).length;
  };

  const noneLeft = async (database: OwnDatabase): Promise<void> => {
    for (let attempt = 0; attempt < 250 && (await connections(database)) > 0; attempt += 1) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(await connections(database)).toBe(0);
  };

  it('carry every field of every kind of row, and keep the member id of the replica that takes them', async () => {
    await source.persist(everything);
    const snapshot = await source.exportSnapshot();
    expect(snapshot).toMatchObject({ index: 9, term: 3 });
    await target.importSnapshot('member-b', snapshot.chunks);

    const original = await source.open('member-a', 100);
    const copy = await target.open('member-b', 100);
    expect(copy).toEqual({ ...original, memberId: 'member-b' });
    expect(copy.transactions.map((one) => one.id)).toEqual([id(1), id(3)]);
    for (const table of ['transaction', 'idempotency_key', 'participant', 'member', 'leased_snapshot']) {
      const rows = `SELECT t::text AS row FROM ${table} t ORDER BY 1`;
      expect(await to.query(rows)).toEqual(await from.query(rows));
    }
  });

  it('replace what was there, and the store goes on from their index', async () => {
    await source.persist(everything);
    await target.persist(batch(0, 4, { transactions: [committed(77, 3)] }));
    await target.importSnapshot('member-b', cut(await exported(), 1000));
    expect(await idsIn(to)).toEqual([id(1), id(2), id(3)]);
    await expect(target.persist(batch(4, 5))).rejects.toBeInstanceOf(StaleWriterError);
    await target.persist(batch(9, 10, { transactions: [committed(1, 10)] }));
    expect((await target.open('member-b', 0)).appliedIndex).toBe(10);
    expect((await target.find(id(1)))?.outcome).toBe('committed');
  });

  it('show exactly the state at their index while writes go on', async () => {
    await source.persist(batch(0, 1, { transactions: [committed(1, 1)] }));
    let index = 1;
    let writing = true;
    const writer = (async () => {
      for (; writing; index += 1)
        await source.persist(batch(index, index + 1, { transactions: [committed(index + 1, index + 1)] }));
    })();
    const indices: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      const snapshot = await source.exportSnapshot();
      await target.importSnapshot('member-b', snapshot.chunks);
      indices.push(snapshot.index);
      expect(await idsIn(to)).toEqual(Array.from({ length: snapshot.index }, (_, at) => id(at + 1)));
    }
    writing = false;
    await writer;
    expect(new Set(indices).size).toBe(5);
  });

  it('leave the old state whole when the import is killed in the middle', async () => {
    await source.persist(batch(0, 1, { transactions: Array.from({ length: 3_000 }, (_, at) => committed(at + 1, 1)) }));
    await target.persist(batch(0, 4, { transactions: [committed(77, 3)] }));
    const bytes = await exported();
    async function* killedMidway(): AsyncGenerator<Uint8Array> {
      yield* cut(bytes.subarray(0, bytes.length / 2), 10_000);
      const backend = `pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'concordat-snapshot'`;
      await to.query(`SELECT pg_terminate_backend(pid) FROM (SELECT ${backend}) AS one`);
      yield* cut(bytes.subarray(bytes.length / 2), 10_000);
    }
    await expect(target.importSnapshot('member-b', killedMidway())).rejects.toThrow();
    expect(await idsIn(to)).toEqual([id(77)]);
    await target.persist(batch(4, 5));
    await noneLeft(to);
  });

  it('are refused with a clear error when damaged or cut off, and nothing has changed', async () => {
    await source.persist(everything);
    await target.persist(batch(0, 4, { transactions: [committed(77, 3)] }));
    const bytes = await exported();
    const damaged = Buffer.from(bytes);
    damaged.write('x', bytes.length >> 1);
    await expect(target.importSnapshot('member-b', cut(damaged, 999))).rejects.toThrow('checksum does not match');
    const short = cut(bytes.subarray(0, bytes.length - 40), 999);
    await expect(target.importSnapshot('member-b', short)).rejects.toBeInstanceOf(SnapshotFormatError);
    expect(await idsIn(to)).toEqual([id(77)]);
    await target.persist(batch(4, 5));
    await noneLeft(to);
  });

  it('are refused when a newer version wrote columns that this one does not know', async () => {
    await from.query('ALTER TABLE participant ADD COLUMN colour text');
    const bytes = await exported();
    await from.query('ALTER TABLE participant DROP COLUMN colour');
    await expect(target.importSnapshot('member-b', cut(bytes, 999))).rejects.toThrow(
      'unknown column participant.colour: it was made by a newer version',
    );
  });

  it('leave out what a member of an earlier version does not know, until it is upgraded or removed', async () => {
    const later = async (): Promise<string[]> => {
      const bytes = await exported();
      const { rows } = await verifySnapshot(cut(bytes, 999));
      expect(Object.keys(rows).slice(0, 4)).toEqual(['transaction', 'idempotency_key', 'participant', 'member']);
      return [...Object.keys(rows).slice(4), ...(bytes.includes('"format_version"') ? ['format_version'] : [])];
    };
    const all = ['leased_snapshot', 'format_version'];
    await source.persist(batch(0, 1, { members: [member(7, 1, 2)] }));
    expect(await later()).toEqual(all);
    const { formatVersion: _, ...silent } = member(8, 2, 1); // as earlier versions announce themselves
    await source.persist(batch(1, 2, { members: [silent] }));
    expect(await later()).toEqual([]);
    await target.importSnapshot('member-b', cut(await exported(), 999));
    expect((await target.open('member-b', 0)).members).toEqual([member(7, 1, 1), member(8, 2, 1)]);
    await source.persist(batch(2, 3, { members: [{ ...silent, removed: true }] }));
    expect(await later()).toEqual(all);
    await source.persist(batch(3, 4, { members: [member(9, 3, 2)] }));
    await target.importSnapshot('member-b', cut(await exported(), 999));
    const state = await target.open('member-b', 0);
    expect(state.members).toEqual([member(7, 1, 2), { ...member(8, 2, 1), removed: true }, member(9, 3, 2)]);
    expect(formatVersionOf(state.members)).toBe(2);
  });

  it('of an earlier version, without leases, are taken all the same, and what was leased here is gone', async () => {
    await source.persist(everything);
    await target.persist(batch(0, 4, { leases: everything.leases ?? new Map() }));
    const earlier = withoutTable(await exported(), 'leased_snapshot');
    await target.importSnapshot('member-b', cut(earlier, 999));
    const state = await target.open('member-b', 100);
    expect(state).toMatchObject({ appliedIndex: 9, leases: [] });
    expect(state.transactions.length).toBe(2);
  });

  it('let go of the database when they are not read to the end', async () => {
    await source.persist(everything);
    const unread = await source.exportSnapshot();
    expect(await connections(from)).toBe(1);
    await unread.close();
    const halfRead = await source.exportSnapshot();
    for await (const _ of halfRead.chunks) break;
    await source.persist(batch(9, 10));
    await bytesOf((await source.exportSnapshot()).chunks);
    await noneLeft(from);
  });

  it('tell of a database that goes away while they are read', async () => {
    const transactions = Array.from({ length: 20_000 }, (_, at) => committed(at + 1, 1));
    await source.persist(batch(0, 1, { transactions }));
    const { chunks } = await source.exportSnapshot();
    const reading = (async () => {
      let first = true;
      for await (const _ of chunks) {
        if (!first) continue;
        first = false;
        await from.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = 'concordat-snapshot'`,
        );
      }
    })();
    await expect(reading).rejects.toThrow();
  });

  it('carry a hundred thousand rows in little memory', async () => {
    await from.query(
      `INSERT INTO transaction SELECT $1 || n, $2, 1, n, null, null, n, n, now(), now(), now(), now(), false,
         'completed', 'committed', 'local', null, 'someone', '{accounts-east}', null, json_build_array(repeat('x', 500))
       FROM generate_series(1, 100000) AS n`,
      [`${INCARNATION.toString(36)}-1-`, INCARNATION],
    );
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const memoryHeld = (): number => {
      collectGarbage();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    const held: number[] = [];
    let chunksSeen = 0;
    let bytes = 0;
    async function* watched(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const chunk of chunks) {
        bytes += chunk.length;
        expect(chunk.length).toBeLessThanOrEqual(CHUNK_BYTES + 1024);
        chunksSeen += 1;
        if (chunksSeen % 40 === 0) held.push(memoryHeld());
        yield chunk;
      }
    }
    await target.importSnapshot('member-b', watched((await source.exportSnapshot()).chunks));
    expect((await to.query('SELECT FROM transaction')).length).toBe(100_000);
    expect(bytes).toBeGreaterThan(60_000_000);
    // What piles up would be there in every later sample; what is only not swept up yet is gone in one of them.
    const late = held.slice(-3);
    expect(late.length).toBe(3);
    expect(Math.min(...late) - (held[0] as number)).toBeLessThan(bytes / 10);
  }, 300_000);

  it('let a joining replica take over the database of another member', async () => {
    await target.persist(batch(0, 4, { transactions: [committed(77, 3)] }));
    await target.close();
    target = new PostgresStore({ databaseUrl: to.url });
    await expect(target.open('member-c', 0)).rejects.toBeInstanceOf(ForeignDatabaseError);
    expect(await target.open('member-c', 0, { adopt: true })).toMatchObject({ memberId: 'member-c', appliedIndex: 0 });
    expect(await idsIn(to)).toEqual([]);
    await target.persist(batch(0, 2, { transactions: [committed(1, 1)] }));
    expect(await target.open('member-c', 0, { adopt: true })).toMatchObject({ appliedIndex: 2 });
    expect(await idsIn(to)).toEqual([id(1)]);
  });

  it('let nobody but a brand-new log begin with what a restore has left', async () => {
    await to.query(`UPDATE coordinator_state SET member_id = '', incarnation = 5`);
    await target.close();
    target = new PostgresStore({ databaseUrl: to.url });
    await expect(target.open('member-c', 0)).rejects.toThrow('start the restored database with an empty DATA_DIR');
    expect(await target.open('member-c', 0, { newLog: true })).toMatchObject({ memberId: 'member-c', incarnation: 5 });
    await expect(target.open('member-d', 0, { newLog: true })).rejects.toBeInstanceOf(ForeignDatabaseError);
    expect((await target.open('member-c', 0)).incarnation).toBe(5);
  });
});
