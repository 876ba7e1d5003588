/** What goes wrong in a simulation, and what operators do meanwhile. */
import { ConfChangeSingle, ConfChangeTransition, ConfChangeType, confChange } from '../confchange/conf-change.js';
import { EntryType } from '../core/messages.js';
import { EventQueue } from './event-queue.js';
import { SimulatedNetwork } from './network.js';
import { SimulatedNode } from './node.js';
import { SeededRandom } from './random.js';

export class Faults {
  #isOver = false;
  readonly #ids: readonly number[];

  constructor(
    private readonly queue: EventQueue,
    private readonly random: SeededRandom,
    private readonly nodes: ReadonlyMap<number, SimulatedNode>,
    private readonly network: SimulatedNetwork,
    private readonly crash: (node: SimulatedNode) => void,
    private readonly note: (text: string) => void,
  ) {
    this.#ids = [...nodes.keys()];
  }

  /** One fault about every so often, until `end`. */
  start(everyMs: number): void {
    this.queue.after(this.random.between(1, 2 * everyMs), () => {
      if (this.#isOver) return;
      this.#strike();
      this.start(everyMs);
    });
  }

  /** Everything is repaired, and stays so. */
  end(): void {
    this.#isOver = true;
    this.network.heal();
    for (const node of this.nodes.values()) {
      node.clockSkew = 1;
      node.start();
      if (node.isPaused) node.resume();
    }
  }

  #strike(): void {
    const node = this.nodes.get(this.random.pick(this.#ids)) as SimulatedNode;
    this.random.pick([
      () => this.#partition(),
      () => this.#isolate(node.id),
      () => this.#cutOneWay(),
      () => this.#crashAndRestart(node),
      () => this.#crashAndRestart(node),
      () => this.#crashMany(),
      () => this.#pause(node),
      () => this.#skew(node),
      () => this.#changeMembership(node),
      () => this.#changeMembership(this.#leader() ?? node),
      () => this.#changeMembership(this.#leader() ?? node),
      () => this.#transfer(),
      () => this.#transfer(),
      () => this.#forgetLeader(node),
      () => this.#campaign(node),
    ])();
  }

  #leader(): SimulatedNode | undefined {
    return [...this.nodes.values()].find(({ isLeader }) => isLeader);
  }

  #healLater(): void {
    this.queue.after(this.random.between(50, 900), () => this.network.heal());
  }

  #partition(): void {
    const side = new Set(this.random.sample(this.#ids, this.random.between(1, this.#ids.length)));
    this.note(`partition ${[...side]}`);
    for (const from of this.#ids) {
      for (const to of this.#ids) if (side.has(from) !== side.has(to)) this.network.cut(from, to);
    }
    this.#healLater();
  }

  #isolate(id: number): void {
    const target = this.random.chance(0.6) ? (this.#leader()?.id ?? id) : id;
    this.note(`isolate ${target}`);
    for (const other of this.#ids) {
      this.network.cut(target, other);
      this.network.cut(other, target);
    }
    this.#healLater();
  }

  #cutOneWay(): void {
    const [from, to] = this.random.sample(this.#ids, 2);
    if (from === undefined || to === undefined) return;
    this.note(`cut ${from} to ${to}`);
    this.network.cut(from, to);
    this.#healLater();
  }

  #crashAndRestart(node: SimulatedNode): void {
    if (!node.isRunning) return;
    this.note(`crash ${node.id}`);
    this.crash(node);
    this.queue.after(this.random.pick([1, 30, 300, 1_000]), () => {
      this.note(`restart ${node.id}`);
      node.start();
    });
  }

  #crashMany(): void {
    const count = this.random.between(1, this.#ids.length);
    for (const id of this.random.sample(this.#ids, count)) this.#crashAndRestart(this.nodes.get(id) as SimulatedNode);
  }

  #pause(node: SimulatedNode): void {
    const target = this.random.chance(0.5) ? (this.#leader() ?? node) : node;
    if (target.isPaused || !target.isRunning) return;
    this.note(`pause ${target.id}`);
    target.isPaused = true;
    this.queue.after(this.random.between(20, 700), () => target.resume());
  }

  #skew(node: SimulatedNode): void {
    node.clockSkew = this.random.pick([0.3, 0.6, 1, 1, 1.7, 4]);
    this.note(`skew ${node.id} ${node.clockSkew}`);
  }

  #changeMembership(node: SimulatedNode): void {
    const count = this.random.pick([0, 1, 1, 1, 2, 3]);
    const changes = Array.from(
      { length: count },
      (): ConfChangeSingle => ({
        type: this.random.pick([
          ConfChangeType.AddNode,
          ConfChangeType.AddNode,
          ConfChangeType.AddLearnerNode,
          ConfChangeType.RemoveNode,
        ]),
        nodeId: this.random.pick(this.#ids),
      }),
    );
    const transition = this.random.pick(Object.values(ConfChangeTransition));
    this.note(`change ${node.id} ${JSON.stringify(changes)} ${transition}`);
    const change = confChange(changes, transition);
    const isSimple = count === 1 && transition === ConfChangeTransition.Auto && this.random.chance(0.5);
    node.input((core) => core.proposeConfChange(change, isSimple ? EntryType.ConfChange : EntryType.ConfChangeV2));
  }

  #transfer(): void {
    const leader = this.#leader();
    const to = this.random.pick(this.#ids);
    this.note(`transfer ${leader?.id} ${to}`);
    leader?.input((core) => core.transferLeader(to));
  }

  #forgetLeader(node: SimulatedNode): void {
    this.note(`forget leader ${node.id}`);
    node.input((core) => core.forgetLeader());
  }

  #campaign(node: SimulatedNode): void {
    this.note(`campaign ${node.id}`);
    node.input((core) => core.campaign());
  }
}
