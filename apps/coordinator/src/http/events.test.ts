import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeCoordinator } from '../../test/fake-coordinator.js';
import { type HttpHarness, startHttp } from '../../test/http-harness.js';
import { transactionSchema } from './schemas.js';

describe('the event stream of a transaction', () => {
  let api: FakeCoordinator;
  let http: HttpHarness;
  let id: string;

  beforeEach(async () => {
    api = new FakeCoordinator();
    http = await startHttp(api);
    id = (await http.call('POST', '/v1/transactions', {})).json.id as string;
  });
  afterEach(() => http.close());

  const listeners = (): number => api.listeners.get(id)?.size ?? 0;

  it('tells the present state, then every change, and ends when the transaction is completed', async () => {
    const response = await fetch(`${http.url}/v1/transactions/${id}/events`);
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-store');
    api.change(id, { status: 'preparing' });
    api.change(id, { status: 'committed', outcome: 'committed', label: 'two\nlines' });
    api.change(id, { status: 'completed' });
    const events = (await response.text()).trimEnd().split('\n\n');
    const seen = events.map((event) => {
      const [name, data, ...rest] = event.split('\n');
      expect([name, rest]).toEqual(['event: transaction', []]);
      return transactionSchema.parse(JSON.parse((data as string).slice('data: '.length))).status;
    });
    expect(seen).toEqual(['active', 'preparing', 'committed', 'completed']);
    expect(listeners()).toBe(0);
  });

  it('ends at once where the transaction is completed already', async () => {
    api.change(id, { status: 'completed' });
    const { text } = await http.call('GET', `/v1/transactions/${id}/events`);
    expect(text.match(/event: transaction/g)).toHaveLength(1);
    expect(listeners()).toBe(0);
  });

  it('is a problem like any other where the transaction is unknown', async () => {
    const response = await http.call('GET', '/v1/transactions/1-1-1/events');
    expect([response.status, response.json.code]).toEqual([404, 'transaction-not-found']);
  });

  it('lets go of a client that went away', async () => {
    const socket = await openStream(http.port, id);
    expect(listeners()).toBe(1);
    socket.destroy();
    await eventually(() => listeners() === 0);
    api.change(id, { status: 'completed' });
    expect((await http.call('GET', '/health/live')).status).toBe(200);
  });

  it('is ended by a stop, which does not wait for it', async () => {
    const own = await startHttp(api);
    const socket = await openStream(own.port, id);
    const ended = new Promise((resolve) => socket.once('close', resolve));
    await own.close();
    await ended;
    expect(listeners()).toBe(0);
  });
});

/** Resolves once the first event has come. */
function openStream(port: number, id: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(`GET /v1/transactions/${id}/events HTTP/1.1\r\nhost: x\r\n\r\n`);
    });
    socket.on('data', (data) => {
      if (data.includes('event: transaction')) resolve(socket);
    });
    socket.on('error', reject);
  });
}

async function eventually(check: () => boolean): Promise<void> {
  for (let attempt = 0; !check(); attempt += 1) {
    if (attempt === 400) throw new Error('it never came true');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
