/**
 * One coordinator: a Raft node with a disk, the ledger above it, a clock that is wrong, and a leader while it believes to
 * lead. It hears late of gained and lost leadership; until then it goes on, which the rules must bear (D2).
 */
import type { Reply, StatusAnswer } from '@concordat/protocol';
import { type RawNode, Role } from '@concordat/raft';
import { type EventQueue, type SeededRandom, SimulatedNode, type World } from '@concordat/raft/simulator';
import { type Entry, encodeEntry } from '@concordat/transaction';
import type { Body, Call, CallAnswer, Envelope } from '../messages.js';
import { type Settings, TICK_MS } from '../settings.js';
import { Leader } from './leader.js';
import { type Applied, LedgerMachine } from './ledger-machine.js';
import { SkewedClock } from './skewed-clock.js';

const POLL_MS = 20;
/** An empty log begins here: as if older entries were gone into a snapshot. */
const FIRST_INDEX = 5;

export interface ReplicaPorts extends Pick<World<LedgerMachine>, 'queue' | 'checkers'> {
  readonly queue: EventQueue;
  readonly random: SeededRandom;
  readonly settings: Settings;
  readonly sendRaft: World['send'];
  readonly send: (envelope: Envelope) => void;
  readonly addressOf: (participant: string) => number;
  readonly applied: (replica: number, applied: Applied) => void;
  readonly hazard: (text: string) => void;
}

export class Replica {
  readonly node: SimulatedNode<LedgerMachine>;
  readonly clock: SkewedClock;
  leader: Leader | undefined;
  /** Applied, and not yet looked at by the leader. */
  #changes: Applied[] = [];
  /** Entries of this leader that wait for the end of a transfer: Raft drops them, and what is settled may not be dropped. */
  #held: Entry[] = [];
  #isNewsDue = false;

  constructor(
    readonly id: number,
    voters: readonly number[],
    private readonly ports: ReplicaPorts,
  ) {
    const { queue, random, settings } = ports;
    this.clock = new SkewedClock(queue, random.fork());
    const confState = { voters: [...voters], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
    const initial = { index: FIRST_INDEX, term: 1, confState, data: new Uint8Array() };
    const world: World<LedgerMachine> = {
      queue,
      random: random.fork(),
      checkers: ports.checkers,
      send: ports.sendRaft,
      restore: (data) => LedgerMachine.restore(data, (applied) => this.#onApplied(applied)),
      restored: () => this.#forget(),
      applied: () => undefined,
      readAnswered: () => undefined,
    };
    this.node = new SimulatedNode(id, settings.asyncNodes.has(id), settings.tuning, world, initial);
    this.#tick();
    this.#poll();
  }

  get machine(): LedgerMachine {
    return this.node.machine;
  }

  crash(): void {
    this.node.crash();
    this.#forget();
  }

  start(): void {
    if (this.node.isRunning) return;
    this.clock.restart();
    this.node.start();
  }

  /** Something arrives from a participant or a caller. */
  receive({ from, body }: Envelope): void {
    this.node.input((core) => this.#handle(from, body, core));
  }

  #handle(from: number, body: Body, core: RawNode): void {
    const reply = (answer: Body) => this.ports.send({ from: this.id, to: from, body: answer });
    if (body.kind === 'reply') return this.#onReply(body.reply);
    if (body.kind === 'ask') {
      const answer = this.#isCovered(body.minCsn) ? this.#statuses(body.ids) : null;
      return reply({ kind: 'statuses', number: body.number, answer });
    }
    if (body.kind === 'call') {
      const { number } = body;
      return this.#onCall(body.call, core, (answer) => reply({ kind: 'answer', number, answer }));
    }
  }

  #onReply(reply: Reply): void {
    if (this.leader?.ready) this.leader.onReply(reply);
  }

  #onCall(call: Call, core: RawNode, answer: (answer: CallAnswer) => void): void {
    const { leader } = this;
    if (!leader?.ready) {
      const { lead } = core.basicStatus().softState;
      return answer({ type: 'refused', code: `not-leader ${lead}` });
    }
    switch (call.type) {
      case 'begin': {
        const known = call.key === null ? undefined : this.machine.ledger.findKey('c', call.key);
        return leader.begin(call, known?.transactionId, answer);
      }
      case 'execute':
        return leader.execute(call.id, call.operation, answer);
      case 'read':
        return answer(leader.read(call.id));
      default:
        return leader.settle(call.id, call.type, answer);
    }
  }

