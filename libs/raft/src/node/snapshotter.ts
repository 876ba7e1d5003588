import type { Message, Snapshot } from '../core/messages.js';
import type { SnapshotSink, Transport } from '../transport/transport.js';
import type { Applier } from './applier.js';
import { decodeSnapshotFile, encodeLogMeta, type LogMeta, type SnapshotFile } from './log-meta.js';
import { RaftNodeUsageError } from './outcomes.js';
import type { OpenedLog } from './start.js';
import type { StateMachine } from './state-machine.js';

interface Capture {
  readonly point: Pick<SnapshotFile, 'index' | 'term' | 'confState'>;
  readonly chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/**
 * Snapshots of the state machine, and what they allow: to cut the log, and to bring up a peer that is too far behind.
 *
 * The log is cut only behind a snapshot that is durable, or up to where the caller vouches for its own copy.
 */
export class Snapshotter<Result> {
  #taking: Promise<SnapshotFile> | undefined;

  constructor(
    private readonly log: OpenedLog,
    private readonly applier: Applier<Result>,
    private readonly stateMachine: StateMachine<Result>,
    private readonly transport: Transport,
    private readonly trailingEntries: number,
  ) {}

  /** The snapshot that is being taken, if one is. */
  get taking(): Promise<SnapshotFile> | undefined {
    return this.#taking;
  }

  /** Entries applied since the last snapshot. */
  get entriesSince(): number {
    const { storage } = this.log;
    return this.applier.index - (storage.file?.index ?? storage.firstIndex() - 1);
  }

  take(): Promise<SnapshotFile> {
    this.#taking ??= this.#take().finally(() => {
      this.#taking = undefined;
    });
    return this.#taking;
  }

  /** Cuts the log up to and including an index that the state machine holds durably by its own means. */
  async compact(throughIndex: number): Promise<void> {
    const { storage, wal } = this.log;
    if (throughIndex > this.applier.index) {
      throw new RaftNodeUsageError(`index ${throughIndex} is not applied yet, ${this.applier.index} is the last`);
    }
    if (throughIndex < storage.firstIndex()) return;
    const file = storage.file && storage.file.index >= throughIndex ? storage.file : undefined;
    const meta = { applied: this.applier.index, confState: storage.confState, file };
    const term = storage.term(throughIndex) as number;
    storage.file = file;
    storage.compact(throughIndex);
    await wal.compact(throughIndex, term, encodeLogMeta(meta));
  }

  /** Sends a snapshot message together with its file. */
  async send(message: Message): Promise<void> {
    const source = await this.log.snapshots.source(decodeSnapshotFile(message.snapshot as Snapshot));
    try {
      await this.transport.sendSnapshot(message, source);
    } finally {
      await source.close();
    }
  }

  /** Where the file of a peer's snapshot message goes to. @param taken called once it is whole and durable */
  async receive(message: Message, taken: () => void): Promise<SnapshotSink> {
    if (!message.snapshot) throw new RaftNodeUsageError('a snapshot message without a snapshot');
    return this.log.snapshots.sink(decodeSnapshotFile(message.snapshot), taken);
  }

  /** A snapshot of the leader's is in the log: the state machine follows, between two jobs. */
  restore({ file, applied }: LogMeta): Promise<void> {
    return new Promise((resolve) => {
      this.applier.enqueue(async () => {
        if (file) await this.stateMachine.restore(this.log.snapshots.chunks(file), file.index);
        this.applier.jumpTo(applied);
        if (file) await this.log.snapshots.removeOlder(file);
        resolve();
      });
    });
  }

  async #take(): Promise<SnapshotFile> {
    const { storage, snapshots, wal } = this.log;
    const { point, chunks } = await this.#capture();
    if (storage.file?.index === point.index) return storage.file;
    const file = await snapshots.create(point, chunks);
    // Meanwhile a newer one of the leader's may have come in; then this one is of no use.
    if (storage.file && storage.file.index >= file.index) return storage.file;
    const through = Math.max(storage.firstIndex() - 1, file.index - this.trailingEntries);
    const term = storage.term(through) as number;
    storage.file = file;
    if (through >= storage.firstIndex()) storage.compact(through);
    await wal.compact(through, term, encodeLogMeta({ applied: file.index, confState: file.confState, file }));
    await snapshots.removeOlder(file);
    return file;
  }

  #capture(): Promise<Capture> {
    return new Promise((resolve, reject) => {
      this.applier.enqueue(async () => {
        const { storage } = this.log;
        const { index } = this.applier;
        const point = { index, term: storage.term(index) as number, confState: storage.confState };
        try {
          resolve({ point, chunks: await this.stateMachine.snapshot() });
        } catch (error) {
          reject(error);
        }
      });
    });
  }
}
