import { ConcordatError } from '@concordat/protocol';
import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { COORDINATOR_API, type CoordinatorApi, type Readiness } from '../engine/api.js';
import { sendJson } from './replies.js';

/** Probes for Kubernetes and for the starter. */
@Controller('health')
export class HealthController {
  private started = false;

  constructor(@Inject(COORDINATOR_API) private readonly api: CoordinatorApi) {}

  @Get('live')
  async live(@Res() reply: FastifyReply): Promise<void> {
    sendJson(reply, 200, '{"status":"live"}');
  }

  @Get('ready')
  async ready(@Res() reply: FastifyReply): Promise<void> {
    sendJson(reply, 200, JSON.stringify({ status: 'ready', checks: this.checkReady().checks }));
  }

  @Get('startup')
  async startup(@Res() reply: FastifyReply): Promise<void> {
    if (!this.started) this.checkReady();
    sendJson(reply, 200, '{"status":"started"}');
  }

  /** @throws ConcordatError `not-ready` with what is amiss */
  private checkReady(): Readiness {
    const readiness = this.api.readiness();
    if (!readiness.ready) {
      const amiss = readiness.checks.filter((check) => !check.ok).map((check) => check.detail ?? check.name);
      const detail = `Not ready: ${amiss.join('; ') || 'still starting'}.`;
      throw new ConcordatError('not-ready', detail, { checks: readiness.checks });
    }
    this.started = true;
    return readiness;
  }
}
