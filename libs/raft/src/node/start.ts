import { join } from 'node:path';
import { type ConfState, type Entry, NO_CONF_STATE } from '../core/messages.js';
import { type WalRecovery, WriteAheadLog } from '../wal/write-ahead-log.js';
import { decodeLogMeta, EMPTY_LOG_META, encodeLogMeta, type LogMeta } from './log-meta.js';
import { LogStorage } from './log-storage.js';
import type { ResolvedNodeOptions } from './node-options.js';
import { RaftNodeUsageError } from './outcomes.js';
import { SnapshotStore } from './snapshot-store.js';

export interface OpenedLog {
  readonly wal: WriteAheadLog;
  readonly storage: LogStorage;
  readonly snapshots: SnapshotStore;
  readonly meta: LogMeta;
  /** What the state machine has by its own means, maybe beyond what the core takes as applied. */
  readonly stateIndex: number;
}

/** Opens the directory and brings the state machine to where the core starts: `meta.applied`, or beyond. */
export async function openLog<Result>(options: ResolvedNodeOptions<Result>, request: () => void): Promise<OpenedLog> {
  const { directory, segmentBytes, disk, onFlush } = options;
  const { wal, recovery } = await WriteAheadLog.open({
    directory: join(directory, 'wal'),
    onFlush,
    ...(segmentBytes && { segmentBytes }),
    ...(disk && { disk }),
  });
  try {
    const snapshots = new SnapshotStore(join(directory, 'snapshots'));
    await snapshots.prepare();
    const recovered = await bootstrap(wal, recovery, options);
    const meta = recovered.snapshot ? decodeLogMeta(recovered.snapshot.data) : EMPTY_LOG_META;
    const storage = new LogStorage(request);
    storage.load(recovered, meta);
    const stateIndex = await restoreState(options, snapshots, storage, meta);
    return { wal, storage, snapshots, meta, stateIndex };
  } catch (error) {
    await wal.close();
    throw error;
  }
}

/** A new cluster begins behind index 1, which stands for its first membership: the same on every first member. */
async function bootstrap<Result>(
  wal: WriteAheadLog,
  recovery: WalRecovery,
  options: ResolvedNodeOptions<Result>,
): Promise<WalRecovery> {
  const isEmpty = recovery.snapshot === undefined && recovery.entries.length === 0 && recovery.hardState.term === 0;
  if (!isEmpty || !options.bootstrap) return recovery;
  const { voters, learners = [] } = options.bootstrap;
  const confState: ConfState = { ...NO_CONF_STATE, voters: sorted(voters), learners: sorted(learners) };
  const data = encodeLogMeta({ applied: 1, confState, file: undefined });
  const snapshot = { index: 1, term: 1, data };
  const hardState = { term: 1, vote: 0, commit: 1 };
  await wal.append({ hardState, snapshot });
  return { ...recovery, hardState, snapshot };
}

async function restoreState<Result>(
  { stateMachine, id }: ResolvedNodeOptions<Result>,
  snapshots: SnapshotStore,
  storage: LogStorage,
  { applied, file }: LogMeta,
): Promise<number> {
  let index = (await stateMachine.appliedIndex?.()) ?? 0;
  if (index > storage.lastIndex()) {
    throw new RaftNodeUsageError(
      `node ${id}: the state machine has applied ${index}, but the log ends at ${storage.lastIndex()}; they do not belong together`,
    );
  }
  const isNew = applied <= 1 && file === undefined;
  if (index < storage.firstIndex() - 1 && !isNew) {
    if (!file || file.index < storage.firstIndex() - 1 || !(await snapshots.has(file))) {
      const begins = storage.firstIndex();
      throw new RaftNodeUsageError(
        `node ${id}: the state machine has applied ${index}, the log begins at ${begins}, and no snapshot bridges the gap`,
      );
    }
    await stateMachine.restore(snapshots.chunks(file), file.index);
    index = file.index;
  } else if (file && file.index > index && (await snapshots.has(file))) {
    await stateMachine.restore(snapshots.chunks(file), file.index);
    index = file.index;
  }
  return replay(stateMachine, storage, index, applied);
}

/** What the core takes as applied and the state machine has lost, it gets again from the log. */
async function replay<Result>(
  stateMachine: ResolvedNodeOptions<Result>['stateMachine'],
  storage: LogStorage,
  from: number,
  applied: number,
): Promise<number> {
  let index = Math.max(from, storage.firstIndex() - 1);
  while (index < applied) {
    const page = storage.entries(index + 1, applied + 1, 4 * 1024 * 1024) as readonly Entry[];
    const wanted = page.filter((entry) => entry.type === 0 && entry.data.length > 0);
    if (wanted.length > 0) await stateMachine.apply(wanted);
    index = (page.at(-1) as Entry).index;
  }
  return index;
}

function sorted(ids: readonly number[]): number[] {
  return [...ids].sort((a, b) => a - b);
}
