import { ConcordatError } from '@concordat/protocol';
import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { type Check, COORDINATOR_API, type CoordinatorApi } from '../engine/api.js';
import { Liveness } from '../engine/liveness.js';
import { sendJson } from './replies.js';

/** Name of the check that fails until the state is recovered. */
export const STARTING_CHECK = 'start';

/** Probes for Kubernetes and for the starter. */
@Controller('health')
export class HealthController {
  constructor(
    @Inject(COORDINATOR_API) private readonly api: CoordinatorApi,
    @Inject(Liveness) private readonly liveness: Liveness,
  ) {}

  /** Whether a restart would help: see `engine/liveness.ts`. */
  @Get('live')
  async live(@Res() reply: FastifyReply): Promise<void> {
    const checks = this.liveness.checks();
    if (checks.some(({ ok }) => !ok)) throw refusal('No progress', checks);
    sendJson(reply, 200, JSON.stringify({ status: 'live', checks }));
  }

  /** Whether calls should be sent here: it knows a leader and has kept up with it. */
  @Get('ready')
  async ready(@Res() reply: FastifyReply): Promise<void> {
    const readiness = this.api.readiness();
    if (!readiness.ready) throw refusal('Not ready', readiness.checks);
    sendJson(reply, 200, JSON.stringify({ status: 'ready', checks: readiness.checks }));
  }

  /** Whether the state is recovered; a Kafka that is away later is no reason to start the process again. */
  @Get('startup')
  async startup(@Res() reply: FastifyReply): Promise<void> {
    const readiness = this.api.readiness();
    if (readiness.checks.some(({ name, ok }) => name === STARTING_CHECK && !ok)) {
      throw refusal('Not ready', readiness.checks);
    }
    sendJson(reply, 200, '{"status":"started"}');
  }
}

function refusal(what: string, checks: readonly Check[]): ConcordatError {
  const amiss = checks.filter(({ ok, advisory }) => !ok && !advisory).map(({ detail, name }) => detail ?? name);
  return new ConcordatError('not-ready', `${what}: ${amiss.join('; ')}.`, { checks });
}
