import { ConcordatError, type StatusAnswer } from '@concordat/protocol';
import type { SnapshotLease } from '@concordat/transaction';
import { Controller, Delete, Get, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { COORDINATOR_API, type CoordinatorApi } from '../engine/api.js';
import { sendJson } from './replies.js';
import { emptyQuerySchema, SNAPSHOT_ID_PATTERN, snapshotRequestSchema, statusesRequestSchema } from './schemas.js';
import { isoTime } from './transaction-json.js';
import { parseRequest } from './validation.js';

type OneSnapshot = FastifyRequest<{ Params: { snapshot: string } }>;

/** Leased snapshots, and the question of participants what became of transactions (design §3, D6). */
@Controller('v1')
export class SnapshotsController {
  constructor(@Inject(COORDINATOR_API) private readonly api: CoordinatorApi) {}

  /** Often asked: answered by hand-written JSON, by whichever replica was asked. */
  @Post('statuses')
  async statuses(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    parseRequest(emptyQuerySchema, request.query, 'query');
    const question = parseRequest(statusesRequestSchema, request.body, 'body');
    const { appliedCsn, statuses } = await this.api.snapshots.statuses(question);
    sendJson(reply, 200, `{"appliedCsn":${appliedCsn},"statuses":[${statuses.map(statusJson).join(',')}]}`);
  }

  @Post('snapshots')
  async lease(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    parseRequest(emptyQuerySchema, request.query, 'query');
    const { ttlMs } = parseRequest(snapshotRequestSchema, request.body, 'body');
    const lease = await this.api.snapshots.lease(ttlMs);
    void reply.header('location', `/v1/snapshots/${lease.id}`);
    sendJson(reply, 201, leaseJson(lease));
  }

  @Get('snapshots/:snapshot')
  async get(@Req() request: OneSnapshot, @Res() reply: FastifyReply): Promise<void> {
    parseRequest(emptyQuerySchema, request.query, 'query');
    sendJson(reply, 200, leaseJson(await this.api.snapshots.read(checkSnapshotId(request.params.snapshot))));
  }

  @Delete('snapshots/:snapshot')
  async release(@Req() request: OneSnapshot, @Res() reply: FastifyReply): Promise<void> {
    parseRequest(emptyQuerySchema, request.query, 'query');
    await this.api.snapshots.release(checkSnapshotId(request.params.snapshot));
    void reply.code(204).send();
  }
}

const statusJson = (answer: StatusAnswer): string =>
  answer.status === 'committed' ? `{"status":"committed","csn":${answer.csn}}` : `{"status":"${answer.status}"}`;

const leaseJson = ({ id, csn, createdAt, ttlMs }: SnapshotLease): string =>
  `{"id":"${id}","csn":${csn},"createdAt":"${isoTime(createdAt)}","expiresAt":"${isoTime(createdAt + ttlMs)}"}`;

function checkSnapshotId(id: string): string {
  if (SNAPSHOT_ID_PATTERN.test(id)) return id;
  throw new ConcordatError('snapshot-not-found', 'No snapshot has an id of this form.');
}
