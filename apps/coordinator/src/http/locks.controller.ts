import { ConcordatError } from '@concordat/protocol';
import { Controller, Delete, Get, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { COORDINATOR_API, type CoordinatorApi } from '../engine/api.js';
import type { LockCall } from '../engine/locks-api.js';
import { callerOf } from './caller.js';
import { keyedCallContext } from './idempotency.js';
import { grantedJson, grantedSessionJson, lockJson, lockListJson, lockSessionJson } from './locks-json.js';
import {
  acquireRequestSchema,
  LOCK_LIST_LIMIT_DEFAULT,
  LOCK_SESSION_PATTERN,
  lockListQuerySchema,
  lockNameSchema,
  lockQuerySchema,
  sessionRequestSchema,
  tokenRequestSchema,
} from './locks-schemas.js';
import { sendJson } from './replies.js';
import { emptyQuerySchema } from './schemas.js';
import { parseRequest } from './validation.js';

type OneLock = FastifyRequest<{ Params: { name: string } }>;
type OneSession = FastifyRequest<{ Params: { session: string } }>;

/** Locks with fencing tokens, and the sessions that keep them alive (docs/locks.md). */
@Controller('v1')
export class LocksController {
  constructor(@Inject(COORDINATOR_API) private readonly api: CoordinatorApi) {}

  @Get('locks')
  async list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const {
      cursor,
      limit = LOCK_LIST_LIMIT_DEFAULT,
      ...filter
    } = parseRequest(lockListQuerySchema, request.query, 'query');
    const views = await this.api.locks.list({
      ...filter,
      limit,
      ...(cursor !== undefined && { after: decodeCursor(cursor) }),
    });
    const last = views.at(-1);
    const nextCursor = last && views.length === limit ? encodeCursor(last.name) : null;
    sendJson(reply, 200, lockListJson(views, nextCursor));
  }

  @Get('locks/:name')
  async get(@Req() request: OneLock, @Res() reply: FastifyReply): Promise<void> {
    const { consistency } = parseRequest(lockQuerySchema, request.query, 'query');
    sendJson(reply, 200, lockJson(await this.api.locks.read(lockNameOf(request), consistency)));
  }

  @Post('locks/:name/acquire')
  @HttpCode(200)
  async acquire(@Req() request: OneLock, @Res() reply: FastifyReply): Promise<void> {
    const since = performance.now();
    const name = lockNameOf(request);
    parseRequest(emptyQuerySchema, request.query, 'query');
    const body = parseRequest(acquireRequestSchema, request.body, 'body');
    const { owner = '', ttlMs = 0, session, waitMs = 0, mode = 'exclusive' } = body;
    const asked = session === undefined ? { owner, ttlMs } : { session };
    const call = { ...callOf(request), signal: whileConnected(reply) };
    sendJson(reply, 200, grantedJson(await this.api.locks.acquire({ name, mode, waitMs, ...asked }, call), since));
  }

  @Post('locks/:name/renew')
  @HttpCode(200)
  async renew(@Req() request: OneLock, @Res() reply: FastifyReply): Promise<void> {
    const since = performance.now();
    const { name, token } = tokenOf(request);
    sendJson(reply, 200, grantedJson(await this.api.locks.renew(name, token, callerOf(request)), since));
  }

  @Post('locks/:name/release')
  async release(@Req() request: OneLock, @Res() reply: FastifyReply): Promise<void> {
    const { name, token } = tokenOf(request);
    await this.api.locks.release(name, token, callerOf(request));
    void reply.code(204).send();
  }

  @Post('lock-sessions')
  async openSession(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const since = performance.now();
    parseRequest(emptyQuerySchema, request.query, 'query');
    const { owner, ttlMs } = parseRequest(sessionRequestSchema, request.body, 'body');
    const opened = await this.api.locks.openSession(owner, ttlMs, callOf(request));
    void reply.header('location', `/v1/lock-sessions/${opened.held.id}`);
    sendJson(reply, 201, grantedSessionJson(opened, since));
  }

  @Get('lock-sessions/:session')
  async getSession(@Req() request: OneSession, @Res() reply: FastifyReply): Promise<void> {
    parseRequest(emptyQuerySchema, request.query, 'query');
    sendJson(reply, 200, lockSessionJson(await this.api.locks.readSession(sessionIdOf(request))));
  }

  @Post('lock-sessions/:session/renew')
  @HttpCode(200)
  async renewSession(@Req() request: OneSession, @Res() reply: FastifyReply): Promise<void> {
    const since = performance.now();
    parseRequest(emptyQuerySchema, request.query, 'query');
    const renewed = await this.api.locks.renewSession(sessionIdOf(request), callerOf(request));
    sendJson(reply, 200, grantedSessionJson(renewed, since));
  }

  @Delete('lock-sessions/:session')
  async endSession(@Req() request: OneSession, @Res() reply: FastifyReply): Promise<void> {
    parseRequest(emptyQuerySchema, request.query, 'query');
    await this.api.locks.endSession(sessionIdOf(request), callerOf(request));
    void reply.code(204).send();
  }
}

/** @throws ConcordatError request-invalid */
export const lockNameOf = (request: OneLock): string => parseRequest(lockNameSchema, request.params.name, 'path');

function tokenOf(request: OneLock): { name: string; token: number } {
  parseRequest(emptyQuerySchema, request.query, 'query');
  const { fencingToken } = parseRequest(tokenRequestSchema, request.body, 'body');
  return { name: lockNameOf(request), token: fencingToken };
}

function sessionIdOf({ params }: OneSession): string {
  if (LOCK_SESSION_PATTERN.test(params.session)) return params.session;
  throw new ConcordatError('lock-session-not-found', 'No session has an id of this form.');
}

function callOf(request: FastifyRequest): LockCall {
  const { caller, claim } = keyedCallContext(request);
  return { caller, ...(claim && { key: claim.key }) };
}

/** Aborted when the connection ends before the answer: nobody would hear of what is granted then. */
function whileConnected({ raw }: FastifyReply): AbortSignal {
  const gone = new AbortController();
  raw.once('close', () => {
    if (!raw.writableEnded) gone.abort();
  });
  if (raw.destroyed) gone.abort();
  return gone.signal;
}

/** Opaque to callers: names the last lock of a page. */
const encodeCursor = (name: string): string => Buffer.from(`l1:${name}`).toString('base64url');

function decodeCursor(cursor: string): string {
  const text = Buffer.from(cursor, 'base64url').toString('latin1');
  const name = text.slice(3);
  if (text.startsWith('l1:') && lockNameSchema.safeParse(name).success && encodeCursor(name) === cursor) return name;
  throw new ConcordatError('cursor-invalid', 'The cursor is not one that this service has given out.');
}
