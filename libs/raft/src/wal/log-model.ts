/** Test support: what a log should hold, kept as plainly as possible, and random changes to it. */
import type { HardState } from '../core/messages.js';
import type { WalEntry, WalSnapshot } from './batch.js';
import type { WalRecovery, WriteAheadLog } from './write-ahead-log.js';

export class LogModel {
  constructor(
    readonly hardState: HardState = { term: 0, vote: 0, commit: 0 },
    readonly snapshot: WalSnapshot | undefined = undefined,
    readonly entries: readonly WalEntry[] = [],
  ) {}

  static of(recovery: WalRecovery): LogModel {
    return new LogModel(recovery.hardState, recovery.snapshot, recovery.entries);
  }

  get base(): number {
    return this.snapshot?.index ?? 0;
  }

  get lastIndex(): number {
    return this.entries.at(-1)?.index ?? this.base;
  }

  append(entries: readonly WalEntry[]): LogModel {
    const first = entries[0]?.index ?? Number.POSITIVE_INFINITY;
    return new LogModel(this.hardState, this.snapshot, [
      ...this.entries.filter((one) => one.index < first),
      ...entries,
    ]);
  }

  compact(snapshot: WalSnapshot): LogModel {
    return new LogModel(
      this.hardState,
      snapshot,
      this.entries.filter((one) => one.index > snapshot.index),
    );
  }

  print(): string {
    const { term, vote, commit } = this.hardState;
    const snapshot = this.snapshot ? `${this.snapshot.index}/${this.snapshot.term}/${hex(this.snapshot.data)}` : '-';
    const entries = this.entries.map((one) => `${one.index}/${one.term}/${one.type}/${hex(one.data)}`);
    return `${term},${vote},${commit} ${snapshot} ${entries.join(' ')}`;
  }
}

function hex(bytes: Uint8Array): string {
  return bytes.length > 24 ? `${bytes.length}:${bytes[0]}:${bytes.at(-1)}` : Buffer.from(bytes).toString('hex');
}

export interface RandomChange {
  next: LogModel;
  submit: (wal: WriteAheadLog) => Promise<void>;
}

/** A change that Raft could ask for: mostly entries behind the log, at times over its tail, snapshots, compactions. */
export function randomBatch(model: LogModel, random: () => number): RandomChange {
  const below = (limit: number) => Math.floor(random() * limit);
  const term = model.hardState.term + (random() < 0.1 ? 1 : 0);
  const bytes = () => new Uint8Array(random() < 0.05 ? below(20_000) : below(300)).fill(below(256));
  if (model.entries.length > 0 && random() < 0.1) {
    const covered = model.entries[below(model.entries.length)] as WalEntry;
    const snapshot = { index: covered.index, term: covered.term, data: bytes() };
    return {
      next: model.compact(snapshot),
      submit: (wal) => wal.compact(snapshot.index, snapshot.term, snapshot.data),
    };
  }
  const hardState = random() < 0.5 ? { term, vote: below(4), commit: model.hardState.commit + below(2) } : undefined;
  const snapshot = random() < 0.03 ? { index: model.lastIndex + 1 + below(50), term, data: bytes() } : undefined;
  const ground = snapshot ? new LogModel(model.hardState, snapshot, []) : model;
  const room = ground.lastIndex - ground.base;
  const first = ground.lastIndex + 1 - (random() < 0.15 ? below(room + 1) : 0);
  const entries = Array.from({ length: below(6) }, (_, at) => ({
    index: first + at,
    term,
    type: below(3),
    data: bytes(),
  }));
  const appended = ground.append(entries);
  const next = new LogModel(hardState ?? model.hardState, appended.snapshot, appended.entries);
  return {
    next,
    submit: (wal) => wal.append({ ...(hardState && { hardState }), ...(snapshot && { snapshot }), entries }),
  };
}

/** A small generator of uniform numbers; the same seed gives the same sequence. */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
