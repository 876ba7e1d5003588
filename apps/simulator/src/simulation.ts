/**
 * One run: coordinators, participants and callers in one process on virtual time, with everything that goes wrong drawn
 * from a seed. First chaos, for so many steps, then quiet. Promises are checked at every step of both, and again at the end.
 */

import { describeMessage, type Message, MessageType } from '@concordat/raft';
import { CALM, EventQueue, SeededRandom, SimulatedNetwork } from '@concordat/raft/simulator';
import { checkEnd } from './checkers/end.js';
import { Observer } from './checkers/observer.js';
import { Violation } from './checkers/violation.js';
import { Client } from './client.js';
import { Replica } from './coordinator/replica.js';
import { hex, mix } from './digest.js';
import { Faults } from './faults.js';
import { describe, type Envelope } from './messages.js';
import { Participant } from './participant/participant.js';
import { drawSettings, QUIET_MS_MAX, type Settings, type SimulationOptions } from './settings.js';
import { Tasks } from './tasks.js';
import { Workload } from './workload.js';

const REPLICAS = [1, 2, 3];
const FIRST_PARTICIPANT = 11;
const FIRST_CLIENT = 21;
const LAST_CLIENT = 99;
const CHAOS_MS_MAX = 3_600_000;
const SETTLE_MS = 500;
const SNAPSHOT_REPORT_MS = 20;

export interface RunResult {
  readonly seed: number;
  /** Events that happened. */
  readonly steps: number;
  /** The same for every run of the same seed and options: over all messages and faults, in order. */
  readonly digest: string;
  readonly virtualMs: number;
  readonly committed: number;
  readonly aborted: number;
  /** Outcomes that a client left unknown. */
  readonly unknown: number;
  readonly messages: number;
  readonly faults: number;
  readonly failure: Error | undefined;
}

export class Simulation {
  readonly #queue = new EventQueue();
  readonly #tasks = new Tasks(this.#queue);
  readonly #settings: Settings;
  readonly #raft: SimulatedNetwork;
  readonly #links: SimulatedNetwork<Envelope>;
  readonly #replicas: readonly Replica[];
  readonly #participants: readonly Participant[];
  readonly #clients = new Map<number, Client>();
  readonly #workload: Workload;
  readonly #observer: Observer;
  readonly #faults: Faults;
  readonly #called = new WeakSet<Envelope>();
  #steps = 0;
  #digest = 0;
  #messages = 0;
  #faultCount = 0;

