import type { Entry } from '@concordat/transaction';
import type { Clock } from './ports.js';

/** FORGET names at most this many transactions in one entry. */
const FORGET_BATCH_MAX = 1000;
/** How long a FORGET gathers, in ms: one flush for many transactions, also when they come one at a time. */
const FORGET_GATHER_MS = 20;

/** A transaction with every DONE in, and what was raised of it. */
export interface Forgettable {
  readonly id: string;
  readonly hazards: readonly string[];
}

/** D7: FORGET in batches; the next batch gathers while one is under way, and a moment longer if nobody waits for it. */
export class Forgetting {
  #gathered: Forgettable[] = [];
  #underWay = false;
  /** Whether somebody waits for one of those that have gathered. */
  #isAwaited = false;
  #stopped = false;

  /** @param ports `propose`: see DecisionLog.propose */
  constructor(
    private readonly ports: { readonly propose: (entry: Entry, mayWait: boolean) => void; readonly clock: Clock },
  ) {}

  /** @param isAwaited whether somebody waits for its end */
  add(transaction: Forgettable, isAwaited: boolean): void {
    this.#gathered.push(transaction);
    if (isAwaited) this.#isAwaited = true;
    if (!this.#underWay) this.#propose();
  }

  /** A FORGET is applied: what has gathered meanwhile goes next. */
  applied(): void {
    this.#underWay = false;
    this.#propose();
  }

  stop(): void {
    this.#stopped = true;
  }

  #propose(): void {
    if (this.#gathered.length === 0 || this.#stopped) return;
    this.#underWay = true;
    const isAwaited = this.#isAwaited;
    this.#isAwaited = false;
    const send = () => {
      if (this.#stopped) return;
      const transactions = this.#gathered.splice(0, FORGET_BATCH_MAX);
      this.ports.propose({ type: 'forget', at: this.ports.clock.now(), transactions }, !isAwaited);
    };
    setTimeout(send, isAwaited ? 0 : FORGET_GATHER_MS);
  }
}
