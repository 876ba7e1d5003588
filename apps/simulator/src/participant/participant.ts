/**
 * A participant as the wire contract describes it, over a store that keeps what is committed and loses the rest. Commands
 * of one transaction are carried out one after the other, others beside each other; all of them in any order and any
 * number of times.
 */
import { type Command, ConcordatError, type Isolation, type Reason, type Reply } from '@concordat/protocol';
import type { SeededRandom } from '@concordat/raft/simulator';
import { chooseVisible } from '@concordat/snapshot';
import { Violation } from '../checkers/violation.js';
import type { Body, Envelope } from '../messages.js';
import type { Settings } from '../settings.js';
import type { Tasks } from '../tasks.js';
import { perform, Refused } from './operations.js';
import { StatusClient } from './status-client.js';
import { type PrepareRequest, VersionedStore } from './versioned-store.js';

const REPEAT_MS = 900;
const COLLECT_MS = 400;
const CONFLICT_ATTEMPTS_MAX = 4;
const LOCK_WAIT_MS = 10;
const LOCK_WAITS_MAX = 12;

type Prepare = Extract<Command, { type: 'prepare' }>;
type Execute = Extract<Command, { type: 'execute' }>;
interface Result {
  readonly branchId: string;
  readonly result: unknown;
}

/** What a transaction has read and written so far; volatile. */
class Session {
  readonly reads = new Set<string>();
  readonly writes = new Map<string, unknown>();
  readonly results: Result[] = [];
  constructor(
    readonly nonce: string,
    readonly snapshot: number,
  ) {}
}

export interface ParticipantPorts {
  readonly tasks: Tasks;
  readonly random: SeededRandom;
  readonly settings: Settings;
  readonly replicas: readonly number[];
  readonly send: (envelope: Envelope) => void;
  readonly finalised: (participant: string, id: string, outcome: 'committed' | 'aborted') => void;
  readonly hazard: (text: string) => void;
}

export class Participant {
  readonly store: VersionedStore;
  isPaused = false;
  #isRunning = true;
  #process = 0;
  #waiting: Envelope[] = [];
  #queues = new Map<string, Command[]>();
  #sessions = new Map<string, Session>();
  /** The numbers of a local participant, and what its prepared branches have told; the latter volatile. */
  #localCsn = 0;
  #told = new Map<string, readonly Result[]>();
  #statuses: StatusClient;
  #watermark = 0;
  #sessionCount = 0;

  constructor(
    readonly name: string,
    readonly address: number,
    readonly isolation: Isolation,
    initial: ReadonlyMap<string, unknown>,
    private readonly ports: ParticipantPorts,
  ) {
    this.store = new VersionedStore(initial);
    this.#statuses = this.#newStatuses();
    this.#every(REPEAT_MS, () => this.#repeatVotes());
    this.#every(COLLECT_MS, () => this.#collect());
  }