  constructor(
    readonly seed: number,
    private readonly options: SimulationOptions,
  ) {
    const random = new SeededRandom(seed);
    this.#settings = drawSettings(random.fork());
    this.#workload = new Workload(this.#settings.participants, random.fork());
    const money = options.isolation === 'global' ? this.#workload.money : undefined;
    this.#observer = new Observer(this.#settings.participants, money);
    this.#raft = new SimulatedNetwork(
      this.#queue,
      random.fork(),
      (message) => this.#deliverRaft(message),
      (message) => this.#loseRaft(message),
    );
    this.#links = new SimulatedNetwork<Envelope>(
      this.#queue,
      random.fork(),
      (one) => this.#deliver(one),
      () => {},
    );
    this.#replicas = REPLICAS.map((id) => this.#newReplica(id, random.fork()));
    this.#participants = this.#settings.participants.map((name, at) => this.#newParticipant(name, at, random.fork()));
    for (let at = 0; at < this.#settings.clients; at += 1) this.#newClient(FIRST_CLIENT + at, random.fork());
    const others = [...this.#participants.map(({ address }) => address), ...this.#clients.keys()];
    this.#newClient(LAST_CLIENT, random.fork());
    const world = {
      replicas: this.#replicas,
      participants: this.#participants,
      raft: this.#raft,
      links: this.#links,
      others,
    };
    this.#faults = new Faults(this.#queue, random.fork(), world, (text) => {
      this.#faultCount += 1;
      this.#note(text);
    });
  }

  async run(): Promise<RunResult> {
    let failure: Error | undefined;
    try {
      await this.#chaos();
      await this.#quiet();
      checkEnd({
        replicas: this.#replicas,
        participants: this.#participants,
        workload: this.#workload,
        observer: this.#observer,
        isolation: this.options.isolation,
        serializable: this.options.serializable,
      });
    } catch (error) {
      failure = error as Error;
    }
    return {
      seed: this.seed,
      steps: this.#steps,
      digest: hex(this.#digest),
      virtualMs: this.#queue.nowMs,
      ...this.#observer.counts,
      messages: this.#messages,
      faults: this.#faultCount,
      failure,
    };
  }

  #newReplica(id: number, random: SeededRandom): Replica {
    return new Replica(id, REPLICAS, {
      queue: this.#queue,
      checkers: [],
      random,
      settings: this.#settings,
      sendRaft: (message) => this.#raft.send(message),
      send: (envelope) => this.#links.send(envelope),
      addressOf: (participant) => FIRST_PARTICIPANT + this.#settings.participants.indexOf(participant),
      applied: this.#observer.applied,
      hazard: this.#observer.hazard,
    });
  }

  #newParticipant(name: string, at: number, random: SeededRandom): Participant {
    return new Participant(name, FIRST_PARTICIPANT + at, this.options.isolation, this.#workload.initialOf(name), {
      tasks: this.#tasks,
      random,
      settings: this.#settings,
      replicas: REPLICAS,
      send: (envelope) => this.#links.send(envelope),
      finalised: this.#observer.finalised,
      hazard: this.#observer.hazard,
    });
  }

  #newClient(address: number, random: SeededRandom): void {
    const { isolation, serializable } = this.options;
    const client = new Client(address, {
      tasks: this.#tasks,
      random,
      replicas: REPLICAS,
      send: (envelope) => this.#links.send(envelope),
      workload: this.#workload,
      observer: this.#observer,
      isolation,
      serializable,
      thinkMsMax: this.#settings.thinkMsMax,
    });
    this.#clients.set(address, client);
  }

  async #chaos(): Promise<void> {
    const { raftConditions, linkConditions, faultEveryMs } = this.#settings;
    this.#raft.conditions = raftConditions;
    this.#links.conditions = linkConditions;
    for (const [address, client] of this.#clients) if (address !== LAST_CLIENT) client.start();
    this.#faults.start(faultEveryMs);
    while (this.#steps < this.options.steps && this.#queue.nowMs < CHAOS_MS_MAX) await this.#step(CHAOS_MS_MAX);
  }

  /** Everything is repaired; all outcomes have to be told, and nothing may stay in doubt. */
  async #quiet(): Promise<void> {
    this.#note('quiet');
    this.#faults.end();
    this.#raft.conditions = CALM;
    this.#links.conditions = CALM;
    for (const client of this.#clients.values()) client.stop();
    const untilMs = this.#queue.nowMs + QUIET_MS_MAX;
    await this.#until(untilMs, () => [...this.#clients.values()].every(({ isIdle }) => isIdle), 'outcomes are told');
    let hasRead = false;
    this.#tasks.run(async () => {
      const last = this.#clients.get(LAST_CLIENT) as Client;
      for (const plan of [this.#workload.readAll(), this.#workload.audit()]) while (!(await last.transact(plan)));
      hasRead = true;
    });
    await this.#until(untilMs, () => hasRead, 'what is repaired works');
    await this.#until(untilMs, () => this.#isQuiet(), 'nothing stays in doubt');
  }

  async #until(untilMs: number, isDone: () => boolean, promise: string): Promise<void> {
    while (!isDone()) {
      const pauseMs = this.#queue.nowMs + SETTLE_MS;
      while (await this.#step(pauseMs));
      this.#queue.runUntil(pauseMs);
      if (pauseMs > untilMs) throw new Violation(promise, `not within ${QUIET_MS_MAX} ms after all was repaired`);
    }
  }

  #isQuiet(): boolean {
    const indices = new Set(this.#replicas.map(({ machine }) => machine.ledger.appliedIndex));
    const isLive = this.#replicas.some(({ machine, leader }) => machine.ledger.live.size > 0 || leader?.liveCount);
    return indices.size === 1 && !isLive && this.#participants.every(({ store }) => store.prepared.length === 0);
  }

  /** One event, and all that follows from it at once. */
  async #step(untilMs: number): Promise<boolean> {
    if (!this.#queue.runNext(untilMs)) return false;
    this.#steps += 1;
    await this.#tasks.settle();
    return true;
  }

  #deliver(envelope: Envelope): void {
    if (envelope.body.kind === 'call') {
      if (this.#called.has(envelope)) return; // a connection repeats nothing, Kafka does
      this.#called.add(envelope);
    }
    this.#messages += 1;
    this.#note(describe(envelope));
    const { to } = envelope;
    if (to < FIRST_PARTICIPANT) this.#replicas[to - 1]?.receive(envelope);
    else if (to < FIRST_CLIENT) this.#participants[to - FIRST_PARTICIPANT]?.receive(envelope);
    else this.#clients.get(to)?.receive(envelope);
  }

  #deliverRaft(message: Message): void {
    this.#messages += 1;
    const { from, to, type, term, index, commit, reject } = message;
    this.#digest = mix(this.#digest, `${from}>${to} ${type} ${term} ${index} ${commit} ${reject}`);
    this.options.trace?.(`${this.#at()} raft ${describeMessage(message)}`);
    this.#replicas[to - 1]?.node.input((core) => core.step(message));
    if (type === MessageType.Snap) this.#reportSnapshot(message, 'finish');
  }

  #loseRaft(message: Message): void {
    if (message.type === MessageType.Snap) this.#reportSnapshot(message, 'failure');
    else this.#replicas[message.from - 1]?.node.input((core) => core.reportUnreachable(message.to));
  }

  /** A transport says what became of a snapshot: the sender waits for that. */
  #reportSnapshot({ from, to }: Message, outcome: 'finish' | 'failure'): void {
    const report = () => this.#replicas[from - 1]?.node.input((core) => core.reportSnapshot(to, outcome));
    this.#queue.after(SNAPSHOT_REPORT_MS, report);
  }

  #note(text: string): void {
    this.#digest = mix(this.#digest, text);
    this.options.trace?.(`${this.#at()} ${text}`);
  }

  #at(): string {
    return `${this.#steps} ${this.#queue.nowMs.toFixed(0)}ms`;
  }
}
