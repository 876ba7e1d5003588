import { Controller, Get, Header, HttpCode, ServiceUnavailableException } from '@nestjs/common';
import { ParticipantMetrics } from './metrics.js';
import { ParticipantRuntime } from './participant-runtime.js';

/** Probes and metrics for the host application: `GET /health/live`, `/health/ready`, `/metrics`. */
@Controller()
export class ParticipantEndpoints {
  constructor(
    private readonly runtime: ParticipantRuntime,
    private readonly metrics: ParticipantMetrics,
  ) {}

  @Get('health/live')
  @HttpCode(200)
  live() {
    return { status: 'ok' };
  }

  @Get('health/ready')
  async ready() {
    const { ready, ...details } = await this.runtime.health();
    if (!ready) throw new ServiceUnavailableException({ status: 'unavailable', ...details });
    return { status: 'ok', ...details };
  }

  @Get('metrics')
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  scrape(): Promise<string> {
    return this.metrics.registry.metrics();
  }
}
