import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ConfChangeType, confChange } from '../confchange/conf-change.js';
import type { Entry } from '../core/messages.js';
import { MemoryNetwork } from '../transport/memory-transport.js';
import type { Disk } from '../wal/disk.js';
import { RealDisk } from '../wal/real-disk.js';
import type { RaftNodeOptions } from './node-options.js';
import { RaftNode } from './raft-node.js';
import type { StateMachine } from './state-machine.js';

/** A list of words; the result of a word is its place. */
class Words implements StateMachine<number> {
  words: string[] = [];

  apply(entries: readonly Entry[]): number[] {
    return entries.map((entry) => this.words.push(Buffer.from(entry.data).toString()) - 1);
  }

  snapshot(): Iterable<Uint8Array> {
    return [Buffer.from(JSON.stringify(this.words))];
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    this.words = JSON.parse(Buffer.concat(parts).toString());
  }
}

class Group {
  readonly network = new MemoryNetwork();
  readonly nodes = new Map<number, RaftNode<number>>();
  readonly machines = new Map<number, Words>();

  constructor(private readonly directory: string) {}

  async start(id: number, options: Partial<RaftNodeOptions<number>> = {}): Promise<RaftNode<number>> {
    const stateMachine = new Words();
    const node = await RaftNode.start<number>({
      id,
      directory: join(this.directory, String(id)),
      transport: this.network.transport(id),
      stateMachine,
      bootstrap: { voters: [1, 2, 3] },
      tickMs: 10,
      segmentBytes: 256 * 1024,
      ...options,
    });
    this.nodes.set(id, node);
    this.machines.set(id, stateMachine);
    return node;
  }

  async startAll(options: Partial<RaftNodeOptions<number>> = {}): Promise<RaftNode<number>> {
    for (const id of [1, 2, 3]) await this.start(id, options);
    return this.leader();
  }

  async leader(among: number[] = [...this.nodes.keys()]): Promise<RaftNode<number>> {
    const find = () => among.map((id) => this.node(id)).find((node) => node.isLeader);
    await until(() => find() !== undefined);
    return find() as RaftNode<number>;
  }

  node(id: number): RaftNode<number> {
    return this.nodes.get(id) as RaftNode<number>;
  }

  others(node: RaftNode<number>): RaftNode<number>[] {
    return [...this.nodes.values()].filter((one) => one !== node);
  }

  words(node: RaftNode<number>): string[] {
    return (this.machines.get(node.id) as Words).words;
  }

  async stop(id: number): Promise<void> {
    await this.node(id).close();
    this.nodes.delete(id);
  }

  async close(): Promise<void> {
    for (const node of this.nodes.values()) await node.close();
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** Proposes until it is committed: leaders may change meanwhile. */
async function commit(group: Group, word: string): Promise<number> {
  for (;;) {
    const leader = await group.leader();
    const outcome = await leader.propose(Buffer.from(word));
    if (outcome.outcome === 'committed') return outcome.index;
  }
}

let directory: string;
let group: Group;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'raft-node-'));
  group = new Group(directory);
});

afterEach(async () => {
  await group.close();
  await rm(directory, { recursive: true });
});

