import type { Entry, HardState, Message, Snapshot } from '../core/messages.js';
import type { Ready } from '../core/ready.js';
import type { WriteAheadLog } from '../wal/write-ahead-log.js';
import { decodeSnapshotFile, encodeLogMeta, type LogMeta } from './log-meta.js';
import type { LogStorage } from './log-storage.js';

interface Write {
  durable: boolean;
  readonly entries: readonly Entry[];
  readonly snapshot: Snapshot | undefined;
  readonly responses: readonly Message[];
}

/**
 * Writes what the core wants durable, in its order.
 *
 * A1: responses are delivered in the order of the writes they belong to, each after its own and all earlier writes.
 * A2: a mere move of the commit index is not worth a sync: it goes along with the next write. Losing it loses nothing.
 */
export class LogWriter {
  readonly #writes: Write[] = [];
  #restoring = false;
  #stalledTicks = 0;
  /** A commit index that is not on disk yet (A2). */
  #late: HardState | undefined;

  /**
   * @param restore replaces the state machine's state by the snapshot that was just made durable
   * @param deliver hands responses to the core, or to their peers
   */
  constructor(
    private readonly wal: WriteAheadLog,
    private readonly storage: LogStorage,
    private readonly restore: (meta: LogMeta) => Promise<void>,
    private readonly deliver: (responses: readonly Message[]) => void,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** For how many ticks the oldest write has waited for the disk. A snapshot that is taken over may take its time. */
  get stalledTicks(): number {
    return this.#stalledTicks;
  }

  get restoring(): boolean {
    return this.#restoring;
  }

  tick(): void {
    this.#stalledTicks = this.#writes.length === 0 || this.#restoring ? 0 : this.#stalledTicks + 1;
  }

  /** @param work the StorageAppend message of that Ready */
  write({ hardState, entries, snapshot, mustSync }: Ready, work: Message): void {
    const write: Write = { durable: false, entries, snapshot, responses: work.responses };
    this.#writes.push(write);
    if (!mustSync && snapshot === undefined) {
      this.#late = hardState ?? this.#late;
      this.#finish(write);
      return;
    }
    const state = hardState ?? this.#late;
    this.#late = undefined;
    const point = snapshot && { index: snapshot.index, term: snapshot.term, data: encodeLogMeta(metaOf(snapshot)) };
    this.wal
      .append({ ...(state && { hardState: state }), ...(point && { snapshot: point }), entries })
      .then(() => this.#finish(write), this.failed);
  }

  /** Writes the commit index that is still to be written, if any. */
  async flush(): Promise<void> {
    const state = this.#late;
    this.#late = undefined;
    if (state) await this.wal.append({ hardState: state });
  }

  #finish(write: Write): void {
    write.durable = true;
    try {
      this.#drain();
    } catch (error) {
      this.failed(error);
    }
  }

  /** A1. */
  #drain(): void {
    for (let write = this.#writes[0]; write?.durable && !this.#restoring; write = this.#writes[0]) {
      if (write.snapshot) {
        this.#install(write.snapshot, write);
        return;
      }
      this.#writes.shift();
      this.#stalledTicks = 0;
      if (write.entries.length > 0) this.storage.append(write.entries);
      this.deliver(write.responses);
    }
  }

  #install(snapshot: Snapshot, write: Write): void {
    const meta = metaOf(snapshot);
    this.#restoring = true;
    this.storage.applySnapshot(snapshot);
    this.storage.append(write.entries);
    this.storage.confState = meta.confState;
    this.storage.file = meta.file;
    this.restore(meta)
      .then(() => {
        this.#restoring = false;
        this.#writes.shift();
        this.deliver(write.responses);
        this.#drain();
      })
      .catch(this.failed);
  }
}

function metaOf(snapshot: Snapshot): LogMeta {
  return { applied: snapshot.index, confState: snapshot.confState, file: decodeSnapshotFile(snapshot) };
}
