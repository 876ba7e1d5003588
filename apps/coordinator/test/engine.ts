import type { Command, Heartbeat, OutcomeEvent, Vote } from '@concordat/protocol';
import { jest } from '@jest/globals';
import type { BeginRequest, CallContext } from '../src/engine/api.js';
import { Coordinator } from '../src/engine/coordinator.js';
import type { LogEntry } from '../src/engine/decision-log.js';
import type { Observers } from '../src/engine/observers.js';
import type { EngineLogger, EngineMetrics, Messenger } from '../src/engine/ports.js';
import { Replica } from '../src/engine/replica.js';
import { type TransactionTracing, UNTRACED } from '../src/engine/tracing.js';
import { ControlledLog } from './controlled-log.js';
import { MemoryStore } from './memory-store.js';

/** A messenger that keeps what it was asked to send. */
export class RecordingMessenger implements Messenger {
  available = true;
  joined = true;
  hears = true;
  sent: Command[] = [];
  /** What was sent as something that may wait, as `type participant`. */
  readonly patient: string[] = [];
  readonly published: OutcomeEvent[] = [];
  readonly topics: string[] = [];
  /** Errors for the next attempts to publish, in order. */
  failures: Error[] = [];

  send(command: Command, mayWait = false): void {
    this.sent.push(command);
    if (mayWait) this.patient.push(`${command.type} ${command.participant}`);
  }

  async publish(events: readonly OutcomeEvent[]): Promise<void> {
    const failure = this.failures.shift();
    if (failure) throw failure;
    this.published.push(...events);
  }

  async ensureParticipantTopics(participant: string): Promise<void> {
    this.topics.push(participant);
  }

  /** What was sent since the last look, as `type participant`. */
  take(): string[] {
    return this.sent.splice(0).map(({ type, participant }) => `${type} ${participant}`);
  }
}

export class CountingMetrics implements EngineMetrics {
  readonly counts = new Map<string, number>();
  transactionBegun = () => this.#count('begun');
  phaseEnded = (phase: string, _tookMs: number) => this.#count(`phase ${phase}`);
  transactionDecided = (outcome: string) => this.#count(outcome);
  transactionCompleted = () => this.#count('completed');
  commandResent = (command: string) => this.#count(`resent ${command}`);
  hazardRaised = (participant: string) => this.#count(`hazard ${participant}`);
  strayReply = (type: string) => this.#count(`stray ${type}`);
  statusesAnswered = (answers: readonly { readonly status: string }[]) => {
    for (const { status } of answers) this.#count(`status ${status}`);
  };
  persisted = () => this.#count('persisted');
  letIn = () => this.#count('let in');
  turnedAway = (by: string, caller: string) => this.#count(`turned away by ${by} ${caller}`);

  #count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }
}

export class RecordingLogger implements EngineLogger {
  readonly lines: string[] = [];
  debug = (_details: object, message: string) => void this.lines.push(`debug ${message}`);
  info = (_details: object, message: string) => void this.lines.push(`info ${message}`);
  warn = (_details: object, message: string) => void this.lines.push(`warn ${message}`);
  error = (_details: object, message: string) => void this.lines.push(`error ${message}`);
}

export const CALLER: CallContext = { caller: 'shop' };
export const keyed = (key: string, caller = 'shop', requestHash = 'h'): CallContext => ({
  caller,
  claim: { caller, key, requestHash },
});

export const ONE_SHOT: BeginRequest = {
  branches: ['east', 'west'].map((participant) => ({ participant, operation: 'debit', input: { amount: 1 } })),
  commit: true,
};

export function heartbeatOf(participant: string, over: Partial<Heartbeat> = {}): Heartbeat {
  const operation = { name: 'debit', readOnly: false, inputSchema: { type: 'object' }, resultSchema: {} };
  return {
    v: 1,
    type: 'heartbeat',
    participant,
    instance: `${participant}-1`,
    isolation: 'local',
    operations: [operation],
    preparedCount: 0,
    oldestPreparedMs: null,
    stopping: false,
    ...over,
  };
}

