import { createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { isUnreachable } from './reachability.js';

/** Lets a client in, and then answers nothing: what a Postgres that stands still looks like. */
const READY = Buffer.concat([
  Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0]), // AuthenticationOk
  Buffer.from([0x5a, 0, 0, 0, 5, 0x49]), // ReadyForQuery, idle
]);

describe('whether Postgres can be reached', () => {
  const sockets = new Set<Socket>();
  let silent: Server;

  beforeAll(async () => {
    silent = createServer((socket) => {
      sockets.add(socket);
      socket.once('data', () => socket.write(READY)).on('error', () => undefined);
    });
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  });

  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => silent.close(resolve));
  });

  it('is denied by a query that is never answered', async () => {
    const { port } = silent.address() as { port: number };
    const client = new pg.Client({
      host: '127.0.0.1',
      port,
      user: 'a',
      database: 'a',
      password: '',
      query_timeout: 50,
    });
    client.on('error', () => undefined);
    await client.connect();
    const error = await client.query('SELECT 1').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Error);
    expect(isUnreachable(error)).toBe(true);
  });

  it('is denied by a pool without a free connection, and by a connection that ends', () => {
    expect(isUnreachable(new Error('timeout exceeded when trying to connect'))).toBe(true);
    expect(isUnreachable(new Error('Connection terminated unexpectedly'))).toBe(true);
    expect(isUnreachable(Object.assign(new Error('x'), { code: '57P01' }))).toBe(true);
  });

  it('is not denied by what a statement has done wrong', () => {
    expect(isUnreachable(Object.assign(new Error('syntax error'), { code: '42601' }))).toBe(false);
    expect(isUnreachable(new Error('something else'))).toBe(false);
  });
});
