import { Controller, Get, Inject, type OnModuleDestroy, type OnModuleInit, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { COORDINATOR_API, type CoordinatorApi } from '../engine/api.js';
import { CLUSTER_API, type ClusterApi } from '../engine/cluster-api.js';
import { within } from '../engine/within.js';
import { MetricsRegistry } from '../observability/metrics-registry.js';
import { OverviewSampler, SAMPLE_EVERY_MS } from '../observability/overview-sampler.js';
import { callerOf, rolesOf } from './caller.js';
import { type EventStream, EventStreams } from './event-streams.js';
import { callContext } from './idempotency.js';
import { sendJson } from './replies.js';
import { emptyQuerySchema } from './schemas.js';
import { checkTransactionId, parseRequest } from './validation.js';

/** In ms. */
const IN_DOUBT_AGE_MS_MIN = 5_000;
/** A leader without a majority cannot say it; the other figures do not wait longer for it. In ms. */
const IN_DOUBT_WAIT_MS_MAX = 500;

/** What the console shows beyond the rest of the API: live figures, who calls, and the times of one transaction. */
@Controller('v1')
export class OverviewController implements OnModuleInit, OnModuleDestroy {
  private readonly sampler: OverviewSampler;
  private readonly listening = new Set<EventStream>();
  private timer: NodeJS.Timeout | undefined;
  private isSampling = false;

  constructor(
    @Inject(COORDINATOR_API) private readonly api: CoordinatorApi,
    @Inject(CLUSTER_API) private readonly cluster: ClusterApi,
    @Inject(EventStreams) private readonly streams: EventStreams,
    @Inject(MetricsRegistry) registry: MetricsRegistry,
  ) {
    this.sampler = new OverviewSampler(registry, () => this.countInDoubt());
  }

  /** Sampled whether anybody looks or not, so that whoever comes sees the last minutes. */
  onModuleInit(): void {
    this.timer = setInterval(() => void this.sample(), SAMPLE_EVERY_MS).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  @Get('overview/events')
  async watch(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    parseRequest(emptyQuerySchema, request.query, 'query');
    this.streams.checkRoom(callerOf(request));
    if (request.method === 'HEAD') {
      return void reply.header('content-type', 'text/event-stream; charset=utf-8').send();
    }
    void reply.hijack();
    const stream = this.streams.start(reply.raw, callerOf(request), 'overview');
    stream.send(JSON.stringify({ samples: this.sampler.samples }));
    this.listening.add(stream);
    stream.onEnd(() => this.listening.delete(stream));
  }

  @Get('caller')
  async caller(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    parseRequest(emptyQuerySchema, request.query, 'query');
    sendJson(reply, 200, JSON.stringify({ caller: callerOf(request), roles: rolesOf(request) }));
  }

  @Get('transactions/:id/timeline')
  async timeline(
    @Req() request: FastifyRequest<{ Params: { id: string } }>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const transactionId = checkTransactionId(request.params.id);
    parseRequest(emptyQuerySchema, request.query, 'query');
    const trace = await this.api.phases(transactionId, callContext(request));
    const { fromBegin, cut, marks } = trace ?? { fromBegin: false, cut: false, marks: [] };
    const body = { transactionId, known: trace !== undefined, fromBegin, cut, marks: marks.map(roundedMark) };
    sendJson(reply, 200, JSON.stringify(body));
  }

  /** Transactions on their way are in doubt for a moment, each of them; these are not what anybody has to look at. */
  private async countInDoubt(): Promise<number | null> {
    if (!this.cluster.leads) return null;
    try {
      const view = await within(
        this.api.operators.inDoubt({ minAgeMs: IN_DOUBT_AGE_MS_MIN, limit: 1 }),
        IN_DOUBT_WAIT_MS_MAX,
      );
      return view?.total ?? null;
    } catch {
      return null; // starting, or leading no more
    }
  }

  private async sample(): Promise<void> {
    if (this.isSampling) return; // the one before still waits for the cluster
    this.isSampling = true;
    const sample = await this.sampler.take().catch(() => undefined); // a second without figures
    this.isSampling = false;
    if (!sample) return;
    const data = JSON.stringify({ samples: [sample] });
    for (const stream of this.listening) {
      if (this.cluster.leads) stream.send(data);
      else stream.end(); // the leader has the figures; who comes again is handed on to it
    }
  }
}

const roundedMark = <T extends { readonly atMs: number }>(mark: T): T => ({
  ...mark,
  atMs: Math.round(mark.atMs * 1000) / 1000,
});
