import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeCoordinator } from '../../test/fake-coordinator.js';
import { type HttpHarness, LoneCluster, startHttp } from '../../test/http-harness.js';
import { KeyRing } from '../../test/key-ring.js';
import { Liveness } from '../engine/liveness.js';
import { overviewSchema, timelineSchema } from './overview-schemas.js';

const ring = new KeyRing();

describe('what the console shows', () => {
  let api: FakeCoordinator;
  let cluster: LoneCluster;
  let http: HttpHarness;

  beforeEach(async () => {
    api = new FakeCoordinator();
    cluster = new LoneCluster();
    http = await startHttp(api, cluster, new Liveness(), { authenticator: ring.authenticator });
  });
  afterEach(() => http.close());

  it('tells the figures of the leader, one sample after the other, and ends when it leads no more', async () => {
    const response = await fetch(`${http.url}/v1/overview/events`, { headers: ring.as('monitor') });
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    let text = '';
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += new TextDecoder().decode(chunk);
      if (samplesIn(text).length >= 2) cluster.leads = false;
    }
    expect(samplesIn(text).length).toBeGreaterThanOrEqual(2);
    for (const [, data = ''] of text.matchAll(/^data: (.*)$/gm)) overviewSchema.parse(JSON.parse(data));
  });

  it('tells who calls, whatever they may do, and nobody without credentials', async () => {
    const monitor = await http.call('GET', '/v1/caller', undefined, ring.as('monitor'));
    expect(monitor.json).toEqual({ caller: 'monitor-service', roles: ['monitor'] });
    const operator = await http.call('GET', '/v1/caller', undefined, ring.as('operator'));
    expect(operator.json.roles).toEqual(['operator', 'caller', 'participant', 'monitor']);
    expect((await http.call('GET', '/v1/caller')).status).toBe(401);
  });

  it('tells the times of a transaction to those who may read it', async () => {
    const { json } = await http.call('POST', '/v1/transactions', {}, ring.as('caller'));
    const answer = await http.call('GET', `/v1/transactions/${json.id}/timeline`, undefined, ring.as('caller'));
    expect(timelineSchema.parse(answer.json)).toEqual({
      transactionId: json.id,
      known: true,
      fromBegin: true,
      cut: false,
      marks: [{ step: 'begun', atMs: 0 }],
    });
    const unknown = await http.call('GET', '/v1/transactions/1-1-1/timeline', undefined, ring.as('caller'));
    expect(unknown.json.code).toBe('transaction-not-found');
  });
});

const samplesIn = (text: string): unknown[] =>
  [...text.matchAll(/^data: (.*)$/gm)].flatMap(
    ([, data]) => (JSON.parse(data as string) as { samples: unknown[] }).samples,
  );
