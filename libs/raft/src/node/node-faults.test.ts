import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Entry } from '../core/messages.js';
import { MemoryNetwork } from '../transport/memory-transport.js';
import { FaultyDisk } from '../wal/faulty-disk.js';
import { seededRandom } from '../wal/log-model.js';
import { RaftNode } from './raft-node.js';
import type { StateMachine } from './state-machine.js';

const IDS = [1, 2, 3];

/** Everything that was applied, with its place; a snapshot holds all of it. */
class Journal implements StateMachine<string> {
  lines: string[] = [];

  apply(entries: readonly Entry[]): string[] {
    return entries.map((entry) => {
      const line = `${entry.index} ${Buffer.from(entry.data)}`;
      this.lines.push(line);
      return line;
    });
  }

  snapshot(): Iterable<Uint8Array> {
    return [Buffer.from(JSON.stringify(this.lines))];
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    this.lines = JSON.parse(Buffer.concat(parts).toString());
  }
}

/** Three members whose disks lose power, tear, stop short and fail, on a network that loses messages. */
class Faulty {
  readonly network = new MemoryNetwork();
  readonly members = new Map<number, { node: RaftNode<string>; journal: Journal }>();
  readonly #disks: Map<number, FaultyDisk>;
  /** Applied lines by index, over all lives of all members. */
  readonly #history = new Map<string, string>();

  constructor(
    readonly directory: string,
    readonly random: () => number,
  ) {
    this.#disks = new Map(IDS.map((id) => [id, new FaultyDisk(random)]));
  }

  async start(id: number): Promise<void> {
    const disk = this.#disk(id);
    disk.faults = { shortWrite: 0.1, syncError: 0.0005 };
    const journal = new Journal();
    const node = await RaftNode.start<string>({
      id,
      directory: join(this.directory, String(id)),
      transport: this.network.transport(id),
      stateMachine: journal,
      bootstrap: { voters: IDS },
      tickMs: 4,
      segmentBytes: 32 * 1024,
      snapshotEntries: 40,
      trailingEntries: 10,
      disk: disk.mount(),
      random: (bound) => Math.floor(this.random() * bound),
    }).catch((error) => {
      if (!String(error).includes('EIO')) throw error;
      return undefined;
    });
    if (node) this.members.set(id, { node, journal });
  }

  /** Power failure or kill; the node notices when its disk is gone. */
  async crash(id: number): Promise<void> {
    const member = this.members.get(id);
    if (this.random() < 0.5) this.#disk(id).crash();
    else this.#disk(id).restart();
    if (!member) return;
    this.members.delete(id);
    this.#remember(member.journal);
    await member.node.close();
  }

  /** No two lives of members applied different entries at one index. */
  #remember(journal: Journal): void {
    for (const line of journal.lines) {
      const [index] = line.split(' ', 1) as [string];
      const known = this.#history.get(index);
      if (known !== undefined) expect(line).toBe(known);
      this.#history.set(index, line);
    }
  }

  checkAgreement(): void {
    for (const { journal } of this.members.values()) this.#remember(journal);
  }

  #disk(id: number): FaultyDisk {
    return this.#disks.get(id) as FaultyDisk;
  }
}

describe('three nodes on faulty disks and a faulty network', () => {
  it.each([1, 2])(
    'keep every committed entry, in one order, through crashes (seed %i)',
    async (seed) => {
      const directory = await mkdtemp(join(tmpdir(), 'raft-faults-'));
      const group = new Faulty(directory, seededRandom(seed));
      try {
        const committed = await exercise(group);
        await settle(group, committed);
        group.checkAgreement();
        expect(committed.size).toBeGreaterThan(0);
      } finally {
        for (const { node } of group.members.values()) await node.close();
        await rm(directory, { recursive: true });
      }
    },
    60_000,
  );
});

/** Clients propose all the time while members come and go. @returns what was acknowledged as committed */
async function exercise(group: Faulty): Promise<Set<string>> {
  const committed = new Set<string>();
  let running = true;
  for (const id of IDS) await group.start(id);
  const client = async (name: number) => {
    for (let count = 0; running; count++) {
      const leader = [...group.members.values()].find(({ node }) => node.isLeader);
      const outcome = await leader?.node.propose(Buffer.from(`${name}.${count}.${'x'.repeat(50)}`));
      if (outcome?.outcome === 'committed') committed.add(outcome.result);
      else await pause(3);
    }
  };
  const clients = [1, 2, 3, 4].map(client);
  for (let round = 0; round < 12; round++) {
    await pause(60 + group.random() * 100);
    group.network.loses = () => group.random() < 0.05;
    const victim = 1 + Math.floor(group.random() * 3);
    await group.crash(victim);
    await pause(group.random() * 60);
    for (const id of IDS) {
      if (!group.members.has(id) || group.members.get(id)?.node.isStopped) {
        await group.crash(id);
        await group.start(id);
      }
    }
  }
  running = false;
  group.network.heal();
  for (const id of IDS) await group.crash(id);
  await Promise.all(clients);
  return committed;
}

/** Without faults, all members come to hold all that was committed. */
async function settle(group: Faulty, committed: Set<string>): Promise<void> {
  for (const id of IDS) {
    while (!group.members.has(id)) await group.start(id);
  }
  const complete = () =>
    [...group.members.values()].every(({ journal }) => {
      const lines = new Set(journal.lines);
      return [...committed].every((line) => lines.has(line));
    });
  while (!complete()) {
    for (const id of IDS) {
      if (!group.members.get(id)?.node.isStopped) continue;
      await group.crash(id);
      await group.start(id);
    }
    await pause(10);
  }
}

function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
