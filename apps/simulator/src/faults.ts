/** What goes wrong: crashes, pauses, partitions, clocks. Messages that are lost or late are the networks' own affair. */
import type { EventQueue, SeededRandom, SimulatedNetwork } from '@concordat/raft/simulator';
import type { Replica } from './coordinator/replica.js';
import type { Envelope } from './messages.js';
import type { Participant } from './participant/participant.js';

export interface Breakable {
  readonly replicas: readonly Replica[];
  readonly participants: readonly Participant[];
  readonly raft: SimulatedNetwork;
  readonly links: SimulatedNetwork<Envelope>;
  /** Of participants and clients. */
  readonly others: readonly number[];
}

export class Faults {
  #isOver = false;

  constructor(
    private readonly queue: EventQueue,
    private readonly random: SeededRandom,
    private readonly world: Breakable,
    private readonly note: (text: string) => void,
  ) {}

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
    const { replicas, participants, raft, links } = this.world;
    raft.heal();
    links.heal();
    for (const replica of replicas) {
      replica.node.clockSkew = 1;
      replica.clock.skew(1);
      replica.start();
      if (replica.node.isPaused) replica.node.resume();
    }
    for (const participant of participants) {
      if (!participant.isRunning) participant.start();
      if (participant.isPaused) participant.resume();
    }
  }

  #strike(): void {
    const { replicas, participants } = this.world;
    const replica = this.random.pick(replicas);
    const leader = replicas.find(({ node }) => node.isLeader) ?? replica;
    const participant = this.random.pick(participants);
    this.random.pick([
      () => this.#crashReplica(replica),
      () => this.#crashReplica(leader),
      () => this.#crashAll(),
      () => this.#pauseReplica(this.random.pick([replica, leader])),
      () => this.#isolate(this.random.pick([replica, leader]).id),
      () => this.#cutOneWay(),
      () => this.#cutLinks(this.random.pick([replica.id, leader.id, participant.address])),
      () => this.#clock(this.random.pick([replica, leader])),
      () => this.#transfer(leader, replica.id),
      () => this.#crashParticipant(participant),
      () => this.#crashParticipant(participant),
      () => this.#pauseParticipant(participant),
    ])();
  }

  #crashReplica(replica: Replica): void {
    if (!replica.node.isRunning) return;
    this.note(`crash coordinator ${replica.id}`);
    replica.crash();
    this.#later([1, 30, 300, 2_000], () => {
      this.note(`restart coordinator ${replica.id}`);
      replica.start();
    });
  }

  #crashAll(): void {
    for (const replica of this.random.sample(this.world.replicas, this.random.between(2, 3)))
      this.#crashReplica(replica);
  }

  #pauseReplica({ id, node }: Replica): void {
    if (node.isPaused || !node.isRunning) return;
    this.note(`pause coordinator ${id}`);
    node.isPaused = true;
    this.#later([30, 400, 2_500], () => node.resume());
  }

  /** From the other replicas, and now and then from everybody. */
  #isolate(id: number): void {
    this.note(`isolate coordinator ${id}`);
    for (const other of this.world.replicas) {
      this.world.raft.cut(id, other.id);
      this.world.raft.cut(other.id, id);
    }
    if (this.random.chance(0.3)) this.#cutLinks(id);
    this.#heal();
  }

  #cutOneWay(): void {
    const [from, to] = this.random.sample(this.world.replicas, 2) as [Replica, Replica];
    this.note(`cut ${from.id} to ${to.id}`);
    this.world.raft.cut(from.id, to.id);
    this.#heal();
  }

  #cutLinks(id: number): void {
    this.note(`cut the links of ${id}`);
    const { replicas, others, links } = this.world;
    for (const other of [...replicas.map((replica) => replica.id), ...others]) {
      links.cut(id, other);
      links.cut(other, id);
    }
    this.#heal();
  }

  #clock(replica: Replica): void {
    const rate = this.random.pick([0.3, 0.7, 1, 1.5, 3]);
    this.note(`clock of coordinator ${replica.id} at ${rate}`);
    replica.node.clockSkew = this.random.pick([0.3, 0.6, 1, 1, 1.7, 4]);
    replica.clock.skew(rate);
    if (this.random.chance(0.5)) replica.clock.jump();
  }

  #transfer(leader: Replica, to: number): void {
    this.note(`transfer ${leader.id} to ${to}`);
    leader.node.input((core) => core.transferLeader(to));
  }

  #crashParticipant(participant: Participant): void {
    if (!participant.isRunning) return;
    this.note(`crash ${participant.name}`);
    participant.crash();
    this.#later([1, 50, 600, 2_500], () => {
      this.note(`restart ${participant.name}`);
      participant.start();
    });
  }

  #pauseParticipant(participant: Participant): void {
    if (!participant.isRunning || participant.isPaused) return;
    this.note(`pause ${participant.name}`);
    participant.isPaused = true;
    this.#later([50, 600, 2_500], () => participant.resume());
  }

  #heal(): void {
    this.#later([100, 500, 1_500, 4_000], () => {
      this.world.raft.heal();
      this.world.links.heal();
    });
  }

  #later(choicesMs: readonly number[], run: () => void): void {
    this.queue.after(this.random.pick(choicesMs), run);
  }
}
