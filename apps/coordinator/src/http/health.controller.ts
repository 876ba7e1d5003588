import { ConcordatError } from '@concordat/protocol';
import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { COORDINATOR_API, type CoordinatorApi, type Readiness } from '../engine/api.js';
import { sendJson } from './replies.js';

/** Name of the check that fails until the state is recovered. */
export const STARTING_CHECK = 'start';

/** Probes for Kubernetes and for the starter. */
@Controller('health')
export class HealthController {
  constructor(@Inject(COORDINATOR_API) private readonly api: CoordinatorApi) {}

  @Get('live')
  async live(@Res() reply: FastifyReply): Promise<void> {
    sendJson(reply, 200, '{"status":"live"}');
  }

  @Get('ready')
  async ready(@Res() reply: FastifyReply): Promise<void> {
    const readiness = this.api.readiness();
    if (!readiness.ready) throw notReady(readiness);
    sendJson(reply, 200, JSON.stringify({ status: 'ready', checks: readiness.checks }));
  }

  /** Whether the state is recovered; a Kafka that is away later is no reason to start the process again. */
  @Get('startup')
  async startup(@Res() reply: FastifyReply): Promise<void> {
    const readiness = this.api.readiness();
    if (readiness.checks.some(({ name, ok }) => name === STARTING_CHECK && !ok)) throw notReady(readiness);
    sendJson(reply, 200, '{"status":"started"}');
  }
}

function notReady({ checks }: Readiness): ConcordatError {
  const amiss = checks.filter((check) => !check.ok).map((check) => check.detail ?? check.name);
  return new ConcordatError('not-ready', `Not ready: ${amiss.join('; ')}.`, { checks });
}
