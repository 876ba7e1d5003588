import { describe, expect, it } from '@jest/globals';
import { MemoryStorage } from '../log/memory-storage.js';
import type { ReadOnlyMode } from './config.js';
import { type Message, NO_CONF_STATE } from './messages.js';
import { RawNode } from './raw-node.js';
import { Role } from './ready.js';

const ELECTION_TICKS = 10;
/** Three heartbeats, for the first of those who are left. */
const SUSPICION_TICKS = 3;

function storageOf(): MemoryStorage {
  const storage = new MemoryStorage();
  storage.applySnapshot({
    index: 1,
    term: 1,
    confState: { ...NO_CONF_STATE, voters: [1, 2, 3] },
    data: new Uint8Array(),
  });
  storage.hardState = { term: 1, vote: 0, commit: 1 };
  return storage;
}

function member(id: number, storage: MemoryStorage, readOnly: ReadOnlyMode = 'safe'): RawNode {
  const limits = { electionTicks: ELECTION_TICKS, heartbeatTicks: 1, checkQuorum: true, preVote: true, readOnly };
  return new RawNode({ id, storage, random: () => 0, ...limits });
}

/** Three members; node 1 leads. Messages travel at once, but not from or to those that are `dead`. */
class Trio {
  readonly nodes: readonly RawNode[];
  readonly #storages = [1, 2, 3].map(storageOf);
  readonly dead = new Set<number>();

  constructor(readOnly?: ReadOnlyMode) {
    this.nodes = [1, 2, 3].map((id) => member(id, this.#storages[id - 1] as MemoryStorage, readOnly));
    this.node(1).campaign();
    this.settle();
  }

  node(id: number): RawNode {
    return this.nodes[id - 1] as RawNode;
  }

  leader(): number | undefined {
    return this.nodes.find((node) => !this.dead.has(node.id) && node.basicStatus().softState.role === Role.Leader)?.id;
  }

  tick(...ids: number[]): void {
    for (const id of ids) this.node(id).tick();
    this.settle();
  }

  settle(): void {
    let messages: Message[];
    do {
      messages = this.nodes
        .flatMap((node) => this.#work(node))
        .filter(({ from, to }) => !this.dead.has(from) && !this.dead.has(to));
      for (const message of messages) this.node(message.to).step(message);
    } while (messages.length > 0);
  }

  #work(node: RawNode): Message[] {
    const sent: Message[] = [];
    const storage = this.#storages[node.id - 1] as MemoryStorage;
    while (node.hasReady()) {
      const { messages, entries, hardState } = node.ready();
      storage.append(entries);
      if (hardState) storage.hardState = hardState;
      sent.push(...messages);
      node.advance();
    }
    return sent;
  }
}

describe('a leader whose connections broke', () => {
  it('is succeeded after the suspicion time when it is heard of no more', () => {
    const trio = new Trio();
    trio.dead.add(1);
    for (const id of [2, 3]) trio.node(id).reportDisconnected(1);
    for (let tick = 1; tick < SUSPICION_TICKS; tick++) trio.tick(2, 3);
    expect(trio.leader()).toBeUndefined();
    trio.tick(2, 3);
    expect(trio.leader()).toBe(2);
  });

  it('is succeeded by the next in order when the first of those who are left says nothing', () => {
    const trio = new Trio();
    trio.dead.add(1);
    for (const id of [2, 3]) trio.node(id).reportDisconnected(1);
    for (let tick = 1; tick < 2 * SUSPICION_TICKS; tick++) trio.tick(3);
    expect(trio.leader()).toBeUndefined();
    trio.tick(3);
    expect(trio.leader()).toBe(3);
  });

  it('leads on when it is heard again, however often that happens', () => {
    const trio = new Trio();
    for (let round = 0; round < 3 * ELECTION_TICKS; round++) {
      for (const id of [2, 3]) trio.node(id).reportDisconnected(1);
      trio.tick(1, 2, 3);
    }
    expect(trio.leader()).toBe(1);
    expect(trio.node(1).basicStatus().hardState.term).toBe(2);
  });

  it('leads on when only one member lost it: the others do not grant that one anything', () => {
    const trio = new Trio();
    trio.node(2).reportDisconnected(1);
    for (let tick = 0; tick < SUSPICION_TICKS; tick++) trio.tick(2);
    expect(trio.node(2).basicStatus().softState).toEqual({ lead: 0, role: Role.PreCandidate });
    trio.tick(1);
    expect(trio.node(2).basicStatus().softState).toEqual({ lead: 1, role: Role.Follower });
    expect(trio.leader()).toBe(1);
    expect(trio.node(2).basicStatus().hardState.term).toBe(2);
  });

  it('is not suspected for the connection of another member', () => {
    const trio = new Trio();
    for (const id of [2, 3]) trio.node(id).reportDisconnected(5 - id);
    trio.node(1).reportDisconnected(2);
    for (let tick = 1; tick < ELECTION_TICKS; tick++) trio.tick(2, 3);
    expect(trio.leader()).toBe(1);
    expect(trio.node(2).basicStatus().softState.role).toBe(Role.Follower);
  });

  it('keeps the lease that its reads rest upon', () => {
    const trio = new Trio('lease-based');
    trio.dead.add(1);
    for (const id of [2, 3]) trio.node(id).reportDisconnected(1);
    for (let tick = 1; tick < ELECTION_TICKS; tick++) trio.tick(2, 3);
    expect(trio.leader()).toBeUndefined();
    expect(trio.node(2).basicStatus().softState.lead).toBe(1);
  });

  it('is not given longer than without the report', () => {
    const trio = new Trio();
    trio.dead.add(1);
    for (let tick = 1; tick < ELECTION_TICKS; tick++) trio.tick(2, 3);
    for (const id of [2, 3]) trio.node(id).reportDisconnected(1);
    trio.node(2).setRandomizedElectionTicks(ELECTION_TICKS);
    trio.tick(3);
    trio.tick(2);
    expect(trio.leader()).toBe(2);
  });
});
