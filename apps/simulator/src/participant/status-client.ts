/** Asks replicas of the coordinator what became of transactions, one after the other until one has applied enough (S1). */
import { ConcordatError, type StatusAnswer, type StatusesAnswer } from '@concordat/protocol';
import type { SeededRandom } from '@concordat/raft/simulator';
import type { StatusSource } from '@concordat/snapshot';
import type { Body } from '../messages.js';
import type { Deferred, Tasks } from '../tasks.js';

const ATTEMPTS_MAX = 12;
const TIMEOUT_MS = 120;
const PAUSE_MS = 15;

export class StatusClient implements StatusSource {
  #number = 0;
  readonly #waiting = new Map<number, Deferred<StatusesAnswer | null>>();

  constructor(
    private readonly tasks: Tasks,
    private readonly random: SeededRandom,
    private readonly replicas: readonly number[],
    private readonly send: (to: number, body: Body) => void,
    /** A process that died is not answered. */
    private readonly isAlive: () => boolean,
  ) {}

  receive(number: number, answer: StatusesAnswer | null): void {
    if (this.isAlive()) this.#waiting.get(number)?.resolve(answer);
    this.#waiting.delete(number);
  }

  /** @throws ConcordatError snapshot-unavailable */
  async at(ids: readonly string[], minCsn: number): Promise<ReadonlyMap<string, StatusAnswer>> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const answer = await this.#ask(ids, minCsn);
      if (answer) return new Map(ids.map((id, at) => [id, answer.statuses[at] as StatusAnswer]));
      await this.tasks.sleep(PAUSE_MS, this.isAlive);
    }
    throw new ConcordatError('snapshot-unavailable', 'no replica has answered');
  }

  async #ask(ids: readonly string[], minCsn: number): Promise<StatusesAnswer | null> {
    this.#number += 1;
    const number = this.#number;
    const deferred = this.tasks.deferred<StatusesAnswer | null>();
    this.#waiting.set(number, deferred);
    this.send(this.random.pick(this.replicas), { kind: 'ask', number, ids, minCsn });
    this.tasks.queue.after(TIMEOUT_MS, () => this.receive(number, null));
    return deferred.promise;
  }
}
