import { createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { openConnections } from './connections.js';
import { classifyDatabaseError } from './sql-state.js';

/** AuthenticationOk and ReadyForQuery: lets a client in, and then answers nothing. */
const READY = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0, 0x5a, 0, 0, 0, 5, 0x49]);

describe('the connections of a participant', () => {
  const sockets = new Set<Socket>();
  let vanished: Server;

  beforeAll(async () => {
    vanished = createServer((socket) => {
      sockets.add(socket);
      socket.once('data', () => socket.write(READY)).on('error', () => undefined);
    });
    await new Promise<void>((resolve) => vanished.listen(0, '127.0.0.1', resolve));
  });

  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => vanished.close(resolve));
  });

  it.each([
    ['prepare', 'global'],
    ['finalise', 'global'],
    ['finalise', 'local'],
    ['read', 'global'],
  ] as const)('give up a Postgres that answers nothing any more (%s, %s), and close', async (purpose, isolation) => {
    const { port } = vanished.address() as { port: number };
    const connections = openConnections({
      ...{ url: `postgres://a:b@127.0.0.1:${port}/c`, participant: 'accounts-east', isolation },
      ...{ prepareConcurrency: 1, finaliseConcurrency: 1, readConcurrency: 1 },
      ...{ logger: pino({ level: 'silent' }), answerTimeoutMs: 50 },
    });
    const error = await connections[purpose].query('SELECT 1').catch((thrown: unknown) => thrown);
    expect(classifyDatabaseError(error)).toBe('connection');
    expect(connections[purpose].totalCount).toBe(0); // the next statement gets another connection
    await connections.close();
  });
});
