import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryNetwork } from '@concordat/raft';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { DecisionLogListener, LogEntry } from '../engine/decision-log.js';
import { RaftLog } from './raft-log.js';

const IDS = [1, 2, 3];
const TRANSFERS = 4;

let directory: string;
let logs: RaftLog[];
const failures: Error[] = [];
const applied = new Map<number, string[]>();
const entries = new Map<number, LogEntry[]>();

const entriesOf = (id: number, text: string) =>
  (entries.get(id) ?? []).filter(({ data }) => Buffer.from(data).toString() === text);

const listener = (id: number): DecisionLogListener => ({
  onApply: (batch: readonly LogEntry[]) => {
    entries.get(id)?.push(...batch);
    const texts = batch.filter(({ data }) => data.byteLength > 0).map(({ data }) => Buffer.from(data).toString());
    applied.get(id)?.push(...texts);
  },
  onLeading: () => undefined,
  onFollowing: () => undefined,
  onSnapshot: () => Promise.reject(new Error('nobody is that far behind')),
  onRestore: () => Promise.reject(new Error('nobody is that far behind')),
  onFailure: (error) => failures.push(error),
});

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'concordat-transfer-'));
  const network = new MemoryNetwork();
  logs = [];
  for (const raftId of IDS) {
    applied.set(raftId, []);
    entries.set(raftId, []);
    const log = new RaftLog({
      directory: join(directory, String(raftId)),
      raftId,
      memberId: `member-${raftId}`,
      transport: network.transport(raftId),
      electionTimeoutMs: 200,
    });
    log.bootstrapVoters = IDS;
    logs.push(log);
    await log.start(0, listener(raftId));
  }
});

afterEach(async () => {
  await Promise.all(logs.map((log) => log.close()));
  await rm(directory, { recursive: true });
});

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function until<T>(found: () => T | undefined | false): Promise<T> {
  for (;;) {
    const value = found();
    if (value) return value;
    await pause(5);
  }
}

describe('a transfer of leadership while entries are proposed', () => {
  it('D3: drops no entry of a leader that leads on, and is no failure of the log', async () => {
    let next = 0;
    let leader = await until(() => logs.find((log) => log.leads));
    const proposing = setInterval(() => {
      const term = leader.node?.term ?? 0;
      for (let i = 0; i < 5; i += 1) if (leader.propose(term, Buffer.from(String(next)), next % 3 > 0)) next += 1;
    }, 1);
    for (let i = 0; i < TRANSFERS; i += 1) {
      await pause(20);
      const heir = logs.find((log) => log !== leader) as RaftLog;
      expect(await leader.transferTo(heir === logs[0] ? 1 : 2)).toBe(true);
      leader = await until(() => heir.leads && heir);
    }
    // Nobody is at that address, so this transfer fails, and what waited for it is proposed after all.
    const from = next;
    expect(await leader.transferTo(99)).toBe(false);
    clearInterval(proposing);
    expect(next).toBeGreaterThan(from);
    await until(() => [...applied.values()].every((texts) => texts.at(-1) === String(next - 1)));
    expect(failures).toEqual([]);
    const [first] = applied.values();
    const tail = first?.slice(first.indexOf(String(from)));
    expect(tail).toEqual(Array.from({ length: next - from }, (_, i) => String(from + i)));
  });
});

describe('a leader that is deposed and leads again', () => {
  it('D2: proposes in its new term nothing that has waited since its old one', async () => {
    const leader = await until(() => logs.find((log) => log.leads));
    const id = IDS[logs.indexOf(leader)] as number;
    const rival = logs.find((log) => log !== leader) as RaftLog;
    const term = await until(() => leader.leads && leader.node?.term);
    await until(() => leader.propose(term, Buffer.from('before')));
    await until(() => logs.every(({ appliedIndex }) => appliedIndex >= leader.lastIndex));
    expect(leader.propose(term, Buffer.from('patient'), true)).toBe(true);
    await leader.node?.transferLeadership(IDS[logs.indexOf(rival)] as number);
    await until(() => rival.leads && !leader.leads);
    await rival.node?.transferLeadership(id);
    const later = await until(() => leader.leads && leader.node?.term);
    await until(() => leader.propose(later, Buffer.from('after')));
    await until(() => applied.get(id)?.includes('after'));
    // It had the time to be appended in its own term; where it had not, it is gone.
    const [, ...since] = applied.get(id) ?? [];
    expect([['after'], ['patient', 'after']]).toContainEqual(since);
    expect(entriesOf(id, 'patient').every((entry) => entry.term === term)).toBe(true);
    expect(failures).toEqual([]);
  });
});
