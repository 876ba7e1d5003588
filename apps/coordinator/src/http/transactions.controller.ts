import { Controller, Get, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { COORDINATOR_API, type CoordinatorApi } from '../engine/api.js';
import type { ListQuery } from '../engine/store.js';
import { callerOf, checkMayEnlist, reachesAll } from './caller.js';
import { decodeCursor, encodeCursor } from './cursor.js';
import { callContext, keyedCallContext } from './idempotency.js';
import { reachMinCsn } from './min-csn.js';
import { sendJson } from './replies.js';
import {
  beginRequestSchema,
  branchRequestSchema,
  emptyQuerySchema,
  endRequestSchema,
  enlistQuerySchema,
  LIST_LIMIT_DEFAULT,
  listQuerySchema,
  transactionQuerySchema,
} from './schemas.js';
import { branchJson, transactionJson, transactionListJson } from './transaction-json.js';
import { checkTransactionId, parseRequest } from './validation.js';

type OneTransaction = FastifyRequest<{ Params: { id: string } }>;

/** Transactions over REST (design §6). Requests and replies are Fastify's own: this is the hot path. */
@Controller('v1/transactions')
export class TransactionsController {
  constructor(@Inject(COORDINATOR_API) private readonly api: CoordinatorApi) {}

  @Post()
  async begin(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    parseRequest(emptyQuerySchema, request.query, 'query');
    const body = parseRequest(beginRequestSchema, request.body, 'body');
    checkMayEnlist(request, body.branches ?? []);
    const context = keyedCallContext(request);
    await reachMinCsn(request, this.api);
    const record = await this.api.begin(body, context);
    if (body.commit === true) return sendJson(reply, 200, transactionJson(record));
    void reply.header('location', `/v1/transactions/${record.id}`);
    sendJson(reply, 201, transactionJson(record));
  }

  @Get()
  async list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { cursor, limit = LIST_LIMIT_DEFAULT, ...filter } = parseRequest(listQuerySchema, request.query, 'query');
    const query: ListQuery = {
      ...filter,
      limit,
      ...(reachesAll(request) ? {} : { caller: callerOf(request) }),
      ...(cursor === undefined ? {} : { before: decodeCursor(cursor) }),
    };
    await reachMinCsn(request, this.api);
    const records = await this.api.list(query);
    const last = records.at(-1);
    const nextCursor = last && records.length === limit ? encodeCursor(last.id) : null;
    sendJson(reply, 200, transactionListJson(records, nextCursor));
  }

  @Get(':id')
  async get(@Req() request: OneTransaction, @Res() reply: FastifyReply): Promise<void> {
    const id = checkTransactionId(request.params.id);
    const options = parseRequest(transactionQuerySchema, request.query, 'query');
    await reachMinCsn(request, this.api);
    sendJson(reply, 200, transactionJson(await this.api.get(id, options, callContext(request))));
  }

  @Post(':id/branches')
  async enlist(@Req() request: OneTransaction, @Res() reply: FastifyReply): Promise<void> {
    const id = checkTransactionId(request.params.id);
    const { execute } = parseRequest(enlistQuerySchema, request.query, 'query');
    const body = parseRequest(branchRequestSchema, request.body, 'body');
    checkMayEnlist(request, [body]);
    const context = callContext(request);
    const branch = await (execute ? this.api.execute(id, body, context) : this.api.enlist(id, body, context));
    sendJson(reply, 201, branchJson(branch));
  }

  @Post(':id/commit')
  async commit(@Req() request: OneTransaction, @Res() reply: FastifyReply): Promise<void> {
    const [id, options] = parseEnd(request);
    sendJson(reply, 200, transactionJson(await this.api.commit(id, options, keyedCallContext(request))));
  }

  @Post(':id/rollback')
  async rollback(@Req() request: OneTransaction, @Res() reply: FastifyReply): Promise<void> {
    const [id, options] = parseEnd(request);
    sendJson(reply, 200, transactionJson(await this.api.rollback(id, options, keyedCallContext(request))));
  }
}

/** The body may be left out: all it can say has a default. */
function parseEnd(request: OneTransaction) {
  const id = checkTransactionId(request.params.id);
  parseRequest(emptyQuerySchema, request.query, 'query');
  return [id, parseRequest(endRequestSchema, request.body === undefined ? {} : request.body, 'body')] as const;
}