  crash(): void {
    this.#isRunning = false;
    this.#process += 1;
    this.store.crash();
    this.#waiting = [];
    this.#queues = new Map();
    this.#sessions = new Map();
    this.#told = new Map();
    this.#statuses = this.#newStatuses();
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  start(): void {
    this.#isRunning = true;
    this.isPaused = false;
  }

  resume(): void {
    this.isPaused = false;
    for (const envelope of this.#waiting.splice(0)) this.receive(envelope);
  }

  receive(envelope: Envelope): void {
    if (!this.#isRunning) return;
    if (this.isPaused) return void this.#waiting.push(envelope);
    const { body } = envelope;
    if (body.kind === 'statuses') this.#statuses.receive(body.number, body.answer);
    if (body.kind === 'command') this.#enqueue(body.command);
  }

  #newStatuses(): StatusClient {
    const { tasks, random, replicas, send } = this.ports;
    const process = this.#process;
    const ask = (to: number, body: Body) => send({ from: this.address, to, body });
    return new StatusClient(tasks, random, replicas, ask, () => process === this.#process);
  }

  #enqueue(command: Command): void {
    const queue = this.#queues.get(command.transactionId);
    if (queue) return void queue.push(command);
    const commands = [command];
    this.#queues.set(command.transactionId, commands);
    const process = this.#process;
    this.ports.tasks.run(async () => {
      for (let next = commands[0]; next && process === this.#process; next = commands[0]) {
        await this.#handle(next);
        commands.shift();
      }
      if (process === this.#process) this.#queues.delete(command.transactionId);
    });
  }

  async #handle(command: Command): Promise<void> {
    const { transactionId: id, horizon, watermark = 0 } = command;
    await this.#statement();
    this.store.hear(id, horizon);
    this.#watermark = Math.max(this.#watermark, watermark);
    switch (command.type) {
      case 'prepare':
        return this.#prepare(command);
      case 'execute':
        return this.#execute(command);
      case 'commit':
        return this.#commit(id, command.csn);
      case 'rollback':
        return this.#rollBack(id, command.presumed);
      case 'report':
        throw new Error('nothing is restored here');
    }
  }

  async #prepare(command: Prepare): Promise<void> {
    const { transactionId: id, operations, serializable } = command;
    const row = this.store.branches.get(id);
    if (row?.state === 'committed') return;
    if (row?.state === 'aborted') return this.#refuse(id, 'already-rolled-back');
    if (row) return this.#vote(id, 'prepared', this.#resultsOf(id));
    if (this.store.isBelowHorizon(id)) return this.#refuse(id, 'below-horizon');
    const before = this.#sessions.get(id);
    const mark = before && { nonce: before.nonce, executed: before.results.length };
    if (JSON.stringify(mark) !== JSON.stringify(command.session)) return this.#refuse(id, 'participant-restarted');
    try {
      const session = before ?? this.#newSession(command.snapshot);
      const results: Result[] = [];
      for (const call of operations) results.push(await this.#run(session, call));
      if (session.writes.size === 0 && !serializable) return this.#vote(id, 'read-only', results);
      if (this.ports.random.chance(this.ports.settings.refuseProbability)) throw new Refused('operation-failed');
      await this.#makeDurable(id, session, serializable, results);
      this.#sessions.delete(id);
      this.#told.set(id, results);
      this.#vote(id, 'prepared', results);
    } catch (error) {
      this.#refuse(id, codeOf(error));
    }
  }

  /** S4. @throws Refused */
  async #makeDurable(id: string, session: Session, serializable: boolean, results: readonly Result[]): Promise<void> {
    const { snapshot, reads } = session;
    const writes = new Map([...session.writes].sort(([a], [b]) => (a < b ? -1 : 1)));
    const marks = serializable ? [...reads] : [];
    const request: PrepareRequest = { transactionId: id, snapshot, writes, marks, vote: results };
    await this.#place(request);
    await this.#statement();
    const found = this.store.check(request);
    if (found === 'fresh') return this.store.commit(request);
    this.store.rollBack(id);
    throw new Refused(found === 'too-old' ? 'snapshot-too-old' : 'serialization-failure');
  }

  /** S4, part 2: waits for locks for a bounded time; what is decided and in the way is finalised first. */
  async #place(request: PrepareRequest): Promise<void> {
    let conflicts = 0;
    for (let wait = 0; wait < LOCK_WAITS_MAX; wait += 1) {
      await this.#statement();
      const answer = this.store.place(request);
      if (answer.kind === 'placed') return;
      if (answer.kind === 'not-admitted') throw new Refused('below-horizon');
      if (answer.kind === 'conflict' && this.isolation === 'global') {
        conflicts += 1;
        if (conflicts > CONFLICT_ATTEMPTS_MAX) break;
        await this.#resolve(answer.ids);
      } else await this.#sleep(LOCK_WAIT_MS);
    }
    throw new Refused('lock-timeout');
  }

