import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Entry } from '../core/messages.js';
import { MemoryNetwork } from '../transport/memory-transport.js';
import { RaftNode } from './raft-node.js';
import type { StateMachine } from './state-machine.js';

const IDS = [1, 2, 3];

/** Keeps its state by its own means, as a database would, up to the last entry with data: Raft's own entries leave no trace. */
class Kept implements StateMachine<number> {
  words: string[] = [];
  index = 0;
  restoredAt: number[] = [];

  appliedIndex(): number {
    return this.index;
  }

  apply(entries: readonly Entry[]): number[] {
    return entries.map(({ index, data }) => {
      this.index = index;
      return this.words.push(`${index} ${Buffer.from(data)}`);
    });
  }

  snapshot(): Iterable<Uint8Array> {
    return [Buffer.from(JSON.stringify({ words: this.words, index: this.index }))];
  }

  async restore(chunks: AsyncIterable<Uint8Array>, index: number): Promise<void> {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    Object.assign(this, JSON.parse(Buffer.concat(parts).toString()));
    this.restoredAt.push(index);
  }
}

const network = new MemoryNetwork();
const nodes = new Map<number, RaftNode<number>>();
const machines = new Map<number, Kept>();
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'raft-installed-'));
  for (const id of IDS) machines.set(id, new Kept());
});

afterEach(async () => {
  for (const node of nodes.values()) await node.close();
  nodes.clear();
  await rm(directory, { recursive: true });
});

async function start(id: number, voters = IDS, trailingEntries = 0): Promise<RaftNode<number>> {
  const node = await RaftNode.start<number>({
    id,
    directory: join(directory, String(id)),
    transport: network.transport(id),
    stateMachine: machine(id),
    bootstrap: { voters },
    tickMs: 30,
    segmentBytes: 256 * 1024,
    snapshotEntries: 0,
    trailingEntries,
  });
  nodes.set(id, node);
  return node;
}

const machine = (id: number): Kept => machines.get(id) as Kept;

async function until<T>(found: () => T | undefined | false): Promise<T> {
  for (;;) {
    const value = found();
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

const leader = () => until(() => [...nodes.values()].find(({ isLeader }) => isLeader));

async function commit(word: string): Promise<void> {
  while ((await (await leader()).propose(Buffer.from(word))).outcome !== 'committed');
}

/** One member misses some words, and a change of leader after them; the log of the others is cut behind that. */
async function installOnOne(): Promise<{ node: RaftNode<number>; snapshotIndex: number }> {
  for (const id of IDS) await start(id);
  await commit('seen by all');
  const id = [...nodes.values()].find(({ isLeader }) => !isLeader)?.id as number;
  await nodes.get(id)?.close();
  nodes.delete(id);
  for (const word of ['a', 'b', 'c']) await commit(word);
  const first = await leader();
  const heir = [...nodes.values()].find((one) => one !== first) as RaftNode<number>;
  await until(() => heir.appliedIndex === first.appliedIndex);
  await first.transferLeadership(heir.id);
  // The heir's term begins with an entry that no state machine sees.
  await until(() => heir.isLeader && [...nodes.values()].every((one) => one.appliedIndex > machine(one.id).index));
  for (const one of nodes.values()) {
    const { index } = await one.takeSnapshot();
    expect(one.logStatistics().firstIndex).toBe(index + 1);
  }
  const snapshotIndex = heir.appliedIndex;
  const node = await start(id);
  await until(() => machine(id).restoredAt.length > 0 && node.appliedIndex >= snapshotIndex);
  return { node, snapshotIndex };
}

describe('a member that has taken over a snapshot', () => {
  it('stands where the snapshot does, beyond what its state machine can tell', async () => {
    const { node, snapshotIndex } = await installOnOne();
    expect(machine(node.id).restoredAt).toEqual([snapshotIndex]);
    expect(machine(node.id).index).toBeLessThan(snapshotIndex);
    expect(node.appliedIndex).toBe(snapshotIndex);
    expect(node.logStatistics()).toMatchObject({ firstIndex: snapshotIndex + 1, lastIndex: snapshotIndex });
    expect(await node.read()).toMatchObject({ outcome: 'ready' });
    expect(await node.takeSnapshot()).toMatchObject({ index: snapshotIndex });
  });

  it('starts again before anything else is applied, and misses nothing, nor applies anything twice', async () => {
    const { node, snapshotIndex } = await installOnOne();
    await node.close();
    const again = await start(node.id);
    expect(again.logStatistics()).toMatchObject({ firstIndex: snapshotIndex + 1, lastIndex: snapshotIndex });
    expect(again.appliedIndex).toBe(snapshotIndex);
    await commit('d');
    const { words } = machine((await leader()).id);
    await until(() => machine(node.id).words.length >= words.length);
    expect(machine(node.id).words).toEqual(words);
    const seen = new Set(words.map((word) => word.split(' ', 2)[1]));
    expect([...seen]).toEqual(['seen', 'a', 'b', 'c', 'd']);
  });

  it('starts again with what came behind the snapshot, and applies that once', async () => {
    const { node } = await installOnOne();
    for (const word of ['d', 'e']) await commit(word);
    await until(() => machine(node.id).words.length === 6);
    const { words } = machine(node.id);
    await node.close();
    const again = await start(node.id);
    await until(() => again.appliedIndex >= machine(node.id).index);
    await commit('f');
    await until(() => machine(node.id).words.length >= 7);
    expect(machine(node.id).words).toBe(words);
    expect(words).toEqual(machine((await leader()).id).words);
  });
});

describe('a member whose state machine has lost its last entries', () => {
  const WORDS = ['a', 'b', 'c', 'd', 'e', 'f'];
  const alone = (trailingEntries: number) => start(1, [1], trailingEntries);

  /** @param before what is done before the member stops @param kept words that the state machine still has then */
  async function loseBehind(
    before: (node: RaftNode<number>) => Promise<unknown>,
    kept: number,
    trailingEntries: number,
  ) {
    const node = await alone(trailingEntries);
    for (const word of WORDS) await commit(word);
    await before(node);
    await node.close();
    const { words } = machine(1);
    const rest = words.slice(0, kept);
    Object.assign(machine(1), { words: rest, index: Number(rest.at(-1)?.split(' ')[0]) });
    const again = await alone(trailingEntries);
    expect(machine(1).words).toEqual(words);
    expect(again.appliedIndex).toBeGreaterThanOrEqual(machine(1).index);
  }

  it('gets them from its own snapshot, and not again from the log, which reaches further back', async () => {
    await loseBehind((node) => node.takeSnapshot(), 3, 100);
    expect(machine(1).restoredAt).toHaveLength(1);
  });

  it('gets them from the log, where that begins right behind what it has', async () => {
    await loseBehind((node) => node.compact(Number(machine(1).words[2]?.split(' ')[0])), 3, 0);
    expect(machine(1).restoredAt).toEqual([]);
  });
});
