import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { COORDINATOR_API, type CoordinatorApi } from '../engine/api.js';
import type { LockView } from '../engine/locks-api.js';
import { callerOf } from './caller.js';
import { EventStreams } from './event-streams.js';
import { lockNameOf } from './locks.controller.js';
import { lockJson } from './locks-json.js';
import { emptyQuerySchema } from './schemas.js';
import { parseRequest } from './validation.js';

/** `GET /v1/locks/{name}/events`: a lock as it is, then whenever a holder comes or goes, until the client has enough. */
@Controller('v1/locks')
export class LockEventsController {
  constructor(
    @Inject(COORDINATOR_API) private readonly api: CoordinatorApi,
    @Inject(EventStreams) private readonly streams: EventStreams,
  ) {}

  @Get(':name/events')
  async watch(@Req() request: FastifyRequest<{ Params: { name: string } }>, @Res() reply: FastifyReply): Promise<void> {
    const name = lockNameOf(request);
    parseRequest(emptyQuerySchema, request.query, 'query');
    this.streams.checkRoom(callerOf(request));
    if (request.method === 'HEAD') {
      return void reply.header('content-type', 'text/event-stream; charset=utf-8').send();
    }
    // What is told before the response has begun is kept.
    const early: LockView[] = [];
    let deliver = (view: LockView): void => void early.push(view);
    const unwatch = await this.api.locks.watch(name, (view) => deliver(view));
    if (reply.raw.destroyed) return unwatch();

    void reply.hijack();
    const stream = this.streams.start(reply.raw, callerOf(request), 'lock');
    stream.onEnd(unwatch);
    deliver = (view) => stream.send(lockJson(view));
    for (const view of early) deliver(view);
  }
}