/** The observers of a cluster of one. */
export const ALONE: Observers = { own: 1, nodeId: 1, voters: new Set([1]), received: () => [] };

export interface Engine {
  readonly log: ControlledLog;
  readonly store: MemoryStore;
  readonly messenger: RecordingMessenger;
  readonly metrics: CountingMetrics;
  readonly logger: RecordingLogger;
  readonly replica: Replica;
  readonly coordinator: Coordinator;
  readonly fatal: Error[];
}

export interface EngineOptions {
  readonly term?: number;
  readonly entries?: readonly LogEntry[];
  readonly store?: MemoryStore;
  readonly inFlightMax?: number;
  readonly tracing?: TransactionTracing;
}

/** Times out whatever waits on timers; to be used after `jest.useFakeTimers()`. */
/** Long enough for FORGETs and outcome events to have gathered, in ms. */
export const GATHERED_MS = 21;

export const pass = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);

/** The engine over ports in memory: nothing is applied until the test says so. */
export async function startEngine({
  term = 1,
  entries = [],
  store,
  inFlightMax = 100,
  tracing = UNTRACED,
}: EngineOptions = {}): Promise<Engine> {
  const fatal: Error[] = [];
  const parts = {
    log: new ControlledLog(term, entries),
    store: store ?? new MemoryStore(),
    messenger: new RecordingMessenger(),
    metrics: new CountingMetrics(),
    tracing,
    logger: new RecordingLogger(),
  };
  const ports = {
    ...parts,
    opening: {},
    observers: ALONE,
    clock: { now: () => Date.now() },
    random: () => 0,
    retentionMs: 60_000,
    idempotencyKeyMs: 120_000,
    inFlightMax,
    onFatal: (error: Error) => void fatal.push(error),
  };
  const replica = await Replica.open(ports);
  const coordinator = new Coordinator(replica, ports, { electionTimeoutMs: 1000 });
  await replica.start(coordinator);
  return { ...parts, replica, coordinator, fatal };
}

/** A leading engine that knows the participants `east` and `west`. */
export async function leadingEngine(options: EngineOptions = {}): Promise<Engine> {
  const engine = await startEngine(options);
  engine.log.applyAll();
  for (const participant of ['east', 'west']) engine.coordinator.onHeartbeat(heartbeatOf(participant));
  engine.log.applyAll();
  return engine;
}

export function vote(engine: Engine, transactionId: string, participant: string, over: Partial<Vote> = {}): void {
  const fixed = { v: 1, type: 'vote', vote: 'prepared', results: [], reason: null } as const;
  engine.coordinator.onVote({ ...fixed, results: [], transactionId, participant, ...over });
}

export function done(
  engine: Engine,
  transactionId: string,
  participant: string,
  outcome: 'committed' | 'rolled-back' | 'hazard' = 'committed',
): void {
  engine.coordinator.onDone({ v: 1, type: 'done', transactionId, participant, outcome, detail: null });
}

/** Begins a transaction with a branch at east and west and sends its PREPAREs. */
export async function prepareBoth(engine: Engine, context: CallContext = CALLER) {
  const { id } = await engine.coordinator.begin({ branches: ONE_SHOT.branches ?? [] }, context);
  const outcome = settled(engine.coordinator.commit(id, {}, CALLER));
  await pass(0);
  return { id, outcome };
}

/** Watches a promise without waiting for it: what it gave, or the code of its error, so far. */
export function settled<T>(promise: Promise<T>): { value?: T; code?: string; error?: unknown } {
  const seen: { value?: T; code?: string; error?: unknown } = {};
  promise.then(
    (value) => {
      seen.value = value;
    },
    (error: { code?: string }) => {
      seen.error = error;
      seen.code = error.code ?? String(error);
    },
  );
  return seen;
}