  #isCovered(minCsn: number): boolean {
    return this.machine.ledger.appliedCsn >= minCsn;
  }

  /** D6: the ledger's word, never what a coordination has settled. */
  #statuses(ids: readonly string[]) {
    const { appliedCsn } = this.machine.ledger;
    return { appliedCsn, statuses: ids.map((id) => this.#statusOf(id)) };
  }

  #statusOf(id: string): StatusAnswer {
    const record = this.machine.ledger.live.get(id);
    if (record?.outcome === 'committed') return { status: 'committed', csn: record.csn as number };
    if (record) return { status: record.outcome === 'aborted' ? 'aborted' : 'undecided' };
    return { status: this.leader?.get(id)?.decidedIndex === null ? 'undecided' : 'unknown' };
  }

  #onApplied(applied: Applied): void {
    this.ports.applied(this.id, applied);
    this.#changes.push(applied);
    if (this.#changes.length === 1) this.ports.queue.after(0, () => this.node.input(() => this.#digestChanges()));
  }

  #digestChanges(): void {
    const { ledger } = this.machine;
    for (const { change, entry } of this.#changes.splice(0)) {
      // D2: another has led since, and has settled what this leader left open.
      if (this.leader && change.term > this.leader.term) {
        this.leader = undefined;
        this.#held = [];
      }
      this.leader?.onChange(change);
      if (entry?.type === 'term' && this.leader?.term === change.term) {
        this.leader.resume(ledger.live.values(), ledger.incarnation);
      }
    }
  }

  /** What was in memory only is gone. */
  #forget(): void {
    this.leader = undefined;
    this.#held = [];
    this.#changes = [];
  }

  #tick(): void {
    this.ports.queue.after(TICK_MS * this.node.clockSkew, () => {
      this.node.input((core) => core.tick());
      this.#tick();
    });
  }

  #poll(): void {
    this.ports.queue.after(POLL_MS, () => {
      if (this.node.core && !this.node.isPaused) {
        this.#listenForNews(this.node.core);
        this.node.input(() => this.#proposeHeld());
        this.node.input(() => this.leader?.poll());
      }
      this.#poll();
    });
  }

  /**
   * In whatever term the core leads by now, if the news of it are late: the product refuses that here as well, in this
   * world it is up to the ledger alone (D2).
   */
  #propose(entry: Entry): void {
    if (this.#held.length > 0) return void this.#held.push(entry);
    const result = this.node.core?.propose(encodeEntry(entry));
    if (result?.outcome === 'dropped' && result.reason === 'transfer-in-progress') this.#held.push(entry);
  }

  #proposeHeld(): void {
    for (const entry of this.#held.splice(0)) this.#propose(entry);
  }

  #listenForNews(core: RawNode): void {
    if (this.#isNewsDue || this.leader?.term === termLed(core)) return;
    this.#isNewsDue = true;
    this.ports.queue.after(this.ports.random.below(this.ports.settings.leadershipNewsMsMax), () => {
      this.#isNewsDue = false;
      this.node.input((now) => this.#takeNews(now));
    });
  }

  #takeNews(core: RawNode): void {
    const term = termLed(core);
    if (this.leader?.term === term) return;
    this.leader = undefined;
    this.#held = [];
    if (term === undefined) return;
    const { ledger } = this.machine;
    const at = this.clock.now();
    const { random, send, addressOf, hazard } = this.ports;
    this.leader = new Leader(term, {
      propose: (entry) => this.#propose(entry),
      send: (command) =>
        send({ from: this.id, to: addressOf(command.participant), body: { kind: 'command', command } }),
      find: (id) => this.machine.find(id),
      now: () => this.clock.now(),
      random: () => random.below(2 ** 20) / 2 ** 20,
      ledger,
      hazard,
    });
    const incarnation = ledger.incarnation || at; // D1
    core.propose(encodeEntry({ type: 'term', incarnation, begun: ledger.incarnation, at }));
  }
}

/** The term that this node leads, as far as it knows. */
function termLed(core: RawNode): number | undefined {
  const { softState, hardState } = core.basicStatus();
  return softState.role === Role.Leader ? hardState.term : undefined;
}
