interface Waiting<Item, Answer> {
  readonly item: Item;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Gathers what comes while work is under way, and does it together when that has ended: nobody waits for a timer, and
 * the busier it gets the larger the batches are. How much may wait is bounded by those who add.
 */
export class Gatherer<Item, Answer> {
  #waiting: Waiting<Item, Answer>[] = [];
  #working = false;

  /** `work` answers every item, in the order of the items; should it fail, all of its items fail. */
  constructor(
    private readonly work: (items: readonly Item[]) => Promise<readonly Answer[]>,
    private readonly batchMax: number,
  ) {}

  add(item: Item): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.#waiting.push({ item, resolve, reject });
    if (!this.#working) void this.#run();
    return promise;
  }

  async #run(): Promise<void> {
    this.#working = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, this.batchMax);
      try {
        const answers = await this.work(batch.map(({ item }) => item));
        for (const [index, { resolve }] of batch.entries()) resolve(answers[index] as Answer);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#working = false;
  }
}
