/**
 * A tiny key-value database under snapshot isolation, with switches that each break one of its rules; and clients that
 * work on it one step at a time, in an order drawn from a seed, leaving a history.
 */
import type { HistoryEvent, MicroOperation } from '../src/history.js';

/** The rules that can be broken, and `serializable`, which makes them stricter. */
export interface Rules {
  /** Reads see whatever is committed when they happen. */
  readonly readsLatest?: boolean;
  /** Whoever commits last overwrites: no check that a written key is as it was in the snapshot. */
  readonly noFirstCommitterWins?: boolean;
  /** Reads and writes see writes of transactions that have not committed. */
  readonly readsUncommitted?: boolean;
  /** A commit becomes visible key by key. */
  readonly halfCommits?: boolean;
  /** Reads are checked at commit as well (optimistic concurrency control, backward validation). */
  readonly serializable?: boolean;
}

type List = readonly number[];
interface Version {
  readonly at: number;
  readonly list: List;
}

interface Session {
  readonly process: number;
  readonly snapshot: number;
  readonly asked: readonly MicroOperation[];
  readonly done: MicroOperation[];
  readonly writes: Map<number, List>;
  readonly reads: Set<number>;
  /** Keys that are still to become visible; null until the commit is decided. */
  publishing: number[] | null;
}

export interface Workload {
  readonly random: () => number;
  readonly transactions: number;
  readonly processes: number;
  readonly keys: number;
  readonly rules: Rules;
}

const OPERATIONS_MAX = 5;
/** Share of transactions that give up in the end. */
const SELDOM = 0.1;
/** Share of commits whose answer is lost. */
const LOST_ANSWERS = 0.05;

/** @returns the history of the given number of transactions */
export function runDatabase({ random, transactions, processes, keys, rules }: Workload): HistoryEvent[] {
  const database = new Database(rules);
  const history: HistoryEvent[] = [];
  const sessions: (Session | null)[] = Array.from({ length: processes }, () => null);
  const names = Array.from({ length: processes }, (_, at) => at);
  let begun = 0;
  let element = 0;
  const tell = (process: number, type: HistoryEvent['type'], value: readonly MicroOperation[]) =>
    history.push({ index: history.length, process, type, value });
  const draw = (): MicroOperation => {
    const key = Math.floor(random() * keys);
    element += 1;
    return random() < 0.5 ? ['r', key, null] : ['append', key, element];
  };
  while (begun < transactions || sessions.some(Boolean)) {
    const at = Math.floor(random() * processes);
    const session = sessions[at];
    if (!session) {
      if (begun === transactions) continue;
      begun += 1;
      const asked = Array.from({ length: 1 + Math.floor(random() * OPERATIONS_MAX) }, draw);
      tell(names[at] as number, 'invoke', asked);
      sessions[at] = database.begin(names[at] as number, asked);
      continue;
    }
    const outcome = database.step(session, random() < SELDOM);
    if (outcome === undefined) continue;
    sessions[at] = null;
    if (random() < LOST_ANSWERS) {
      tell(session.process, 'info', session.asked);
      names[at] = (names[at] as number) + processes; // whoever lost an answer goes on under another name
    } else {
      tell(session.process, outcome, outcome === 'ok' ? session.done : session.asked);
    }
  }
  return history;
}

class Database {
  readonly #rules: Rules;
  readonly #versions = new Map<number, Version[]>();
  readonly #dirty = new Map<number, List>();
  /** Keys of commits that are only half visible. */
  readonly #publishing = new Set<number>();
  #clock = 0;

  constructor(rules: Rules) {
    this.#rules = rules;
  }

  begin(process: number, asked: readonly MicroOperation[]): Session {
    const [done, writes, reads] = [[], new Map(), new Set<number>()];
    return { process, snapshot: this.#clock, asked, done, writes, reads, publishing: null };
  }

  /** One operation, or a part of the commit; a commit seldom goes on once it is half visible. @returns the outcome when that is the end */
  step(session: Session, seldom: boolean): 'ok' | 'fail' | undefined {
    if (session.publishing) return seldom ? this.#publish(session) : undefined;
    const next = session.asked[session.done.length];
    if (next) {
      session.done.push(this.#run(session, next));
      return undefined;
    }
    if (seldom || this.#conflicts(session)) return 'fail';
    session.publishing = [...session.writes.keys()];
    for (const key of session.publishing) this.#publishing.add(key);
    if (!this.#rules.halfCommits) this.#clock += 1;
    return this.#publish(session);
  }

  #run(session: Session, operation: MicroOperation): MicroOperation {
    const [f, key, element] = operation;
    const { writes, reads, snapshot } = session;
    const current = this.#rules.readsUncommitted
      ? (this.#dirty.get(key as number) ?? [])
      : (writes.get(key as number) ?? this.#read(key as number, snapshot));
    if (f === 'r') {
      reads.add(key as number);
      return ['r', key, current];
    }
    const list = [...current, element as number];
    writes.set(key as number, list);
    this.#dirty.set(key as number, list);
    return operation;
  }

  #read(key: number, snapshot: number): List {
    const versions = this.#versions.get(key) ?? [];
    return versions.findLast(({ at }) => this.#rules.readsLatest || at <= snapshot)?.list ?? [];
  }

  #conflicts({ writes, reads, snapshot }: Session): boolean {
    if (this.#rules.noFirstCommitterWins || this.#rules.readsUncommitted) return false;
    const checked = this.#rules.serializable ? [...writes.keys(), ...reads] : [...writes.keys()];
    return checked.some((key) => this.#publishing.has(key) || (this.#versions.get(key)?.at(-1)?.at ?? 0) > snapshot);
  }

  #publish(session: Session): 'ok' | undefined {
    const { writes } = session;
    const pending = session.publishing ?? [];
    const now = this.#rules.halfCommits ? pending.splice(0, 1) : pending.splice(0);
    if (this.#rules.halfCommits) this.#clock += 1;
    for (const key of now) {
      const versions = this.#versions.get(key) ?? [];
      this.#versions.set(key, [...versions, { at: this.#clock, list: writes.get(key) as List }]);
      this.#publishing.delete(key);
    }
    return pending.length > 0 ? undefined : 'ok';
  }
}
