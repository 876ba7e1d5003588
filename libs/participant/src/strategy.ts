import { type CustomTransportStrategy, Server } from '@nestjs/microservices';
import type { OperationDiscovery } from './operation-discovery.js';
import type { ParticipantRuntime } from './participant-runtime.js';

/**
 * Lets a Nest application serve transactions as it serves any other transport:
 * `app.connectMicroservice({ strategy: app.get(ParticipantStrategy) })`.
 */
export class ParticipantStrategy extends Server implements CustomTransportStrategy {
  constructor(
    private readonly runtime: ParticipantRuntime,
    private readonly discovery: OperationDiscovery,
  ) {
    super();
  }

  /** Calls back when the participant takes commands, or with the error that keeps it from ever doing so. */
  listen(callback: (error?: unknown) => void): void {
    this.runtime.start(this.discovery.discover()).then(
      () => callback(),
      (error: unknown) => callback(error),
    );
  }

  close(): Promise<void> {
    return this.runtime.stop();
  }

  on(): never {
    throw new Error('a participant has no events to listen to; see its metrics and its log');
  }

  unwrap<T>(): T {
    return this.runtime as T;
  }
}
