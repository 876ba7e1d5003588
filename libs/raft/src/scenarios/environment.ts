/**
 * A cluster in a test bench: every message, disk write and tick happens when a command says so.
 *
 * Owns: the nodes, what is in flight between them, and the work lists of their storage workers.
 */
import { decodeConfChange } from '../confchange/conf-change.js';
import { RaftConfig } from '../core/config.js';
import { describeMessage, describeReady } from '../core/format.js';
import {
  Entry,
  EntryType,
  HardState,
  isEmptyHardState,
  isLocalTarget,
  Message,
  MessageType,
  Snapshot,
} from '../core/messages.js';
import { RawNode } from '../core/raw-node.js';
import { Refusal } from '../core/ready.js';
import { MemoryStorage } from '../log/memory-storage.js';
import { Output } from './output.js';

export const ELECTION_TICKS = 3;
export const HEARTBEAT_TICKS = 1;

/** Nothing sensible takes that long; a cluster that never comes to rest should be seen, not waited for. */
const STABILIZE_ROUNDS_MAX = 1_000;

export type NodeTemplate = Omit<
  RaftConfig,
  'id' | 'storage' | 'random' | 'electionTicks' | 'heartbeatTicks' | 'logger'
>;

/** Hands out the newest of its snapshots, whatever the log has been compacted to. */
class HistoryStorage extends MemoryStorage {
  /** One per applied entry, newest last. */
  readonly history: Snapshot[] = [];

  override snapshot(): Snapshot | undefined {
    return this.history.at(-1);
  }
}

export interface BenchNode {
  readonly id: number;
  readonly core: RawNode;
  readonly storage: HistoryStorage;
  readonly isAsync: boolean;
  /** Behaves as etcd-raft where this library differs. */
  readonly isEtcd: boolean;
  readonly appendWork: Message[];
  readonly applyWork: Message[];
}

/** The texts that stand for refusals in scenario files. */
const refusalTexts: Partial<Record<Refusal, string>> = {
  'local-message': 'raft: cannot step raft local message',
  'unknown-peer': 'raft: cannot step as peer not found',
};

export function describeRefusal(refusal: Refusal): string {
  return refusalTexts[refusal] ?? 'raft proposal dropped';
}

export class Environment {
  readonly output = new Output();
  readonly nodes: BenchNode[] = [];
  inFlight: Message[] = [];
  #randomState = 1;

  node(id: number): BenchNode {
    const node = this.nodes[id - 1];
    if (!node) throw new Error(`there is no node ${id}`);
    return node;
  }

  /** Adds nodes with the next ids, all starting from the same snapshot, if its index is not 0. */
  addNodes(count: number, template: NodeTemplate, snapshot: Snapshot, hasSnapshot: boolean): void {
    for (let added = 0; added < count; added++) {
      const id = this.nodes.length + 1;
      const storage = new HistoryStorage();
      if (hasSnapshot) {
        if (snapshot.index <= 1) throw new Error('index must be specified as > 1 due to bootstrap');
        storage.applySnapshot(snapshot);
      }
      storage.history.push(snapshot);
      const core = new RawNode({
        ...template,
        id,
        storage,
        electionTicks: ELECTION_TICKS,
        heartbeatTicks: HEARTBEAT_TICKS,
        random: (bound) => this.#random(bound),
        logger: this.output,
      });
      const isAsync = template.asyncStorageWrites ?? false;
      const isEtcd = template.etcdCompatibility ?? false;
      this.nodes.push({ id, core, storage, isAsync, isEtcd, appendWork: [], applyWork: [] });
    }
  }

  processReady(node: BenchNode): void {
    const ready = node.core.ready();
    this.output.write(describeReady(ready));
    if (!node.isAsync) {
      persist(node, ready.hardState, ready.entries, ready.snapshot);
      applyEntries(node, ready.committedEntries);
    }
    for (const message of ready.messages) {
      if (!isLocalTarget(message.to)) this.inFlight.push(message);
      else if (message.type === MessageType.StorageAppend) node.appendWork.push(message);
      else node.applyWork.push(message);
    }
    if (!node.isAsync) node.core.advance();
  }

  processAppend(node: BenchNode): void {
    const work = node.appendWork.shift();
    if (!work) {
      this.output.write('no append work to perform');
      return;
    }
    this.#announce(work);
    const { term, vote, commit } = work;
    persist(node, { term, vote, commit }, work.entries, work.snapshot);
    this.#respond(work);
  }

