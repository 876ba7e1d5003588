/**
 * A caller: one transaction at a time, in one call or operation by operation, at whichever replica it thinks of. It does not
 * give up on an outcome: it asks again by key or by id until it is told (D8), but for a few that leave it unknown.
 */
import type { Isolation } from '@concordat/protocol';
import type { SeededRandom } from '@concordat/raft/simulator';
import type { BranchRecord } from '@concordat/transaction';
import type { Observer } from './checkers/observer.js';
import type { Body, Call, CallAnswer, Envelope } from './messages.js';
import type { Deferred, Tasks } from './tasks.js';
import type { Plan, Workload } from './workload.js';

const TIMEOUT_MS = 700;
const RETRY_MS_MAX = 250;
/** Of an outcome that is not known, how often the client leaves it at that. */
const GIVE_UP = 0.03;

export interface ClientPorts {
  readonly tasks: Tasks;
  readonly random: SeededRandom;
  readonly replicas: readonly number[];
  readonly send: (envelope: Envelope) => void;
  readonly workload: Workload;
  readonly observer: Observer;
  readonly isolation: Isolation;
  readonly serializable: boolean;
  readonly thinkMsMax: number;
}

interface Outcome {
  readonly outcome: 'committed' | 'aborted' | 'unknown';
  readonly branches: readonly BranchRecord[];
}

const UNKNOWN: Outcome = { outcome: 'unknown', branches: [] };
const ABORTED: Outcome = { outcome: 'aborted', branches: [] };

export class Client {
  isIdle = true;
  /** Set for good once the faults are over: then every outcome is waited for. */
  isPatient = false;
  #isStopped = false;
  #number = 0;
  #transactions = 0;
  #replica: number;
  readonly #waiting = new Map<number, Deferred<CallAnswer | undefined>>();

  constructor(
    readonly address: number,
    private readonly ports: ClientPorts,
  ) {
    this.#replica = ports.random.pick(ports.replicas);
  }

  start(): void {
    this.ports.tasks.run(async () => {
      while (!this.#isStopped) {
        await this.ports.tasks.sleep(this.ports.random.below(this.ports.thinkMsMax));
        if (!this.#isStopped) await this.transact(this.ports.workload.draw());
      }
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.isPatient = true;
  }

  receive({ body }: Envelope): void {
    if (body.kind !== 'answer') return;
    this.#waiting.get(body.number)?.resolve(body.answer);
    this.#waiting.delete(body.number);
  }

  /** @returns whether it committed */
  async transact(plan: Plan): Promise<boolean> {
    const { random, observer, isolation } = this.ports;
    this.isIdle = false;
    const isInteractive = isolation === 'global' && random.chance(0.4);
    const open = observer.invoke(this.address, plan);
    const { outcome, branches } = await (isInteractive ? this.#interactive(plan) : this.#oneShot(plan));
    open.complete(outcome, branches);
    this.isIdle = true;
    return outcome === 'committed';
  }

  /** The same key each time: whichever call is carried out, it is one transaction. */
  async #oneShot(plan: Plan): Promise<Outcome> {
    this.#transactions += 1;
    const key = `${this.address}.${this.#transactions}`;
    const call = this.#begin(plan, key);
    for (;;) {
      const settled = this.#outcomeOf(await this.#call(call), key);
      if (settled) return settled;
      if (this.#givesUp()) return UNKNOWN;
    }
  }

  async #interactive(plan: Plan): Promise<Outcome> {
    const begun = await this.#call(this.#begin({ ...plan, operations: [] }, null));
    if (begun?.type !== 'begun') return ABORTED; // whatever was begun, nobody commits it
    const { id } = begun;
    for (const operation of plan.operations) {
      const answer = await this.#call({ type: 'execute', id, operation });
      const settled = this.#outcomeOf(answer, null);
      if (settled) return settled;
      if (answer?.type !== 'executed') return this.#settle('rollback', id);
      this.ports.observer.told(id, answer.branchId, answer.result);
    }
    return this.#settle(this.ports.random.chance(0.9) ? 'commit' : 'rollback', id);
  }

  /** Asks once for an end, then reads what has become of it. */
  async #settle(type: 'commit' | 'rollback', id: string): Promise<Outcome> {
    for (let next: Call = { type, id }; ; next = { type: 'read', id }) {
      const settled = this.#outcomeOf(await this.#call(next), null);
      if (settled) return settled;
      if (this.#givesUp()) return UNKNOWN;
    }
  }

  #begin({ operations }: Plan, key: string | null): Call {
    const { isolation, serializable, random } = this.ports;
    return { type: 'begin', isolation, serializable, timeoutMs: random.between(1_000, 5_000), key, operations };
  }

  #outcomeOf(answer: CallAnswer | undefined, key: string | null): Outcome | undefined {
    if (answer?.type !== 'outcome') return undefined;
    const { id, outcome, branches } = answer.record;
    if (outcome === null) return undefined;
    this.ports.observer.answered(id, key, outcome);
    return { outcome, branches };
  }

  #givesUp(): boolean {
    return !this.isPatient && this.ports.random.chance(GIVE_UP);
  }

  /** One try; undefined if nothing is heard. A refusal takes the client elsewhere. */
  async #call(call: Call): Promise<CallAnswer | undefined> {
    const { tasks, random, replicas, send } = this.ports;
    this.#number += 1;
    const number = this.#number;
    const deferred = tasks.deferred<CallAnswer | undefined>();
    this.#waiting.set(number, deferred);
    const body: Body = { kind: 'call', number, call };
    send({ from: this.address, to: this.#replica, body });
    tasks.queue.after(TIMEOUT_MS, () => {
      if (this.#waiting.delete(number)) deferred.resolve(undefined);
    });
    const answer = await deferred.promise;
    if (answer !== undefined && answer.type !== 'refused' && answer.type !== 'undecided') return answer;
    const led = answer?.type === 'refused' ? Number(answer.code.split(' ')[1]) : 0;
    this.#replica = replicas.includes(led) && random.chance(0.7) ? led : random.pick(replicas);
    await tasks.sleep(random.below(RETRY_MS_MAX));
    return answer;
  }
}
