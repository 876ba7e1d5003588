/**
 * One run: a cluster, its clients and everything that goes wrong, drawn from a seed and played on virtual time.
 *
 * First chaos, then calm. Safety is checked at every step of both, liveness at the end of the calm.
 */
import { describeMessage } from '../core/format.js';
import { Entry, EntryType, Message, MessageType, Snapshot } from '../core/messages.js';
import { roleNames } from '../core/status.js';
import { Checker } from './checkers/checker.js';
import { DurablePromises } from './checkers/durable-promises.js';
import { ElectionSafety } from './checkers/election-safety.js';
import { LeaderCompleteness } from './checkers/leader-completeness.js';
import { checkLinearizability } from './checkers/linearizability.js';
import { CalmNode, Liveness } from './checkers/liveness.js';
import { LogMatching } from './checkers/log-matching.js';
import { StateMachineSafety } from './checkers/state-machine-safety.js';
import { Clients } from './clients.js';
import { EventQueue } from './event-queue.js';
import { Faults } from './faults.js';
import { CALM, SimulatedNetwork } from './network.js';
import { SimulatedNode, World } from './node.js';
import { SeededRandom } from './random.js';
import { decodeCommand, Registers } from './register.js';
import { drawSettings, Settings, TICK_MS } from './settings.js';

/** Time for the calm cluster to come to rest, and for removed nodes to learn that they are. */
const CALM_MS = 12_000;
const FAREWELL_MS = 3_000;
const SETTLE_STEP_MS = 200;
/** The client that asks whether the cluster works; others have small numbers. */
const PROBE_CLIENT = 99;

export interface RunResult {
  readonly seed: number;
  /** The same for every run of the same seed: over all messages, in order. */
  readonly fingerprint: string;
  readonly operations: number;
  readonly answered: number;
  readonly messages: number;
  readonly entriesApplied: number;
  /** The run came to no rest for a reason that docs/core.md warns of. */
  readonly wasStuckByDesign: boolean;
  readonly failure: { readonly error: Error; readonly trace: readonly string[] } | undefined;
}

