import { randomBytes } from 'node:crypto';
import type { ReadOutcome } from './outcomes.js';

type Settle = (outcome: ReadOutcome) => void;

interface Round {
  readonly context: Uint8Array;
  readonly waiting: Settle[];
  ticks: number;
}

/**
 * Linearizable reads, many to a round of confirmation.
 *
 * A read joins only a round that begins after it: one round runs at a time, and what comes meanwhile shares the next.
 * A round whose confirmation got lost is asked for again with the same context, which stays true: it can only be answered
 * with a later index.
 */
export class ReadBatcher {
  #queued: Settle[] = [];
  #round: Round | undefined;
  #confirmed: { index: number; waiting: Settle[] }[] = [];
  #rounds = 0;
  readonly #nonce = randomBytes(8);

  /**
   * @param ask requests an index under a context; true if nobody can be asked
   * @param retryTicks after which an unanswered request is sent again
   */
  constructor(
    private readonly ask: (context: Uint8Array) => boolean,
    private readonly retryTicks: number,
    private readonly timeoutTicks: number,
  ) {}

  get length(): number {
    return this.#queued.length + (this.#round?.waiting.length ?? 0);
  }

  add(settle: Settle): void {
    this.#queued.push(settle);
  }

  /** Begins a round for what is queued, unless one runs. */
  begin(): void {
    if (this.#round || this.#queued.length === 0) return;
    const context = new Uint8Array(16);
    context.set(this.#nonce);
    new DataView(context.buffer).setFloat64(8, ++this.#rounds);
    this.#round = { context, waiting: this.#queued, ticks: 0 };
    this.#queued = [];
    if (this.ask(context)) this.#end('no-leader');
  }

  tick(): void {
    const round = this.#round;
    if (!round) return;
    round.ticks++;
    if (round.ticks >= this.timeoutTicks) this.#end('timeout');
    else if (round.ticks % this.retryTicks === 0 && this.ask(round.context)) this.#end('no-leader');
  }

  /** The core confirmed a round: its reads wait for `index` to be applied. */
  confirmed(context: Uint8Array, index: number, applied: number): void {
    const round = this.#round;
    if (!round || !sameBytes(round.context, context)) return;
    this.#round = undefined;
    this.#confirmed.push({ index, waiting: round.waiting });
    this.applied(applied);
    this.begin();
  }

  applied(index: number): void {
    while (this.#confirmed.length > 0 && (this.#confirmed[0] as { index: number }).index <= index) {
      const { index: reached, waiting } = this.#confirmed.shift() as { index: number; waiting: Settle[] };
      for (const settle of waiting) settle({ outcome: 'ready', index: reached });
    }
  }

  close(): void {
    const waiting = [
      ...this.#queued,
      ...(this.#round?.waiting ?? []),
      ...this.#confirmed.flatMap((one) => one.waiting),
    ];
    this.#queued = [];
    this.#round = undefined;
    this.#confirmed = [];
    for (const settle of waiting) settle({ outcome: 'not-confirmed', reason: 'closed' });
  }

  #end(reason: 'no-leader' | 'timeout'): void {
    const waiting = this.#round?.waiting ?? [];
    this.#round = undefined;
    for (const settle of waiting) settle({ outcome: 'not-confirmed', reason });
    this.begin();
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => b[at] === byte);
}
