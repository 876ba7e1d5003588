/** Runs a task again and again: the next run begins an interval after the last one ended. A failure only reports. */
export class PeriodicTask {
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(
    private readonly intervalMs: number,
    private readonly task: () => unknown,
    private readonly onFailure: (error: unknown) => void,
  ) {}

  start(): void {
    this.#timer = setTimeout(() => {
      this.#running = this.#run();
    }, this.intervalMs);
  }

  /** Resolves when no run is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      await this.task();
    } catch (error) {
      this.onFailure(error);
    }
    if (!this.#stopped) this.start();
  }
}
