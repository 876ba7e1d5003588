/**
 * Clients that write and read registers through whichever node they think of, one operation at a time each, and keep the
 * history of it all.
 */
import { Operation } from './checkers/linearizability.js';
import { EventQueue } from './event-queue.js';
import { SimulatedNode } from './node.js';
import { SeededRandom } from './random.js';
import { encodeCommand, WriteCommand } from './register.js';

const KEYS = 3;
const TIMEOUT_MS = 600;

interface OpenOperation {
  readonly client: number;
  readonly kind: 'read' | 'write';
  readonly key: number;
  readonly node: number;
  readonly sequence: number;
  /** Position in `history`. */
  readonly position: number;
  /** Of a read, once it is confirmed: the index that must be applied before it may be answered. */
  readIndex: number | undefined;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export class Clients {
  /** Reads without an answer have value NaN until `completed` drops them. */
  readonly #history: Mutable<Operation>[] = [];
  readonly #open = new Map<number, OpenOperation>();
  #sequence = 0;
  /** Orders beginnings and ends. */
  #moment = 0;
  #isStopped = false;

  constructor(
    private readonly queue: EventQueue,
    private readonly random: SeededRandom,
    private readonly nodes: ReadonlyMap<number, SimulatedNode>,
  ) {}

  /** The operations whose outcome is known, and the writes whose outcome is not. */
  get history(): readonly Operation[] {
    return this.#history.filter(({ kind, endsAt }) => kind === 'write' || endsAt !== Infinity);
  }

  get answered(): number {
    return this.#history.filter(({ endsAt }) => endsAt !== Infinity).length;
  }

  start(count: number): void {
    for (let client = 1; client <= count; client++) this.#schedule(client);
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** One write on its own, for instance to see whether the cluster still works. */
  write(client: number, node: SimulatedNode): void {
    this.#begin(client, 'write', node);
  }

  /** A node has applied a command: that answers whoever gave it to this node. */
  applied(node: number, { client, sequence }: WriteCommand): void {
    const open = this.#open.get(client);
    if (open?.kind === 'write' && open.node === node && open.sequence === sequence) this.#end(open);
  }

  readConfirmed(node: number, context: Uint8Array, index: number): void {
    const [client = 0, sequence] = JSON.parse(new TextDecoder().decode(context)) as number[];
    const open = this.#open.get(client);
    if (open?.kind !== 'read' || open.node !== node || open.sequence !== sequence || open.readIndex !== undefined)
      return;
    open.readIndex = index;
    this.answerReads(node);
  }

  /** Answers the reads whose index this node has applied by now. */
  answerReads(id: number): void {
    const node = this.nodes.get(id) as SimulatedNode;
    for (const open of this.#open.values()) {
      if (open.node !== id || open.readIndex === undefined || open.readIndex > node.appliedIndex) continue;
      (this.#history[open.position] as Mutable<Operation>).value = node.machine.read(open.key);
      this.#end(open);
    }
  }

  /** What was given to a node that crashed is never answered. */
  crashed(node: number): void {
    for (const open of [...this.#open.values()]) if (open.node === node) this.#giveUp(open);
  }

  #schedule(client: number): void {
    this.queue.after(this.random.between(1, 60), () => {
      if (this.#isStopped) return;
      const running = [...this.nodes.values()].filter(({ isRunning }) => isRunning);
      const leaders = running.filter(({ isLeader }) => isLeader);
      const choices = leaders.length > 0 && this.random.chance(0.6) ? leaders : running;
      if (choices.length === 0) this.#schedule(client);
      else this.#begin(client, this.random.chance(0.5) ? 'read' : 'write', this.random.pick(choices));
    });
  }

  #begin(client: number, kind: 'read' | 'write', node: SimulatedNode): void {
    const sequence = ++this.#sequence;
    const key = this.random.below(KEYS);
    const value = kind === 'write' ? sequence : Number.NaN;
    const open: OpenOperation = {
      client,
      kind,
      key,
      node: node.id,
      sequence,
      position: this.#history.length,
      readIndex: undefined,
    };
    this.#history.push({ kind, key, value, beginsAt: this.#moment++, endsAt: Infinity });
    this.#open.set(client, open);
    this.queue.after(TIMEOUT_MS, () => {
      if (this.#open.get(client) === open) this.#giveUp(open);
    });
    node.input((core) => {
      if (kind === 'write') core.propose(encodeCommand({ client, sequence, key, value }));
      else core.readIndex(new TextEncoder().encode(JSON.stringify([client, sequence])));
    });
  }

  #end(open: OpenOperation): void {
    (this.#history[open.position] as Mutable<Operation>).endsAt = this.#moment++;
    this.#giveUp(open);
  }

  #giveUp(open: OpenOperation): void {
    this.#open.delete(open.client);
    this.#schedule(open.client);
  }
}