describe('a group of nodes', () => {
  it('commits proposals in one order on all members and gives each proposer its own result', async () => {
    const leader = await group.startAll();
    const outcomes = await Promise.all(Array.from({ length: 300 }, (_, at) => leader.propose(Buffer.from(`w${at}`))));
    expect(outcomes.map((one) => one.outcome === 'committed' && one.result)).toEqual(
      Array.from({ length: 300 }, (_, at) => at),
    );
    for (const node of group.nodes.values()) await until(() => group.words(node).length === 300);
    for (const node of group.nodes.values()) expect(group.words(node)).toEqual(group.words(leader));
    expect(leader.logStatistics().fsyncCount).toBeLessThan(100);
  });

  it('says who leads when a follower is asked', async () => {
    const leader = await group.startAll();
    const [follower] = group.others(leader) as [RaftNode<number>];
    await until(() => follower.leader === leader.id);
    expect(await follower.propose(Buffer.from('x'))).toEqual({ outcome: 'not-leader', leader: leader.id });
  });

  it('answers reads on any member only once that member has what was acknowledged before', async () => {
    const leader = await group.startAll();
    const [follower] = group.others(leader) as [RaftNode<number>];
    await until(() => follower.leader === leader.id);
    for (let round = 0; round < 20; round++) {
      const index = await commit(group, `r${round}`);
      const reads = await Promise.all([leader.read(), follower.read(), follower.read()]);
      for (const read of reads) expect(read).toMatchObject({ outcome: 'ready' });
      expect(follower.appliedIndex).toBeGreaterThanOrEqual(index);
      expect(group.words(follower)).toContain(`r${round}`);
    }
  });

  it('calls a proposal uncertain when leadership is lost, and never says committed of what was replaced', async () => {
    const leader = await group.startAll();
    const others = group.others(leader);
    group.network.isolate(leader.id);
    const lost = leader.propose(Buffer.from('lost'));
    const next = await group.leader(others.map((one) => one.id));
    await next.propose(Buffer.from('kept'));
    const outcome = await lost;
    expect(outcome.outcome).toBe('uncertain');
    expect(await leader.read()).toMatchObject({ outcome: 'not-confirmed' });
    group.network.heal();
    await until(() => group.words(leader).includes('kept'));
    expect(group.words(leader)).not.toContain('lost');
  });

  it('settles as dropped what was replaced by another entry before it was given up', async () => {
    const leader = await group.startAll({ electionTicks: 10 });
    const others = group.others(leader);
    group.network.loses = (from, to, message) => (from === leader.id || to === leader.id) && message.type !== 0;
    const lost = leader.propose(Buffer.from('lost'));
    const next = await group.leader(others.map((one) => one.id));
    await next.propose(Buffer.from('kept'));
    group.network.heal();
    const outcome = await lost;
    expect(['dropped', 'uncertain']).toContain(outcome.outcome);
    if (outcome.outcome === 'dropped') expect(outcome.reason).toBe('replaced');
  });

  it('hands leadership over on request', async () => {
    const leader = await group.startAll();
    const [heir] = group.others(leader) as [RaftNode<number>];
    expect(await leader.transferLeadership(heir.id)).toBe(true);
    await until(() => heir.isLeader);
    expect(leader.isLeader).toBe(false);
  });

  it('has another leader, long before the election timeout, when the connection of the first one broke', async () => {
    const ticks: (() => void)[] = [];
    const clock = {
      every: (_periodMs: number, tick: () => void) => {
        ticks.push(tick);
        return () => undefined;
      },
    };
    for (const id of [1, 2, 3]) await group.start(id, { clock, electionTicks: 100, random: () => 0 });
    group.node(1).campaign();
    await until(() => [1, 2, 3].every((id) => group.node(id).leader === 1));
    await group.stop(1);
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(group.node(2).leader).toBe(1);
    for (let tick = 0; tick < 3; tick++) ticks[1]?.();
    await until(() => group.node(2).isLeader);
  });

  it('goes on after all members were stopped and started, with everything acknowledged', async () => {
    await group.startAll();
    for (let at = 0; at < 20; at++) await commit(group, `before${at}`);
    const memberId = group.node(1).memberId;
    for (const id of [1, 2, 3]) await group.stop(id);
    const leader = await group.startAll();
    expect(group.node(1).memberId).toBe(memberId);
    await commit(group, 'after');
    expect((await leader.read()).outcome).toMatch(/ready|not-confirmed/);
    const current = await group.leader();
    expect(group.words(current)).toEqual([...Array.from({ length: 20 }, (_, at) => `before${at}`), 'after']);
  });

  it('refuses more proposals than the bound, and empty ones', async () => {
    const leader = await group.startAll({ pendingProposalsMax: 2 });
    const outcomes = await Promise.all(['a', 'b', 'c'].map((word) => leader.propose(Buffer.from(word))));
    expect(outcomes.map((one) => one.outcome)).toEqual(['committed', 'committed', 'dropped']);
    expect(outcomes[2]).toEqual({ outcome: 'dropped', reason: 'overloaded' });
    expect(() => leader.propose(new Uint8Array(0))).toThrow(/empty/);
  });

  it('does nothing more after its disk failed', async () => {
    const failures: Error[] = [];
    const failing = { current: false };
    const leader = await group.startAll({ onFailure: (error) => failures.push(error), disk: failingDisk(failing) });
    failing.current = true;
    const outcome = await leader.propose(Buffer.from('x'));
    expect(outcome).toMatchObject({ outcome: 'uncertain', reason: 'failed' });
    expect(failures[0]).toMatchObject({ code: 'raft-node-failed', cause: { code: 'wal-poisoned' } });
    expect(await leader.propose(Buffer.from('y'))).toEqual({ outcome: 'dropped', reason: 'closed' });
  });
});

