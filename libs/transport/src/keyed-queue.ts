/**
 * Runs a handler over messages: those of one key one after the other, those of different keys at the same time. Owns
 * the order and the count of what is outstanding; knows nothing of brokers or offsets.
 *
 * Invariants:
 * - K1 For one key at most one handler runs, and handlers start in the order of `push`.
 * - K2 A key without anything running holds no memory.
 * - K3 A message whose handler returned synchronously, and that had nothing to wait for, is done when `push` returns.
 * - K4 At most `outstandingMax` messages are running or behind their key; the rest wait in the order of arrival, and the
 *   one who pushes is expected to stop at `full`.
 */

/** A message that can be queued by key. An empty key stands for no order at all. */
interface Keyed {
  readonly key: string;
}

interface KeyedQueueOptions<Message extends Keyed> {
  outstandingMax: number;
  handle(message: Message): void | Promise<void>;
  /** Called once per message when its handler has ended, in whatever way. */
  onDone(message: Message): void;
  onError(error: unknown, message: Message): void;
}

const nothingWaiting: readonly never[] = [];

export class KeyedQueue<Message extends Keyed> {
  readonly #options: KeyedQueueOptions<Message>;
  /** Keys with a running handler, and what waits behind it. */
  readonly #running = new Map<string, Message[] | readonly never[]>();
  /** Arrived when the bound was reached. */
  #overflow: Message[] = [];
  #outstanding = 0;
  #roomWaiters: Array<() => void> = [];
  #idleWaiters: Array<() => void> = [];

  constructor(options: KeyedQueueOptions<Message>) {
    this.#options = options;
  }

  /** Messages that were pushed and are not done. */
  get outstanding(): number {
    return this.#outstanding + this.#overflow.length;
  }

  /** True when no more should be pushed. */
  get full(): boolean {
    return this.outstanding >= this.#options.outstandingMax;
  }

  push(message: Message): void {
    if (this.full) this.#overflow.push(message);
    else this.#admit(message);
  }

  /** Resolves when half of the bound is free, so that reading goes on in strides. */
  async room(): Promise<void> {
    if (this.outstanding <= this.#options.outstandingMax >> 1) return;
    await new Promise<void>((resolve) => this.#roomWaiters.push(resolve));
  }

  /** Resolves when nothing is outstanding. */
  async idle(): Promise<void> {
    if (this.outstanding === 0) return;
    await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  /** Forgets what was not started; what runs is left to end. */
  dropWaiting(): void {
    this.#overflow = [];
    for (const [key, waiting] of this.#running) {
      this.#outstanding -= waiting.length;
      this.#running.set(key, nothingWaiting);
    }
    this.#notify();
  }

  #admit(message: Message): void {
    const waiting = message.key === '' ? undefined : this.#running.get(message.key);
    if (waiting === undefined) {
      this.#start(message);
      return;
    }
    this.#outstanding += 1;
    if (waiting === nothingWaiting) this.#running.set(message.key, [message]);
    else (waiting as Message[]).push(message);
  }

  #start(message: Message): void {
    const running = this.#run(message);
    if (running === undefined) {
      this.#options.onDone(message);
      return;
    }
    this.#outstanding += 1;
    if (message.key !== '') this.#running.set(message.key, nothingWaiting);
    void this.#continueAfter(running, message);
  }

  /** Starts the handler. @returns its promise, or undefined if it has ended already */
  #run(message: Message): Promise<void> | undefined {
    try {
      return this.#options.handle(message) ?? undefined;
    } catch (error) {
      this.#options.onError(error, message);
      return undefined;
    }
  }

  /** Sees a handler to its end, then those that waited for it. Never rejects. */
  async #continueAfter(running: Promise<void> | undefined, first: Message): Promise<void> {
    let current: Message | undefined = first;
    let promise = running;
    while (current) {
      try {
        await promise;
      } catch (error) {
        this.#options.onError(error, current);
      }
      this.#finish(current);
      current = this.#takeNext(first.key);
      promise = current && this.#run(current);
    }
  }

  #takeNext(key: string): Message | undefined {
    if (key === '') return undefined;
    const next = (this.#running.get(key) as Message[] | undefined)?.shift();
    if (next === undefined) this.#running.delete(key);
    return next;
  }

  #finish(message: Message): void {
    this.#outstanding -= 1;
    this.#options.onDone(message);
    while (this.#overflow.length > 0 && this.#outstanding < this.#options.outstandingMax) {
      this.#admit(this.#overflow.shift() as Message);
    }
    this.#notify();
  }

  #notify(): void {
    if (this.#roomWaiters.length > 0 && this.outstanding <= this.#options.outstandingMax >> 1) {
      for (const resolve of this.#roomWaiters.splice(0)) resolve();
    }
    if (this.#idleWaiters.length > 0 && this.outstanding === 0) {
      for (const resolve of this.#idleWaiters.splice(0)) resolve();
    }
  }
}
