import { ConcordatError } from '@concordat/protocol';
import { Controller, Get, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { COORDINATOR_API, type CoordinatorApi } from '../engine/api.js';
import type { InDoubtView } from '../engine/in-doubt-api.js';
import { callContext } from './idempotency.js';
import { actionsQuerySchema, inDoubtQuerySchema, MIN_AGE_MS_DEFAULT, resolveSchema } from './in-doubt-schemas.js';
import { sendJson } from './replies.js';
import { emptyQuerySchema, LIST_LIMIT_DEFAULT } from './schemas.js';
import { isoTime, transactionJson } from './transaction-json.js';
import { checkTransactionId, parseRequest } from './validation.js';

/** What operators look at and do about what is in doubt (docs/in-doubt.md). */
@Controller('v1')
export class InDoubtController {
  constructor(@Inject(COORDINATOR_API) private readonly api: CoordinatorApi) {}

  @Get('in-doubt')
  async list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const query = parseRequest(inDoubtQuerySchema, request.query, 'query');
    const { limit = LIST_LIMIT_DEFAULT, minAgeMs = MIN_AGE_MS_DEFAULT } = query;
    const view = await this.api.operators.inDoubt({ ...query, limit, minAgeMs });
    sendJson(reply, 200, JSON.stringify(inDoubtBody(view)));
  }

  @Post('transactions/:id/resolve')
  async resolve(@Req() request: FastifyRequest<{ Params: { id: string } }>, @Res() reply: FastifyReply): Promise<void> {
    const id = checkTransactionId(request.params.id);
    parseRequest(emptyQuerySchema, request.query, 'query');
    const body = parseRequest(resolveSchema, request.body, 'body');
    sendJson(reply, 200, transactionJson(await this.api.operators.resolve(id, body, callContext(request))));
  }

  @Get('operator-actions')
  async actions(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { limit = LIST_LIMIT_DEFAULT, cursor } = parseRequest(actionsQuerySchema, request.query, 'query');
    const actions = await this.api.operators.actions(limit, cursor === undefined ? undefined : beforeOf(cursor));
    const last = actions.at(-1);
    const items = actions.map((action) => ({ ...action, at: isoTime(action.at) }));
    sendJson(
      reply,
      200,
      JSON.stringify({ items, nextCursor: last && items.length === limit ? cursorOf(last.id) : null }),
    );
  }
}

const inDoubtBody = ({ now, items, total, participants }: InDoubtView) => ({
  items: items.map(({ id, since, ...item }) => ({
    transactionId: id,
    ...item,
    since: isoTime(since),
    ageMs: Math.max(0, now - since),
  })),
  total,
  participants: participants.map(({ name, health, preparedCount, oldestInDoubtMs, foreignPrepared = 0 }) => {
    return { participant: name, health, preparedCount, oldestInDoubtMs, foreignPrepared };
  }),
});

const cursorOf = (id: number): string => Buffer.from(`a1:${id}`).toString('base64url');

/** @throws ConcordatError `cursor-invalid` */
function beforeOf(cursor: string): number {
  const id = Number(Buffer.from(cursor, 'base64url').toString('latin1').slice(3));
  if (Number.isSafeInteger(id) && id > 0 && cursorOf(id) === cursor) return id;
  throw new ConcordatError('cursor-invalid', 'The cursor is not one that this service has given out.');
}
