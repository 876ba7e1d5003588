import { ConcordatError, NAME_PATTERN } from '@concordat/protocol';
import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { COORDINATOR_API, type CoordinatorApi, type ParticipantView } from '../engine/api.js';
import { sendJson } from './replies.js';
import { emptyQuerySchema } from './schemas.js';
import { isoTime } from './transaction-json.js';
import { parseRequest } from './validation.js';

/** Participants over REST (design §6). */
@Controller('v1/participants')
export class ParticipantsController {
  constructor(@Inject(COORDINATOR_API) private readonly api: CoordinatorApi) {}

  @Get()
  async list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    parseRequest(emptyQuerySchema, request.query, 'query');
    const items = this.api.participants().map(participantBody);
    sendJson(reply, 200, JSON.stringify({ items, nextCursor: null }));
  }

  @Get(':name')
  async get(@Req() request: FastifyRequest<{ Params: { name: string } }>, @Res() reply: FastifyReply): Promise<void> {
    const { name } = request.params;
    parseRequest(emptyQuerySchema, request.query, 'query');
    if (!NAME_PATTERN.test(name)) {
      throw new ConcordatError('participant-not-found', 'No participant has a name of this form.');
    }
    sendJson(reply, 200, JSON.stringify(participantBody(this.api.participant(name))));
  }
}

const rounded = (suspicion: number | null) => suspicion && Math.round(suspicion * 100) / 100;

const participantBody = (view: ParticipantView) => ({
  name: view.name,
  isolation: view.isolation,
  health: view.health,
  suspicion: rounded(view.suspicion),
  observers: view.observers.map(({ nodeId, word, suspicion, ageMs }) => {
    return { nodeId, word, suspicion: rounded(suspicion), ageMs: Math.round(ageMs) };
  }),
  instances: view.instances,
  lastHeartbeatAt: view.lastHeartbeatAt === null ? null : isoTime(view.lastHeartbeatAt),
  lag: view.lag,
  preparedCount: view.preparedCount,
  oldestInDoubtMs: view.oldestInDoubtMs,
  operations: view.operations,
});
