import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryNetwork } from '@concordat/raft';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { DecisionLogListener, LogEntry } from '../engine/decision-log.js';
import { RaftLog } from './raft-log.js';

const IDS = [1, 2, 3];

/** What Postgres is to a replica: the texts, and the index of the entry that the last of them came with. */
class Database implements DecisionLogListener {
  texts: string[] = [];
  appliedIndex = 0;
  restored = 0;
  readonly failures: Error[] = [];
  onLeading = () => undefined;
  onFollowing = () => undefined;
  onFailure = (error: Error) => void this.failures.push(error);

  onApply(entries: readonly LogEntry[]): void {
    for (const { index, data } of entries) {
      this.texts.push(`${index} ${Buffer.from(data)}`);
      this.appliedIndex = index;
    }
  }

  async onSnapshot(): Promise<AsyncIterable<Uint8Array>> {
    const state = Buffer.from(JSON.stringify({ texts: this.texts, appliedIndex: this.appliedIndex }));
    return (async function* () {
      yield state;
    })();
  }

  async onRestore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    Object.assign(this, JSON.parse(Buffer.concat(parts).toString()));
    this.restored += 1;
  }
}

let directory: string;
const network = new MemoryNetwork();
const logs = new Map<number, RaftLog>();
const databases = new Map<number, Database>();

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'concordat-snapshot-'));
  for (const id of IDS) databases.set(id, new Database());
  for (const id of IDS) await start(id, IDS);
});

afterEach(async () => {
  await Promise.all([...logs.values()].map((log) => log.close()));
  logs.clear();
  await rm(directory, { recursive: true });
});

const database = (id: number): Database => databases.get(id) as Database;

async function start(raftId: number, bootstrapVoters?: readonly number[]): Promise<RaftLog> {
  const transport = network.transport(raftId);
  const place = { directory: join(directory, String(raftId)), raftId, memberId: `member-${raftId}` };
  const log = new RaftLog({ ...place, transport, electionTimeoutMs: 200 });
  log.bootstrapVoters = bootstrapVoters;
  logs.set(raftId, log);
  await log.start(database(raftId).appliedIndex, database(raftId));
  return log;
}

async function until<T>(found: () => T | undefined | false): Promise<T> {
  for (;;) {
    const value = found();
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const leading = () => until(() => [...logs].find(([, log]) => log.leads));

async function decide(text: string): Promise<void> {
  for (;;) {
    const [id, log] = await leading();
    const proposed = log.propose(log.node?.term ?? 0, Buffer.from(text));
    if (proposed) await until(() => !log.leads || database(id).texts.some((one) => one.endsWith(text)));
    if (database(id).texts.some((one) => one.endsWith(text))) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('a replica that took over the state of another, whose database ends below the snapshot', () => {
  it('starts again before anything is persisted, from the same point, and misses nothing', async () => {
    await decide('before');
    const [leaderId] = await leading();
    const [id, heirId] = IDS.filter((one) => one !== leaderId) as [number, number];
    await until(() => database(id).texts.length > 0);
    await logs.get(id)?.close();
    logs.delete(id);
    for (const text of ['a', 'b', 'c']) await decide(text);
    // The next term begins with an entry of Raft's own, which no database hears of.
    await logs.get(leaderId)?.transferTo(heirId);
    const caughtUp = ([other, log]: [number, RaftLog]) => log.appliedIndex > database(other).appliedIndex;
    await until(() => logs.get(heirId)?.leads && [...logs].every(caughtUp));
    for (const log of logs.values()) await log.node?.compact(log.appliedIndex);

    const log = await start(id);
    await until(() => database(id).restored > 0 && log.appliedIndex >= (logs.get(heirId)?.appliedIndex ?? 0));
    const headerIndex = database(id).appliedIndex;
    expect(headerIndex).toBeLessThan(log.appliedIndex);
    await log.close();

    const again = await start(id);
    expect(again.appliedIndex).toBeGreaterThan(headerIndex);
    await decide('after');
    await until(() => database(id).texts.length >= database(heirId).texts.length);
    expect(database(id).texts).toEqual(database(heirId).texts);
    expect(database(id).texts.map((text) => text.split(' ')[1])).toEqual(['before', 'a', 'b', 'c', 'after']);
    expect(await again.readIndex()).toBe(true);
    expect([...databases.values()].flatMap(({ failures }) => failures)).toEqual([]);
  });
});
