import { outsideOfCommands } from '../tracing.js';

interface Waiting<Item, Answer> {
  readonly item: Item;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Gathers what comes while work is under way, and does it together when that has ended. Whoever comes when nothing was
 * done for a while does not wait; after that, batches begin `paceMs` apart, unless one is full or somebody cannot wait.
 * How much may wait is bounded by those who add.
 */
export class Gatherer<Item, Answer> {
  #waiting: Waiting<Item, Answer>[] = [];
  #working = false;
  #begunMs = Number.NEGATIVE_INFINITY;
  #urgent = false;
  /** Ends the pause before the next batch. */
  #hurry: () => void = () => undefined;

  /** `work` answers every item, in the order of the items; should it fail, all of its items fail. */
  constructor(
    private readonly work: (items: readonly Item[]) => Promise<readonly Answer[]>,
    private readonly batchMax: number,
    private readonly paceMs = 0,
  ) {}

  /** `urgent`: somebody waits for it, so that the next batch begins as soon as it can. */
  add(item: Item, urgent = false): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.#waiting.push({ item, resolve, reject });
    this.#urgent ||= urgent;
    if (!this.#working) void outsideOfCommands(() => this.#run());
    else if (this.#mustBegin()) this.#hurry();
    return promise;
  }

  async #run(): Promise<void> {
    this.#working = true;
    while (this.#waiting.length > 0) {
      await this.#pause();
      const batch = this.#waiting.splice(0, this.batchMax);
      this.#urgent &&= this.#waiting.length > 0;
      this.#begunMs = performance.now();
      try {
        const answers = await this.work(batch.map(({ item }) => item));
        for (const [index, { resolve }] of batch.entries()) resolve(answers[index] as Answer);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#working = false;
  }

  #mustBegin(): boolean {
    return this.#urgent || this.#waiting.length >= this.batchMax;
  }

  #pause(): Promise<void> | undefined {
    const remainingMs = this.#begunMs + this.paceMs - performance.now();
    if (remainingMs <= 0 || this.#mustBegin()) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, remainingMs);
    this.#hurry = () => {
      clearTimeout(timer);
      resolve();
    };
    return promise;
  }
}