describe('snapshots and membership', () => {
  it('brings a follower that fell behind up to date with a snapshot, also over a transfer that breaks', async () => {
    const leader = await group.startAll({ trailingEntries: 5, snapshotEntries: 0 });
    const [lagging] = group.others(leader) as [RaftNode<number>];
    await commit(group, 'first');
    group.network.isolate(lagging.id);
    for (let at = 0; at < 30; at++) await commit(group, `w${at}${'x'.repeat(20_000)}`);
    const current = await group.leader(group.others(lagging).map((one) => one.id));
    const file = await current.takeSnapshot();
    expect(file.bytes).toBeGreaterThan(600_000);
    const positions: number[] = [];
    group.network.beforeChunk = (_, __, position) => {
      positions.push(position);
      if (positions.length === 2) throw new Error('the line broke');
    };
    group.network.heal();
    await until(() => group.words(lagging).length === 31);
    expect(positions.slice(0, 3)).toEqual([0, 262_144, 262_144]);
    expect(group.words(lagging)).toEqual(group.words(current));
    await commit(group, 'last');
    await until(() => group.words(lagging).at(-1) === 'last');
  });

  it('takes snapshots by itself, cuts the log, and starts from them', async () => {
    const leader = await group.startAll({ snapshotEntries: 50, trailingEntries: 10 });
    for (let at = 0; at < 12; at++) {
      await Promise.all(Array.from({ length: 20 }, (_, word) => commit(group, `${at}.${word}`)));
    }
    await until(() => leader.logStatistics().firstIndex > 100);
    const words = group.words(await group.leader());
    for (const id of [1, 2, 3]) await group.stop(id);
    const files = await readdir(join(directory, String(leader.id), 'snapshots'));
    expect(files.filter((name) => name.endsWith('.snapshot'))).toHaveLength(1);
    await group.startAll();
    await commit(group, 'end');
    const current = await group.leader();
    expect(group.words(current)).toEqual([...words, 'end']);
  });

  it('takes in a new member as a learner, then as a voter, and lets one go', async () => {
    const leader = await group.startAll({ trailingEntries: 0 });
    for (let at = 0; at < 10; at++) await commit(group, `w${at}`);
    const { bootstrap, ...joining } = { bootstrap: undefined, snapshotEntries: 0 };
    expect(bootstrap).toBeUndefined();
    const added = await leader.proposeConfChange(confChange([{ type: ConfChangeType.AddLearnerNode, nodeId: 4 }]));
    expect(added.outcome).toBe('committed');
    await startJoining(group, 4, joining);
    await until(() => group.words(group.node(4)).length === 10);
    expect((await leader.proposeConfChange(confChange([{ type: ConfChangeType.AddNode, nodeId: 4 }]))).outcome).toBe(
      'committed',
    );
    const [leaving] = group.others(leader).filter((one) => one.id !== 4) as [RaftNode<number>];
    const removed = await leader.proposeConfChange(
      confChange([{ type: ConfChangeType.RemoveNode, nodeId: leaving.id }]),
    );
    expect(removed.outcome).toBe('committed');
    expect(leader.status().confState.voters).toEqual([1, 2, 3, 4].filter((id) => id !== leaving.id));
    await group.stop(leaving.id);
    await commit(group, 'end');
    await until(() => group.words(group.node(4)).at(-1) === 'end');
  });

  it('takes a new snapshot for a member that joined after the last one: it would refuse one that does not name it', async () => {
    const leader = await group.startAll({ trailingEntries: 0 });
    for (let at = 0; at < 10; at++) await commit(group, `w${at}`);
    for (const nodeId of [4, 5]) {
      await leader.proposeConfChange(confChange([{ type: ConfChangeType.AddLearnerNode, nodeId }]));
      await startJoining(group, nodeId, { snapshotEntries: 0 });
      await until(() => group.words(group.node(nodeId)).length === 10);
    }
  });
});

