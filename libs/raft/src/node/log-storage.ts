import type { Entry } from '../core/messages.js';
import {
  type ConfState,
  EMPTY_HARD_STATE,
  type HardState,
  NO_BYTES,
  NO_CONF_STATE,
  type Snapshot,
} from '../core/messages.js';
import { MemoryStorage } from '../log/memory-storage.js';
import type { WalRecovery } from '../wal/write-ahead-log.js';
import { encodeSnapshotFile, type LogMeta, type SnapshotFile } from './log-meta.js';

/**
 * The core's view of the local log: all entries that are not compacted, in memory, and the newest snapshot file.
 *
 * The log may reach further back than the snapshot; the core starts at the snapshot's index then.
 */
export class LogStorage extends MemoryStorage {
  file: SnapshotFile | undefined;
  confState: ConfState = NO_CONF_STATE;

  /** @param request called when a follower needs a snapshot and none is of use */
  constructor(private readonly request: () => void) {
    super();
  }

  /** Takes over what the write-ahead log held. */
  load({ hardState, snapshot, entries }: WalRecovery, meta: LogMeta): void {
    if (snapshot) {
      this.applySnapshot({ index: snapshot.index, term: snapshot.term, confState: meta.confState, data: NO_BYTES });
    }
    this.append(entries as readonly Entry[]);
    this.hardState = raiseCommit(hardState, meta.applied);
    this.confState = meta.confState;
    this.file = meta.file;
  }

  override initialState(): { hardState: HardState; confState: ConfState } {
    return { hardState: this.hardState, confState: this.confState };
  }

  override snapshot(): Snapshot | undefined {
    const { file } = this;
    if (!file || file.index < this.firstIndex() - 1 || !isKnownToAll(file.confState, this.confState)) {
      this.request();
      return undefined;
    }
    return { index: file.index, term: file.term, confState: file.confState, data: encodeSnapshotFile(file) };
  }
}

/** A member refuses a snapshot from before it was one. */
function isKnownToAll(then: ConfState, { voters, learners, votersOutgoing }: ConfState): boolean {
  const known = new Set([...then.voters, ...then.learners, ...then.votersOutgoing]);
  return [...voters, ...learners, ...votersOutgoing].every((id) => known.has(id));
}

/** What is applied is committed; the commit index on disk may lag behind. */
function raiseCommit(hardState: HardState, applied: number): HardState {
  if (hardState.commit >= applied) return hardState === EMPTY_HARD_STATE ? EMPTY_HARD_STATE : hardState;
  return { ...hardState, commit: applied };
}
