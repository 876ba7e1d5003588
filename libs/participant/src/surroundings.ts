import type { Logger } from 'pino';
import type { Clock, Random } from './backoff.js';
import type { ParticipantLimits } from './limits.js';
import type { ParticipantMetrics } from './metrics.js';

/** What every part of a participant may need and none owns. */
export interface Surroundings {
  readonly participant: string;
  readonly limits: ParticipantLimits;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: ParticipantMetrics;
  readonly logger: Logger;
}
