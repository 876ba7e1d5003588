import { Controller, Delete, Get, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CLUSTER_API, type ClusterApi, type ClusterView } from '../engine/cluster-api.js';
import { sendJson } from './replies.js';
import { addMemberSchema, clusterQuerySchema, emptyQuerySchema, memberIdSchema, transferSchema } from './schemas.js';
import { parseRequest } from './validation.js';

/** The cluster over REST (design §6). Calls reach the leader, wherever they arrive, but for a stale read. */
@Controller('v1/cluster')
export class ClusterController {
  constructor(@Inject(CLUSTER_API) private readonly cluster: ClusterApi) {}

  @Get()
  async get(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { consistency = 'linearizable' } = parseRequest(clusterQuerySchema, request.query, 'query');
    answer(reply, await this.cluster.view(consistency));
  }

  @Post('transfer')
  async transfer(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    parseRequest(emptyQuerySchema, request.query, 'query');
    const { to } = parseRequest(transferSchema, request.body ?? {}, 'body');
    answer(reply, await this.cluster.transfer(to));
  }

  @Post('members')
  async add(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    parseRequest(emptyQuerySchema, request.query, 'query');
    const { address } = parseRequest(addMemberSchema, request.body, 'body');
    answer(reply, await this.cluster.add(address));
  }

  @Delete('members/:id')
  async remove(@Req() request: FastifyRequest<{ Params: { id: string } }>, @Res() reply: FastifyReply): Promise<void> {
    parseRequest(emptyQuerySchema, request.query, 'query');
    const { id } = parseRequest(memberIdSchema, request.params, 'path');
    answer(reply, await this.cluster.remove(id));
  }
}

const answer = (reply: FastifyReply, view: ClusterView): void => sendJson(reply, 200, JSON.stringify(view));