  /** D6: undecided and unknown are no outcome, to a third party. */
  async #resolve(ids: readonly string[]): Promise<void> {
    const answers = await this.#statuses.at(ids, 0);
    for (const [id, answer] of answers) {
      if (answer.status === 'undecided' || answer.status === 'unknown') throw new Refused('serialization-failure');
      await this.#statement();
      this.#finalise(id, answer.status === 'committed' ? answer.csn : null);
    }
  }

  async #execute(command: Execute): Promise<void> {
    const { transactionId: id, number, nonce, call, snapshot } = command;
    const refuse = (code: string) => this.#executed(command, nonce ?? 'none', null, code);
    if (this.store.branches.has(id) || this.store.isBelowHorizon(id)) return refuse('already-rolled-back');
    let session = this.#sessions.get(id);
    if (!session && number === 1) {
      session = this.#newSession(snapshot);
      this.#sessions.set(id, session);
    }
    if (!session || (number > 1 && session.nonce !== nonce)) return refuse('participant-restarted');
    if (number > session.results.length + 1) return refuse('operation-failed');
    try {
      if (number > session.results.length) session.results.push(await this.#run(session, call));
      this.#executed(command, session.nonce, session.results[number - 1]?.result, null);
    } catch (error) {
      this.#sessions.delete(id);
      refuse(codeOf(error));
    }
  }

  #newSession(snapshot: number | null): Session {
    this.#sessionCount += 1;
    const at = this.isolation === 'local' ? this.#localCsn : (snapshot as number);
    return new Session(`${this.name}.${this.#sessionCount}`, at);
  }

  async #run(session: Session, call: { branchId: string; operation: string; input?: unknown }): Promise<Result> {
    const result = await perform(call.operation, call.input, {
      get: async (key) => {
        session.reads.add(key);
        return session.writes.has(key) ? session.writes.get(key) : this.#read(key, session.snapshot);
      },
      set: (key, value) => session.writes.set(key, value),
    });
    return { branchId: call.branchId, result };
  }

  /** S1. A local participant shows what was committed before its database transaction began. */
  async #read(key: string, snapshot: number): Promise<unknown> {
    await this.#statement();
    const found = this.store.find([key], snapshot);
    if (this.isolation === 'local') return found.get(key)?.version?.row?.value;
    const readAgain = async (keys: readonly string[]) => {
      await this.#statement();
      return this.store.find(keys, snapshot);
    };
    const visible = await chooseVisible(found, { statuses: this.#statuses, snapshot, readAgain });
    const version = visible.get(key);
    if (!version) throw new Violation('snapshots are whole', `${snapshot} shows no ${key}, which nobody has deleted`);
    return version.row?.value;
  }

  #commit(id: string, csn: number): void {
    const found = this.#finalise(id, csn);
    const isKnown = found === 'prepared' || found === 'committed';
    if (isKnown || (found === 'absent' && this.store.isBelowHorizon(id))) return this.#done(id, 'committed');
    this.#hazard(id, `told to commit, and is ${found}`);
  }

  #rollBack(id: string, presumed: boolean): void {
    this.#sessions.delete(id);
    if (this.#finalise(id, null) !== 'committed') return this.#done(id, 'rolled-back');
    if (presumed) return this.#done(id, 'committed');
    this.#hazard(id, 'told to roll back, and is committed');
  }

  /** S5; durable before anything is said (D7). */
  #finalise(id: string, csn: number | null) {
    if (this.isolation === 'local' && csn !== null) this.#localCsn += 1;
    const found = this.store.finalise(id, this.isolation === 'local' && csn !== null ? this.#localCsn : csn);
    if (found === 'prepared') {
      this.#told.delete(id);
      this.ports.finalised(this.name, id, csn === null ? 'aborted' : 'committed');
    }
    return found;
  }

  /** D6: until a decision is heard. */
  #repeatVotes(): void {
    for (const id of this.store.prepared) this.#vote(id, 'prepared', this.#resultsOf(id));
  }

  /** A local participant holds the results of a prepared branch in memory only, a global one in the branch row. */
  #resultsOf(id: string): readonly Result[] | null {
    if (this.isolation === 'local') return this.#told.get(id) ?? null;
    return (this.store.branches.get(id)?.vote ?? null) as readonly Result[] | null;
  }

  #collect(): void {
    this.store.collectRows();
    if (this.isolation === 'global') this.store.collectVersions(this.#watermark);
  }

  #refuse(id: string, code: string): void {
    const reason: Reason = { code, message: code, retryable: true, participant: this.name };
    this.#reply({
      v: 1,
      type: 'vote',
      participant: this.name,
      transactionId: id,
      vote: 'refused',
      results: null,
      reason,
    });
  }

  #vote(transactionId: string, vote: 'prepared' | 'read-only', results: readonly Result[] | null): void {
    const told = results && [...results];
    this.#reply({ v: 1, type: 'vote', participant: this.name, transactionId, vote, results: told, reason: null });
  }

  #executed(command: Execute, nonce: string, result: unknown, code: string | null): void {
    const { transactionId, number, call } = command;
    const reason = code === null ? null : { code, message: code, retryable: true };
    const base = { v: 1, type: 'executed', participant: this.name, transactionId, branchId: call.branchId } as const;
    this.#reply({ ...base, number, nonce, result, reason });
  }

  #done(transactionId: string, outcome: 'committed' | 'rolled-back'): void {
    this.#reply({ v: 1, type: 'done', participant: this.name, transactionId, outcome, detail: null });
  }

  #hazard(transactionId: string, detail: string): void {
    this.ports.hazard(`${transactionId} at ${this.name}: ${detail}`);
    this.#reply({ v: 1, type: 'done', participant: this.name, transactionId, outcome: 'hazard', detail });
  }

  #reply(reply: Reply): void {
    for (const to of this.ports.replicas) this.ports.send({ from: this.address, to, body: { kind: 'reply', reply } });
  }

  #statement(): Promise<void> {
    return this.#sleep(this.ports.random.below(this.ports.settings.statementMsMax));
  }

  /** A process that died never goes on; one that is paused goes on later. */
  async #sleep(ms: number): Promise<void> {
    const process = this.#process;
    const isAlive = () => process === this.#process;
    await this.ports.tasks.sleep(ms, isAlive);
    while (this.isPaused) await this.ports.tasks.sleep(5, isAlive);
  }

  #every(ms: number, run: () => void): void {
    this.ports.tasks.queue.after(this.ports.random.between(1, ms * 2), () => {
      if (this.#isRunning && !this.isPaused) run();
      this.#every(ms, run);
    });
  }
}

function codeOf(error: unknown): string {
  if (error instanceof Refused || error instanceof ConcordatError) return error.code;
  throw error;
}
