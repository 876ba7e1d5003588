import type { Outbox } from './outbox.js';
import type { EngineLogger, Messenger } from './ports.js';
import { pause } from './within.js';

const BATCH_MAX = 500;
/** Outcomes gather this long, in ms: nobody waits for them, and a batch costs as much as a single one. */
const GATHER_MS = 20;
const RETRY_MS = 500;
/** The watermark is logged at most this often; a crash publishes again what came after it. */
const WATERMARK_INTERVAL_MS = 1000;

/** Publishes the outcome events of the outbox while this replica leads, at least once, in the order of the log. */
export class Publisher {
  #cursor: number;
  #logged: number;
  #busy = false;
  #stopped = false;
  readonly #watermark: NodeJS.Timeout;

  /** @param logWatermark proposes the entry that says everything up to this index is published */
  constructor(
    publishedIndex: number,
    private readonly outbox: Outbox,
    private readonly messenger: Messenger,
    private readonly logger: EngineLogger,
    private readonly logWatermark: (index: number) => void,
  ) {
    this.#cursor = publishedIndex;
    this.#logged = publishedIndex;
    this.#watermark = setInterval(() => this.#logCursor(), WATERMARK_INTERVAL_MS);
    this.#watermark.unref();
  }

  /** Something may have been added to the outbox. */
  poke(): void {
    if (this.#busy || this.#stopped) return;
    this.#busy = true;
    setTimeout(() => void this.#drain(), GATHER_MS);
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#watermark);
  }

  async #drain(): Promise<void> {
    while (!this.#stopped) {
      const events = this.outbox.after(this.#cursor, BATCH_MAX);
      const last = events.at(-1);
      if (!last) break;
      try {
        await this.messenger.publish(events);
        this.#cursor = last.index;
      } catch (error) {
        this.logger.debug({ err: error, waiting: this.outbox.size }, 'outcome events wait for Kafka');
        await pause(RETRY_MS);
      }
    }
    this.#busy = false;
  }

  #logCursor(): void {
    if (this.#cursor === this.#logged) return;
    this.#logged = this.#cursor;
    this.logWatermark(this.#cursor);
  }
}