  processApply(node: BenchNode): void {
    const work = node.applyWork.shift();
    if (!work) {
      this.output.write('no apply work to perform');
      return;
    }
    this.#announce(work);
    applyEntries(node, work.entries);
    this.#respond(work);
  }

  /** Delivers (or drops) what is in flight to one node, in order. Returns how many messages that were. */
  deliver(to: number, { drop = false, type }: { drop?: boolean; type?: MessageType } = {}): number {
    const chosen = this.messagesTo(to, drop, type);
    this.inFlight = this.inFlight.filter((message) => !chosen.includes(message));
    for (const message of chosen) {
      this.output.writeLine(`${drop ? 'dropped: ' : ''}${describeMessage(message)}`);
      if (drop) continue;
      const refusal = this.node(to).core.step(message);
      if (refusal) this.output.writeLine(describeRefusal(refusal));
    }
    return chosen.length;
  }

  messagesTo(to: number, drop = false, type?: MessageType): Message[] {
    return this.inFlight.filter(
      (message) => message.to === to && !(drop && isOwn(message)) && (type === undefined || message.type === type),
    );
  }

  /** Lets the given nodes work until nothing is left to do. */
  stabilize(nodes: readonly BenchNode[]): void {
    let busy = true;
    for (let rounds = 0; busy; rounds++) {
      if (rounds === STABILIZE_ROUNDS_MAX) throw new Error(`not stable after ${rounds} rounds`);
      busy = false;
      const round = (applies: (node: BenchNode) => boolean, title: string, body: (node: BenchNode) => void) => {
        for (const node of nodes) {
          if (!applies(node)) continue;
          this.output.writeLine(`> ${node.id} ${title}`);
          body(node);
          busy = true;
        }
      };
      const indented = (body: () => void) => this.output.indented(body);
      round(
        ({ core }) => core.hasReady(),
        'handling Ready',
        (node) => indented(() => this.processReady(node)),
      );
      round(
        ({ id }) => this.messagesTo(id).length > 0,
        'receiving messages',
        ({ id }) => indented(() => this.deliver(id)),
      );
      round(
        ({ appendWork }) => appendWork.length > 0,
        'processing append thread',
        (node) => {
          while (node.appendWork.length > 0) indented(() => this.processAppend(node));
        },
      );
      round(
        ({ applyWork }) => applyWork.length > 0,
        'processing apply thread',
        (node) => {
          while (node.applyWork.length > 0) indented(() => this.processApply(node));
        },
      );
    }
  }

  #announce(work: Message): void {
    this.output.writeLine('Processing:');
    this.output.writeLine(describeMessage({ ...work, responses: [] }));
  }

  #respond(work: Message): void {
    this.output.writeLine('Responses:');
    for (const response of work.responses) this.output.writeLine(describeMessage(response));
    this.inFlight.push(...work.responses);
  }

  /** Repeatable: scenarios do not depend on it, but their failures should be the same twice. */
  #random(bound: number): number {
    this.#randomState = (this.#randomState * 48_271) % 2_147_483_647;
    return this.#randomState % bound;
  }
}

/** Local messages cannot get lost. */
function isOwn({ from, to }: Message): boolean {
  return from === to || isLocalTarget(from) || isLocalTarget(to);
}

function persist(
  { storage }: BenchNode,
  hardState: HardState | undefined,
  entries: readonly Entry[],
  snapshot: Snapshot | undefined,
): void {
  if (hardState && !isEmptyHardState(hardState)) storage.hardState = hardState;
  if (!snapshot) {
    storage.append(entries);
    return;
  }
  if (entries.length > 0) throw new Error("can't apply snapshot and entries at the same time");
  storage.applySnapshot(snapshot);
}

/** The state machine: all payloads joined, with one snapshot kept per entry. */
function applyEntries(node: BenchNode, entries: readonly Entry[]): void {
  const { core, storage } = node;
  for (const { index, term, type, data } of entries) {
    const last = storage.history.at(-1) as Snapshot;
    let update = data;
    let { confState } = last;
    if (type !== EntryType.Normal) {
      const change = decodeConfChange(type, data);
      update = change.context;
      confState = node.isEtcd ? core.applyConfChange(change) : core.applyConfChange(change, index);
    }
    const joined = new Uint8Array(last.data.length + update.length);
    joined.set(last.data);
    joined.set(update, last.data.length);
    storage.history.push({ index, term, confState, data: joined });
  }
}
