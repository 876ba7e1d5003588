import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DiskFile, MemoryNetwork, type PersistCallback, RealDisk } from '@concordat/raft';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CountingMetrics, RecordingLogger } from '../../test/engine.js';
import { expectProblem } from '../../test/expect-problem.js';
import { FakeCoordinator } from '../../test/fake-coordinator.js';
import { type HttpAnswer, type HttpHarness, LoneCluster, startHttp } from '../../test/http-harness.js';
import { MemoryStore } from '../../test/memory-store.js';
import { RaftLog } from '../cluster/raft-log.js';
import { Liveness } from '../engine/liveness.js';
import { Persister } from '../engine/persister.js';

const ELECTION_TIMEOUT_MS = 50;
const STALL_MS_MAX = 300;

/** A real disk whose durable writes hang or fail when told to. */
class AilingDisk extends RealDisk {
  ails: 'hangs' | 'fails' | undefined;
  #held: (() => void)[] = [];

  override async open(path: string, mode: 'create' | 'existing'): Promise<DiskFile> {
    const file = await super.open(path, mode);
    const persist = file.persist.bind(file);
    file.persist = (bytes, start, end, position, done: PersistCallback) => {
      if (this.ails === 'fails') setImmediate(done, new Error('EIO'), 0);
      else if (this.ails === 'hangs') this.#held.push(() => persist(bytes, start, end, position, done));
      else persist(bytes, start, end, position, done);
    };
    return file;
  }

  recover(): void {
    this.ails = undefined;
    for (const write of this.#held.splice(0)) write();
  }
}

describe('GET /health/live', () => {
  let directory: string;
  let disk: AilingDisk;
  let log: RaftLog;
  let store: MemoryStore;
  let persister: Persister;
  let http: HttpHarness;
  let failures: Error[];
  let term: number;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'concordat-live-'));
    failures = [];
    store = new MemoryStore();
    persister = new Persister(
      { appliedIndex: 0, appliedTerm: 0, incarnation: 0, publishedIndex: 0 },
      {
        store,
        metrics: new CountingMetrics(),
        logger: new RecordingLogger(),
        onPersisted: () => undefined,
        onFenced: () => undefined,
      },
    );
    const liveness = new Liveness({
      raft: STALL_MS_MAX,
      log: STALL_MS_MAX,
      applier: STALL_MS_MAX,
      persister: STALL_MS_MAX,
    });
    http = await startHttp(new FakeCoordinator(), new LoneCluster(), liveness);
    disk = new AilingDisk();
    const transport = new MemoryNetwork().transport(1);
    log = new RaftLog({ directory, raftId: 1, memberId: 'm', transport, electionTimeoutMs: ELECTION_TIMEOUT_MS, disk });
    liveness.watch(log, persister);
  });

  afterEach(async () => {
    disk.recover();
    await http.close();
    await persister.stop(0);
    await log.close().catch(() => undefined); // one that has failed says so again
    await rm(directory, { recursive: true });
  });

  const start = async (
    voters: readonly number[],
    onSnapshot = (): Promise<never> => Promise.reject(new Error('no')),
  ) => {
    log.bootstrapVoters = voters;
    await log.start(0, {
      onApply: () => undefined,
      onLeading: (led) => {
        term = led;
      },
      onFollowing: () => undefined,
      onSnapshot,
      onRestore: () => Promise.reject(new Error('no')),
      onFailure: (error) => void failures.push(error),
    });
  };
  const live = () => http.call('GET', '/health/live');
  const until = async (reached: (answer: HttpAnswer) => boolean): Promise<HttpAnswer> => {
    for (;;) {
      const answer = await live();
      if (reached(answer)) return answer;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const stuck = async (part: string): Promise<void> => {
    const problem = expectProblem(await until(({ status }) => status !== 200), 'not-ready');
    expect(problem.detail).toMatch(`No progress: ${part} has stood still for`);
  };
  /** The probe's answers for several times the bound. */
  const longer = async (): Promise<number[]> => {
    const statuses: number[] = [];
    for (let i = 0; i < 10; i += 1) {
      await new Promise((resolve) => setTimeout(resolve, STALL_MS_MAX / 3));
      statuses.push((await live()).status);
    }
    return statuses;
  };
  const persistSomething = () =>
    persister.add({ index: 1, term: 1, transactions: [], keys: [], participants: [], members: [], prune: null }, 1, 0);

  it('answers 200 while everything goes on, and before there is anything to watch', async () => {
    expect((await live()).status).toBe(200);
    await start([1]);
    await until(() => log.leads);
    log.propose(term, Buffer.from('a'));
    expect(new Set(await longer())).toEqual(new Set([200]));
  });

  it('answers 200 where there is no leader and Postgres refuses everything: a restart would mend neither', async () => {
    await start([1, 2, 3]);
    store.failures = new Array(1000).fill(new Error('Postgres is away'));
    persistSomething();
    expect(new Set(await longer())).toEqual(new Set([200]));
    expect(log.leaderKnown).toBe(false);
    expect(store.failures.length).toBeLessThan(1000);
  });

  it('answers 503 while a write of the log hangs, and 200 when the disk is back', async () => {
    await start([1]);
    await until(() => log.leads);
    disk.ails = 'hangs';
    log.propose(term, Buffer.from('a'));
    await stuck('log');
    disk.recover();
    await until(({ status }) => status === 200);
  });

  it('answers 503 once a write of the log has failed, should the process have survived that', async () => {
    await start([1]);
    await until(() => log.leads);
    disk.ails = 'fails';
    log.propose(term, Buffer.from('a'));
    await stuck('raft');
    expect(failures).toHaveLength(1);
  });

  it('answers 503 while what is to be applied waits for something that never comes', async () => {
    const snapshot = Promise.withResolvers<never>();
    await start([1], () => snapshot.promise);
    await until(() => log.leads);
    log.node?.requestSnapshot();
    await stuck('applier');
    snapshot.reject(new Error('Postgres gave none'));
    await until(({ status }) => status === 200);
  });

  it('answers 503 while an attempt to write to Postgres neither succeeds nor fails', async () => {
    await start([1]);
    store.gate = new Promise(() => undefined);
    persistSomething();
    await stuck('persister');
  });
});
