/** Whether new work is taken now: what has to be there for it, and how much of it may be under way. */

import { unavailable } from './errors.js';
import type { Leader } from './leader.js';
import type { ReplicaPorts } from './replica.js';

export interface AdmissionPorts extends Pick<ReplicaPorts, 'messenger'> {
  /** Whether too much waits for Postgres. */
  readonly backlogFull: () => boolean;
}

export class Admission {
  #stopping = false;

  /** @param inFlightMax bound on transactions that are not finished */
  constructor(
    private readonly inFlightMax: number,
    private readonly ports: AdmissionPorts,
  ) {}

  get stopping(): boolean {
    return this.#stopping;
  }

  /** D10: nothing new is admitted from now on. */
  stop(): void {
    this.#stopping = true;
  }

  /** Work that is sent to participants needs Kafka. @throws ConcordatError kafka-unavailable */
  admitWork(): void {
    if (!this.ports.messenger.available) throw unavailable('kafka-unavailable', 'Kafka cannot be reached.');
  }

  /** @throws ConcordatError stopping, kafka-unavailable, persistence-backlog-full, overloaded */
  admitTransaction(leader: Leader): void {
    if (this.#stopping) throw unavailable('stopping', 'This coordinator is stopping.');
    this.admitWork();
    if (this.ports.backlogFull()) {
      throw unavailable('persistence-backlog-full', 'Too many records wait for Postgres.');
    }
    if (leader.inFlight >= this.inFlightMax) {
      throw unavailable('overloaded', `${leader.inFlight} transactions are in flight, which is the limit.`);
    }
  }
}
