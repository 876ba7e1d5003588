import { Controller, Delete, Get, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { COORDINATOR_API, type CoordinatorApi } from '../engine/api.js';
import { CLUSTER_API, type ClusterApi, type ClusterView } from '../engine/cluster-api.js';
import { callerOf } from './caller.js';
import { sendJson } from './replies.js';
import { addMemberSchema, clusterQuerySchema, emptyQuerySchema, memberIdSchema, transferSchema } from './schemas.js';
import { parseRequest } from './validation.js';

/** The cluster over REST (design §6). Calls reach the leader, wherever they arrive, but for a stale read. */
@Controller('v1/cluster')
export class ClusterController {
  constructor(
    @Inject(CLUSTER_API) private readonly cluster: ClusterApi,
    @Inject(COORDINATOR_API) private readonly api: CoordinatorApi,
  ) {}

  @Get()
  async get(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { consistency = 'linearizable' } = parseRequest(clusterQuerySchema, request.query, 'query');
    answer(reply, await this.cluster.view(consistency));
  }

  @Post('transfer')
  async transfer(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    parseRequest(emptyQuerySchema, request.query, 'query');
    const { to } = parseRequest(transferSchema, request.body ?? {}, 'body');
    await this.#note(request, 'leadership-transfer', to === undefined ? 'any' : String(to));
    answer(reply, await this.cluster.transfer(to));
  }

  @Post('members')
  async add(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    parseRequest(emptyQuerySchema, request.query, 'query');
    const { address } = parseRequest(addMemberSchema, request.body, 'body');
    await this.#note(request, 'member-add', address);
    answer(reply, await this.cluster.add(address));
  }

  @Delete('members/:id')
  async remove(@Req() request: FastifyRequest<{ Params: { id: string } }>, @Res() reply: FastifyReply): Promise<void> {
    parseRequest(emptyQuerySchema, request.query, 'query');
    const { id } = parseRequest(memberIdSchema, request.params, 'path');
    await this.#note(request, 'member-remove', String(id));
    answer(reply, await this.cluster.remove(id));
  }

  /** Durable before it is done: who does it may lead no more afterwards. */
  #note(request: FastifyRequest, action: string, target: string): Promise<unknown> {
    return this.api.operators.note({ actor: callerOf(request), action, target, reason: null, outcome: null });
  }
}

const answer = (reply: FastifyReply, view: ClusterView): void => sendJson(reply, 200, JSON.stringify(view));