describe('a single node with a state machine that keeps its own state', () => {
  /** Survives in memory what the node does not: as a database would, a few entries behind. */
  class Ledger implements StateMachine<number> {
    kept: string[] = [];
    keptIndex = 0;
    readonly seen: number[] = [];

    appliedIndex(): number {
      return this.keptIndex;
    }

    async apply(entries: readonly Entry[]): Promise<number[]> {
      await Promise.resolve();
      for (const entry of entries) {
        this.seen.push(entry.index);
        this.kept.push(Buffer.from(entry.data).toString());
        this.keptIndex = entry.index;
      }
      return entries.map((entry) => entry.index);
    }

    snapshot(): Iterable<Uint8Array> {
      return [];
    }

    async restore(): Promise<void> {}

    /** Forgets the last entries, as if they had not been persisted yet. */
    lose(count: number): void {
      this.kept.length -= count;
      this.keptIndex -= count;
    }
  }

  const startAlone = (stateMachine: Ledger) =>
    RaftNode.start({
      id: 1,
      directory: join(directory, 'alone'),
      transport: group.network.transport(1),
      stateMachine,
      bootstrap: { voters: [1] },
      tickMs: 5,
      segmentBytes: 256 * 1024,
      snapshotEntries: 0,
    });

  it('gives it each entry once over restarts and compactions, and again what it had not kept', async () => {
    const ledger = new Ledger();
    const expected: string[] = [];
    for (let life = 0; life < 4; life++) {
      const node = await startAlone(ledger);
      await until(() => node.isLeader);
      for (let at = 0; at < 20; at++) {
        const word = `${life}.${at}`;
        const outcome = await node.propose(Buffer.from(word));
        expect(outcome).toMatchObject({ outcome: 'committed' });
        expected.push(word);
      }
      expect(ledger.kept).toEqual(expected);
      const durable = ledger.keptIndex - 5;
      await node.compact(durable);
      expect(node.logStatistics().firstIndex).toBe(durable + 1);
      await expect(node.compact(node.appliedIndex + 1)).rejects.toThrow(/not applied/);
      await node.close();
      ledger.lose(3);
    }
    const node = await startAlone(ledger);
    await until(() => ledger.kept.length === expected.length);
    expect(ledger.kept).toEqual(expected);
    await node.close();
  });

  it('refuses to start when its state is older than the log, or newer', async () => {
    const ledger = new Ledger();
    const node = await startAlone(ledger);
    await until(() => node.isLeader);
    for (let at = 0; at < 10; at++) await node.propose(Buffer.from('x'));
    await node.compact(node.appliedIndex - 2);
    await node.close();
    ledger.keptIndex -= 5;
    await expect(startAlone(ledger)).rejects.toThrow(/no snapshot bridges the gap/);
    ledger.keptIndex += 50;
    await expect(startAlone(ledger)).rejects.toThrow(/do not belong together/);
  });
});

async function startJoining(joined: Group, id: number, options: Partial<RaftNodeOptions<number>>): Promise<void> {
  await joined.start(id, { ...options, bootstrap: undefined as never });
}

function failingDisk(failing: { current: boolean }): Disk {
  const disk = new RealDisk();
  const open = disk.open.bind(disk);
  disk.open = async (path, mode) => {
    const file = await open(path, mode);
    const persist = file.persist.bind(file);
    file.persist = (bytes, start, end, position, done) => {
      if (failing.current) done(new Error('EIO: input/output error'), 0);
      else persist(bytes, start, end, position, done);
    };
    return file;
  };
  return disk;
}
