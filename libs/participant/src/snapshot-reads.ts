import type { SnapshotReader } from './global/store.js';
import type { ParticipantRuntime } from './participant-runtime.js';

/** For controllers and services of the host application: reads versioned entities outside of transactions. */
export class SnapshotReads {
  constructor(private readonly runtime: ParticipantRuntime) {}

  /**
   * A reader at the snapshot with that commit sequence number; left out, at one that holds everything decided before this
   * call. Throws `ConcordatError`: `snapshot-unavailable` (503, with `retryAfterMs`) where no coordinator confirms the
   * number, which is so for one of the future; its reads throw `snapshot-too-old` (410) where versions were collected.
   */
  at(csn?: number): Promise<SnapshotReader> {
    return this.runtime.readerAt(csn);
  }
}
