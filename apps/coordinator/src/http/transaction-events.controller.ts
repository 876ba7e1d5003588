import type { TransactionRecord } from '@concordat/transaction';
import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { COORDINATOR_API, type CoordinatorApi } from '../engine/api.js';
import { callerOf } from './caller.js';
import { EventStreams } from './event-streams.js';
import { callContext } from './idempotency.js';
import { reachMinCsn } from './min-csn.js';
import { emptyQuerySchema } from './schemas.js';
import { transactionJson } from './transaction-json.js';
import { checkTransactionId, parseRequest } from './validation.js';

/** `GET /v1/transactions/{id}/events`: every state of one transaction, until it is completed. */
@Controller('v1/transactions')
export class TransactionEventsController {
  constructor(
    @Inject(COORDINATOR_API) private readonly api: CoordinatorApi,
    @Inject(EventStreams) private readonly streams: EventStreams,
  ) {}

  @Get(':id/events')
  async watch(@Req() request: FastifyRequest<{ Params: { id: string } }>, @Res() reply: FastifyReply): Promise<void> {
    const id = checkTransactionId(request.params.id);
    parseRequest(emptyQuerySchema, request.query, 'query');
    this.streams.checkRoom(callerOf(request));
    await reachMinCsn(request, this.api);
    if (request.method === 'HEAD') {
      await this.api.get(id, {}, callContext(request));
      return void reply.header('content-type', 'text/event-stream; charset=utf-8').send();
    }
    // What is told before the response has begun is kept: until `watch` returns, the id may still turn out unknown.
    const early: TransactionRecord[] = [];
    let deliver = (record: TransactionRecord): void => void early.push(record);
    const unwatch = await this.api.watch(id, (record) => deliver(record), callContext(request));
    if (reply.raw.destroyed) return unwatch();

    void reply.hijack();
    const stream = this.streams.start(reply.raw, callerOf(request));
    stream.onEnd(unwatch);
    deliver = (record) => {
      stream.send(transactionJson(record));
      if (record.status === 'completed') stream.end();
    };
    for (const record of early) deliver(record);
  }
}