export class Simulation {
  readonly #seed: number;
  readonly #settings: Settings;
  readonly #queue = new EventQueue();
  readonly #nodes = new Map<number, SimulatedNode>();
  readonly #checkers: Checker[] = [
    new ElectionSafety(),
    new LogMatching(),
    new LeaderCompleteness(),
    new StateMachineSafety(),
    new DurablePromises(),
  ];
  readonly #network: SimulatedNetwork;
  readonly #clients: Clients;
  readonly #faults: Faults;
  readonly #random: SeededRandom;
  readonly #trace: string[] = [];
  /** How many of the last events to keep; messages are among them from 1 on, other events always. */
  readonly #traceLength: number;
  #wasStuckByDesign = false;
  #fingerprint = 0;
  #messages = 0;
  #entriesApplied = 0;

  constructor(seed: number, traceLength = 0) {
    const random = new SeededRandom(seed);
    this.#seed = seed;
    this.#traceLength = traceLength;
    this.#settings = drawSettings(random.fork());
    this.#network = new SimulatedNetwork(
      this.#queue,
      random.fork(),
      (message) => this.#deliver(message),
      (message) => this.#lose(message),
    );
    this.#addNodes(random);
    this.#clients = new Clients(this.#queue, random.fork(), this.#nodes);
    this.#faults = new Faults(
      this.#queue,
      random.fork(),
      this.#nodes,
      this.#network,
      (node) => this.#crash(node),
      (text) => this.#note(text),
    );
    this.#random = random.fork();
  }

  run(): RunResult {
    let failure: RunResult['failure'];
    try {
      this.#chaos();
      this.#calm();
      checkLinearizability(this.#clients.history);
    } catch (error) {
      failure = { error: error as Error, trace: this.#trace };
    }
    return {
      seed: this.#seed,
      fingerprint: (this.#fingerprint >>> 0).toString(16).padStart(8, '0'),
      operations: this.#clients.history.length,
      answered: this.#clients.answered,
      messages: this.#messages,
      entriesApplied: this.#entriesApplied,
      wasStuckByDesign: this.#wasStuckByDesign,
      failure,
    };
  }

  #addNodes(random: SeededRandom): void {
    const { voters, spares, tuning, asyncNodes } = this.#settings;
    const confState = { voters, learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
    const initial: Snapshot = { index: 5, term: 1, confState, data: new Registers().encode() };
    for (const id of [...voters, ...spares]) {
      const world: World = {
        queue: this.#queue,
        random: random.fork(),
        checkers: this.#checkers,
        send: (message) => this.#network.send(message),
        restore: (data) => Registers.decode(data),
        restored: (node, index) => {
          for (const checker of this.#checkers) checker.onRestore?.(node, index);
        },
        applied: (node, entry) => this.#applied(node, entry),
        readAnswered: (node, context, index) => this.#clients.readConfirmed(node, context, index),
      };
      const node = new SimulatedNode(id, asyncNodes.has(id), tuning, world, voters.includes(id) ? initial : undefined);
      this.#nodes.set(id, node);
      this.#tick(node);
    }
  }

  #tick(node: SimulatedNode): void {
    this.#queue.after(TICK_MS * node.clockSkew, () => {
      node.input((core) => core.tick());
      this.#tick(node);
    });
  }

  #chaos(): void {
    const { conditions, clients, faultEveryMs, chaosMs } = this.#settings;
    this.#network.conditions = conditions;
    this.#clients.start(clients);
    this.#faults.start(faultEveryMs);
    this.#queue.runUntil(chaosMs);
  }

  /** Repairs everything, lets removed nodes learn of it, stops them as their owners would, and waits for rest. */
  #calm(): void {
    this.#note('calm');
    this.#faults.end();
    this.#network.conditions = CALM;
    const beginsAtMs = this.#queue.nowMs;
    this.#queue.runUntil(beginsAtMs + FAREWELL_MS);
    this.#clients.stop();
    this.#queue.runUntil(this.#queue.nowMs + 1_000);
    for (const node of this.#nodes.values()) if (!this.#members().includes(node)) node.crash();
    const liveness = new Liveness();
    let answeredBefore = this.#clients.answered;
    while (!liveness.isReached && this.#queue.nowMs < beginsAtMs + CALM_MS) {
      const leader = this.#members().find(({ isLeader }) => isLeader);
      if (leader) this.#clients.write(PROBE_CLIENT, leader);
      this.#queue.runUntil(this.#queue.nowMs + SETTLE_STEP_MS);
      liveness.observe(this.#members().map(describeCalm), this.#clients.answered > answeredBefore);
      answeredBefore = this.#clients.answered;
    }
    this.#wasStuckByDesign = !liveness.isReached && this.#isStuckByDesign();
    if (!this.#wasStuckByDesign) liveness.assertReached(CALM_MS);
  }

  /**
   * A leader that is removed or demoted while the others have not heard that this is committed may hold entries that
   * nobody else has. The others need its vote, which their shorter logs do not get, and it may not stand itself. Hand
   * leadership over before removing a leader: docs/core.md.
   */
  #isStuckByDesign(): boolean {
    const lastOf = (node: SimulatedNode) => {
      const { lastIndex, entryAt, durable } = node.view();
      return { node, lastIndex, lastTerm: entryAt(lastIndex)?.term ?? durable.termAt(lastIndex) ?? 0 };
    };
    const logs = [...this.#nodes.values()].map(lastOf);
    logs.sort((a, b) => b.lastTerm - a.lastTerm || b.lastIndex - a.lastIndex);
    const longest = logs[0]?.node as SimulatedNode;
    const { voters, votersOutgoing } = longest.confState;
    const hasLeader = this.#members().some(({ isLeader }) => isLeader);
    return !hasLeader && !voters.includes(longest.id) && !votersOutgoing.includes(longest.id);
  }

  /** Who belongs to the cluster according to whoever knows most. */
  #members(): SimulatedNode[] {
    const newest = [...this.#nodes.values()].reduce((a, b) => (b.appliedIndex > a.appliedIndex ? b : a));
    const { voters, learners, votersOutgoing } = newest.confState;
    const ids = new Set([...voters, ...learners, ...votersOutgoing]);
    return [...this.#nodes.values()].filter(({ id }) => ids.has(id));
  }

  #crash(node: SimulatedNode): void {
    node.crash();
    this.#clients.crashed(node.id);
    for (const other of this.#nodes.values()) {
      if (this.#random.chance(0.7)) this.#disconnect(other, node.id, this.#random.below(20));
    }
  }

  #deliver(message: Message): void {
    this.#messages++;
    const { from, to, type, term, index, commit, reject } = message;
    this.#mix(from, to, type, term, index, commit, Number(reject), message.entries.length);
    if (this.#traceLength > 0) this.#note(describeMessage(message));
    this.#nodes.get(to)?.input((core) => core.step(message));
    if (type === MessageType.Snap) this.#reportSnapshot(message, 'finish');
  }

  /** Transports say so of peers that died, and sometimes of peers that live. */
  #disconnect(node: SimulatedNode, peer: number, afterMs: number): void {
    this.#queue.after(afterMs, () => node.input((core) => core.reportDisconnected(peer)));
  }

  #lose(message: Message): void {
    if (this.#random.chance(0.1)) this.#disconnect(this.#nodes.get(message.to) as SimulatedNode, message.from, 0);
    if (message.type === MessageType.Snap) this.#reportSnapshot(message, 'failure');
    else if (this.#queue.nowMs % 3 === 0)
      this.#nodes.get(message.from)?.input((core) => core.reportUnreachable(message.to));
  }

  #reportSnapshot({ from, to }: Message, outcome: 'finish' | 'failure'): void {
    this.#queue.after(20, () => this.#nodes.get(from)?.input((core) => core.reportSnapshot(to, outcome)));
  }

  #applied(node: number, entry: Entry): void {
    this.#entriesApplied++;
    this.#mix(node, entry.index, entry.term);
    if (entry.type === EntryType.Normal && entry.data.length > 0)
      this.#clients.applied(node, decodeCommand(entry.data));
    // The node has counted the entry before it says so.
    this.#clients.answerReads(node);
  }

  #note(text: string): void {
    this.#trace.push(`${this.#queue.nowMs.toFixed(1)} ${text}`);
    if (this.#trace.length > this.#traceLength) this.#trace.shift();
  }

  #mix(...numbers: number[]): void {
    for (const number of numbers) {
      this.#fingerprint = Math.imul(this.#fingerprint ^ (number & 0xffffffff), 0x01000193) ^ (this.#fingerprint >>> 15);
    }
    this.#fingerprint = Math.imul(this.#fingerprint ^ Math.floor(this.#queue.nowMs * 16), 0x01000193);
  }
}

function describeCalm(node: SimulatedNode): CalmNode {
  const role = node.core ? roleNames[node.core.basicStatus().softState.role] : 'stopped';
  return { id: node.id, isLeader: node.isLeader, appliedIndex: node.appliedIndex, role };
}

/** Runs a seed; where it fails, runs it again to have the last events in its trace. */
export function simulate(seed: number, traceLength = 60): RunResult {
  const result = new Simulation(seed).run();
  return result.failure ? new Simulation(seed, traceLength).run() : result;
}
