import { ConcordatError } from '@concordat/protocol';
import { Controller, Get, Inject, type OnApplicationShutdown, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AUDIT_API, type AuditApi } from '../engine/audit-api.js';
import { CLUSTER_API, type ClusterApi } from '../engine/cluster-api.js';
import { AuditHolders, type HolderAnswer } from './audit-holders.js';
import { auditJson, decodeOffset, summaryJson } from './audit-json.js';
import { AUDIT_PAGE_POLICY, auditPage } from './audit-page.js';
import {
  AUDIT_ID_PATTERN,
  auditListSchema,
  auditQuerySchema,
  auditRequestSchema,
  SETTLE_MS_DEFAULT,
  VIOLATIONS_LIMIT_DEFAULT,
  VIOLATIONS_LIMIT_MAX,
} from './audits-schemas.js';
import { callerOf } from './caller.js';
import { sendJson } from './replies.js';
import { emptyQuerySchema } from './schemas.js';
import { parseRequest } from './validation.js';

type OneAudit = FastifyRequest<{ Params: { id: string } }>;

/** Audits over REST. The replica that is asked for one makes it; any replica answers for it. */
@Controller('v1/audits')
export class AuditsController implements OnApplicationShutdown {
  private readonly holders: AuditHolders;

  constructor(
    @Inject(AUDIT_API) private readonly audits: AuditApi,
    @Inject(CLUSTER_API) cluster: ClusterApi,
  ) {
    this.holders = new AuditHolders(cluster, audits.nodeId);
  }

  @Post()
  async start(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    parseRequest(emptyQuerySchema, request.query, 'query');
    const { from, to, settleMs = SETTLE_MS_DEFAULT } = parseRequest(auditRequestSchema, request.body ?? {}, 'body');
    const time = (text: string | undefined) => (text === undefined ? null : Date.parse(text));
    const actor = callerOf(request);
    const audit = await this.audits.start({ fromMs: time(from), toMs: time(to), settleMs, actor });
    void reply.header('location', `/v1/audits/${audit.id}`);
    sendJson(reply, 202, JSON.stringify(auditJson(audit)));
  }

  @Get()
  async list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    parseRequest(emptyQuerySchema, request.query, 'query');
    const items = this.audits.list().map(summaryJson);
    const unreachable: number[] = [];
    const answers = this.holders.isHandedOn(request) ? new Map() : await this.holders.askOthers(request);
    for (const [nodeId, answer] of answers) {
      const list = answer?.status === 200 ? auditListSchema.safeParse(JSON.parse(answer.text)) : undefined;
      if (list?.success) items.push(...list.data.items);
      else unreachable.push(nodeId);
    }
    items.sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
    sendJson(reply, 200, JSON.stringify({ items, nextCursor: null, unreachable }));
  }

  @Get(':id')
  async get(@Req() request: OneAudit, @Res() reply: FastifyReply): Promise<void> {
    const { limit = VIOLATIONS_LIMIT_DEFAULT, cursor } = parseRequest(auditQuerySchema, request.query, 'query');
    const offset = cursor === undefined ? 0 : decodeOffset(cursor);
    if (offset === undefined) {
      throw new ConcordatError('cursor-invalid', 'The cursor is not one that this service has given out.');
    }
    const nodeId = holderOf(request.params.id);
    if (nodeId !== this.audits.nodeId) return pass(await this.holders.ask(nodeId, request), reply);
    sendJson(reply, 200, JSON.stringify(auditJson(await this.audits.read(request.params.id, { limit, offset }))));
  }

  @Get(':id/report')
  async report(@Req() request: OneAudit, @Res() reply: FastifyReply): Promise<void> {
    parseRequest(emptyQuerySchema, request.query, 'query');
    const nodeId = holderOf(request.params.id);
    if (nodeId !== this.audits.nodeId) return pass(await this.holders.ask(nodeId, request), reply);
    const audit = await this.audits.read(request.params.id, { limit: VIOLATIONS_LIMIT_MAX, offset: 0 });
    pass({ status: 200, mediaType: 'text/html; charset=utf-8', text: auditPage(audit) }, reply);
  }

  onApplicationShutdown(): Promise<void> {
    return this.holders.close();
  }
}

/** The node id that an audit's id names. @throws ConcordatError audit-not-found */
function holderOf(id: string): number {
  if (AUDIT_ID_PATTERN.test(id)) return Number.parseInt(id.split('-')[1] as string, 36);
  throw new ConcordatError('audit-not-found', 'No audit has an id of this form.');
}

function pass({ status, mediaType, text }: HolderAnswer, reply: FastifyReply): void {
  void reply
    .code(status)
    .header('content-type', mediaType)
    .header('cache-control', 'no-store')
    .header('content-security-policy', AUDIT_PAGE_POLICY)
    .send(text);
}
