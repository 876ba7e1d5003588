import { type ConfChange, decodeConfChange } from '../confchange/conf-change.js';
import { type ConfState, type Entry, EntryType, type Message } from '../core/messages.js';
import type { StateMachine } from './state-machine.js';

type Job = () => void | Promise<void>;

/** What the applier tells the node. */
export interface ApplierListener<Result> {
  /** The core has to know at once that the membership changed. @returns the membership from here on */
  changeMembers(change: ConfChange, index: number): ConfState;
  applied(entry: Entry, result: Result | undefined): void;
  /** The core knows by now that this change is applied: it takes the next. */
  membersChanged(entry: Entry): void;
  /** Everything up to here is applied. */
  reached(index: number): void;
  deliver(responses: readonly Message[]): void;
  failed(error: unknown): void;
}

/**
 * Brings committed entries to the state machine, one job at a time, in the order of the log. As long as the state machine
 * answers at once, so does the applier: no turn of the event loop is lost.
 */
export class Applier<Result> {
  #jobs: Job[] = [];
  #busy = false;
  #stalledTicks = 0;
  #index: number;

  /**
   * @param index up to which the core takes everything as applied
   * @param skipThrough up to which the state machine has everything already, by its own means
   */
  constructor(
    private readonly stateMachine: StateMachine<Result>,
    private readonly listener: ApplierListener<Result>,
    index: number,
    private readonly skipThrough: number,
  ) {
    this.#index = index;
  }

  /** Last index applied. */
  get index(): number {
    return this.#index;
  }

  /** For how many ticks the present job has run. */
  get stalledTicks(): number {
    return this.#stalledTicks;
  }

  tick(): void {
    this.#stalledTicks = this.#busy ? this.#stalledTicks + 1 : 0;
  }

  /** @param work a StorageApply message */
  apply(work: Message): void {
    this.enqueue(() => {
      const deliver = () => {
        this.listener.deliver(work.responses);
        for (const entry of work.entries) if (entry.type !== EntryType.Normal) this.listener.membersChanged(entry);
      };
      const done = this.#applyAll(work.entries);
      return done ? done.then(deliver) : deliver();
    });
  }

  /** The state machine's state was replaced by a snapshot at this index. */
  jumpTo(index: number): void {
    this.#index = index;
    this.listener.reached(index);
  }

  /** Runs something between two jobs. */
  enqueue(job: Job): void {
    this.#jobs.push(job);
    if (!this.#busy) this.#run();
  }

  #run(): void {
    this.#busy = true;
    try {
      for (let job = this.#jobs.shift(); job; job = this.#jobs.shift()) {
        this.#stalledTicks = 0;
        const done = job();
        if (!done) continue;
        done.then(() => this.#run(), this.listener.failed);
        return;
      }
    } catch (error) {
      this.listener.failed(error);
      return;
    }
    this.#busy = false;
  }

  #applyAll(entries: readonly Entry[]): void | Promise<void> {
    if (entries.some((entry) => entry.type !== EntryType.Normal)) return this.#applyInParts(entries);
    return this.#applyNormal(entries);
  }

  async #applyInParts(entries: readonly Entry[]): Promise<void> {
    let from = 0;
    for (const [at, entry] of entries.entries()) {
      if (entry.type === EntryType.Normal) continue;
      await this.#applyNormal(entries.slice(from, at));
      await this.#applyConfChange(entry);
      from = at + 1;
    }
    await this.#applyNormal(entries.slice(from));
  }

  #applyNormal(entries: readonly Entry[]): void | Promise<void> {
    if (entries.length === 0) return;
    const wanted = entries.filter((entry) => entry.data.length > 0 && entry.index > this.skipThrough);
    if (wanted.length === 0) return this.#settle(entries, wanted, []);
    const results = this.stateMachine.apply(wanted);
    if (isPromise(results)) return results.then((all) => this.#settle(entries, wanted, all));
    this.#settle(entries, wanted, results);
  }

  #settle(entries: readonly Entry[], wanted: readonly Entry[], results: readonly Result[]): void {
    if (results.length !== wanted.length) {
      throw new Error(`the state machine gave ${results.length} results for ${wanted.length} entries`);
    }
    let at = 0;
    for (const entry of entries) {
      const result = entry === wanted[at] ? results[at++] : undefined;
      this.#index = entry.index;
      this.listener.applied(entry, result);
    }
    this.listener.reached(this.#index);
  }

  async #applyConfChange(entry: Entry): Promise<void> {
    const change = decodeConfChange(entry.type, entry.data);
    const confState = this.listener.changeMembers(change, entry.index);
    if (entry.index > this.skipThrough) await this.stateMachine.applyConfChange?.(change, confState, entry.index);
    this.#index = entry.index;
    this.listener.reached(entry.index);
  }
}

function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as { then?: unknown }).then === 'function';
}
