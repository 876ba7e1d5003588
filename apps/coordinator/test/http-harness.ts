import type { AddressInfo } from 'node:net';
import { Module } from '@nestjs/common';
import { COORDINATOR_API, type CoordinatorApi } from '../src/engine/api.js';
import { AUDIT_API, type AuditApi } from '../src/engine/audit-api.js';
import { CLUSTER_API, type ClusterApi, type ClusterView } from '../src/engine/cluster-api.js';
import { Liveness } from '../src/engine/liveness.js';
import { createHttpApp, type HttpOptions } from '../src/http/create-app.js';
import { EventStreams } from '../src/http/event-streams.js';
import { HTTP_CONTROLLERS } from '../src/http/http-controllers.js';
import { createLogger, type Logger } from '../src/observability/logger.js';
import { MetricsRegistry } from '../src/observability/metrics-registry.js';
import { FakeAudits } from './fake-audits.js';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The parsed body, `{}` where it is no JSON. */
  readonly json: Record<string, unknown>;
}

/** A cluster of one, which leads. */
export class LoneCluster implements ClusterApi {
  leads = true;
  leaderUrl: string | undefined;
  ownUrl: string | undefined;
  readonly appliedIndex = 7;
  readonly removed = false;
  readonly electionTimeoutMsMax = 200;

  async view(): Promise<ClusterView> {
    const member = { id: 42, nodeId: 1, address: '127.0.0.1:1', url: 'http://127.0.0.1:2', role: 'leader' as const };
    const indices = { matchIndex: 7, appliedIndex: 7, persistedIndex: 6, lagMs: 0, lastContactMs: 0, suspicion: 0 };
    return { leader: 42, term: 3, members: [{ ...member, ...indices }] };
  }

  readonly transfer = async (): Promise<ClusterView> => this.view();
  readonly add = async (): Promise<ClusterView> => this.view();
  readonly remove = async (): Promise<ClusterView> => this.view();
}

/** What a test may choose beside the coordinator. */
export interface HarnessOptions extends HttpOptions {
  readonly logger?: Logger;
  readonly audits?: AuditApi;
}

/** The real HTTP layer on a free port, before a coordinator that a test controls. */
export interface HttpHarness {
  readonly port: number;
  readonly url: string;
  /** A body that is no text is sent as JSON. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<HttpAnswer>;
  raw(path: string, init: RequestInit): Promise<HttpAnswer>;
  /** Every route that Fastify serves, as `METHOD /path/:parameter`. */
  routes(): string[];
  close(): Promise<void>;
}

export async function startHttp(
  api: CoordinatorApi,
  cluster: ClusterApi = new LoneCluster(),
  liveness = new Liveness(),
  { logger = createLogger('silent'), audits = new FakeAudits(), ...options }: HarnessOptions = {},
): Promise<HttpHarness> {
  @Module({
    controllers: HTTP_CONTROLLERS,
    providers: [
      EventStreams,
      { provide: COORDINATOR_API, useValue: api },
      { provide: CLUSTER_API, useValue: cluster },
      { provide: AUDIT_API, useValue: audits },
      { provide: Liveness, useValue: liveness },
      { provide: MetricsRegistry, useValue: new MetricsRegistry({ processMetrics: false }) },
    ],
  })
  class HarnessModule {}

  const app = await createHttpApp(HarnessModule, logger, options);
  const routes: string[] = [];
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRoute', ({ method, url }) => void routes.push(...[method].flat().map((one) => `${one} ${url}`)));
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const raw: HttpHarness['raw'] = async (path, init) => {
    const response = await fetch(url + path, init);
    const text = await response.text();
    let json: Record<string, unknown> = {};
    if (response.headers.get('content-type')?.includes('json') && text !== '') json = JSON.parse(text);
    return { status: response.status, headers: response.headers, text, json };
  };
  const call: HttpHarness['call'] = (method, path, body, headers = {}) => {
    if (body === undefined) return raw(path, { method, headers });
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return raw(path, { method, headers: { 'content-type': 'application/json', ...headers }, body: text });
  };
  return { port, url, call, raw, routes: () => routes, close: () => app.close() };
}
