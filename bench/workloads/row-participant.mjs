// A participant whose branches read and change one row each, in the isolation that it is told: the very same work on
// an ordinary table and on a versioned entity of the same columns.
import 'reflect-metadata';
import { Operation, ParticipantModule, ParticipantStrategy, VersionedEntity } from '@concordat/participant';
import { NestFactory } from '@nestjs/core';
import { pino } from 'pino';
import { Column, Entity, PrimaryColumn } from 'typeorm';
import { z } from 'zod';

/** Garbage of one window is collected within it, and not on the account of the next, which may be the other isolation's. */
const GARBAGE_INTERVAL_MS = 1_000;

class Row {}
Entity('row')(Row);
PrimaryColumn('text')(Row.prototype, 'id');
Column('bigint')(Row.prototype, 'amount');
Column('text')(Row.prototype, 'note');

class Rows1735689600801 {
  name = 'Rows1735689600801';
  async up(runner) {
    // Room for updates on the same page, as a table that lives on updates would have it.
    await runner.query(
      'CREATE TABLE row (id text COLLATE "C" PRIMARY KEY, amount bigint NOT NULL, note text NOT NULL) WITH (fillfactor = 70)',
    );
  }
  async down(runner) {
    await runner.query('DROP TABLE row');
  }
}

const NOTE = 'as many words as a row of a service may have';
const idOf = (number) => `row-${number}`;

class LocalRows {
  async fill({ first, count }, { manager }) {
    await manager.query(
      `INSERT INTO row (id, amount, note) SELECT 'row-' || number, 0, $3 FROM generate_series($1::int, $1::int + $2::int - 1) AS number`,
      [first, count, NOTE],
    );
    return { amount: 0 };
  }

  async add({ id, amount }, { manager }) {
    const [rows] = await manager.query(
      'UPDATE row SET amount = amount + $2::bigint WHERE id = $1 RETURNING id, amount, note',
      [id, amount],
    );
    return { amount: Number(rows[0].amount) };
  }
}

class GlobalRows {
  async fill({ first, count }, { store }) {
    for (let number = first; number < first + count; number += 1) {
      await store.put(Row, { id: idOf(number), amount: '0', note: NOTE });
    }
    return { amount: 0 };
  }

  async add({ id, amount }, { store }) {
    const before = await store.get(Row, { id });
    const after = await store.update(Row, { id }, { amount: String(BigInt(before.amount) + BigInt(amount)) });
    return { amount: Number(after.amount) };
  }
}

const result = z.object({ amount: z.int() });
const OPERATIONS = {
  fill: { input: z.object({ first: z.int(), count: z.int() }), result },
  add: { input: z.object({ id: z.string(), amount: z.int() }), result },
};
for (const { prototype } of [LocalRows, GlobalRows]) {
  for (const [name, options] of Object.entries(OPERATIONS)) {
    Operation(name, options)(prototype, name, Object.getOwnPropertyDescriptor(prototype, name));
  }
}

/**
 * @param {{ name: string, isolation: 'local' | 'global', coordinators: string[], databaseUrl: string, brokers: string,
 *   client: string | undefined }} context
 */
export async function open({ name, isolation, coordinators, databaseUrl, brokers, client }) {
  const local = isolation === 'local';
  if (!local) VersionedEntity()(Row);
  const options = {
    name,
    ...(local ? { isolation } : { isolation, coordinators }),
    database: { url: databaseUrl, ...(local ? { migrations: [Rows1735689600801] } : { entities: [Row] }) },
    kafka: { brokers, client },
    limits: { garbageIntervalMs: GARBAGE_INTERVAL_MS },
    logger: pino({ level: process.env.LOG_LEVEL || 'warn' }, pino.destination(2)),
  };
  const module = class RowModule {};
  const root = { module, imports: [ParticipantModule.forRoot(options)], providers: [local ? LocalRows : GlobalRows] };
  const application = await NestFactory.createMicroservice(root, {
    inject: [ParticipantStrategy],
    useFactory: (strategy) => ({ strategy }),
    logger: ['error', 'fatal'],
    abortOnError: false,
  });
  await application.listen();
  return { close: () => application.close() };
}
