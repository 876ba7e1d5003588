import { type Isolation, type OperationDescriptor, WIRE_VERSION } from '@concordat/protocol';
import type { PreparedBranches } from './prepared-branches.js';
import type { Replies } from './replies.js';
import type { Surroundings } from './surroundings.js';
import type { Troubles } from './troubles.js';

/** Tells the coordinator that this participant lives, what it can do, and how much it has in doubt. */
export class HeartbeatSender {
  #sending: Promise<void> | undefined;

  constructor(
    private readonly announcement: {
      /** Random per process start. */
      readonly instance: string;
      readonly isolation: Isolation;
      readonly operations: readonly OperationDescriptor[];
    },
    private readonly prepared: PreparedBranches,
    private readonly sweep: { readonly foreign: number },
    private readonly troubles: Troubles,
    private readonly replies: Replies,
    private readonly surroundings: Surroundings,
  ) {}

  /** Sends one, unless the one before is still on its way. */
  beat(): void {
    this.#sending ??= this.#send(false).finally(() => {
      this.#sending = undefined;
    });
  }

  /** The last one of a graceful stop. */
  async sayStopping(): Promise<void> {
    await this.#sending;
    await this.#send(true);
  }

  #send(stopping: boolean): Promise<void> {
    const { participant, clock } = this.surroundings;
    const { instance, isolation, operations } = this.announcement;
    const troubles = this.troubles.latest;
    return this.replies.heartbeat({
      v: WIRE_VERSION,
      type: 'heartbeat',
      participant,
      instance,
      isolation,
      operations: [...operations],
      preparedCount: this.prepared.size,
      oldestPreparedMs: this.prepared.oldestMs(clock.nowMs()),
      stopping,
      ...(this.sweep.foreign > 0 && { foreignPrepared: this.sweep.foreign }),
      ...(troubles.length > 0 && { troubles }),
    });
  }
}
