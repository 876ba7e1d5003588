/**
 * The lock table: which locks are held, by whom, under which token. Actions go in, in the order of the log; changes come out.
 *
 * Owns: holds and sessions. Does not own: time (an expiry is an action like any other, D9), who waits, how many there may be.
 * Both the order of waiters and the bounds are the leader's affair, so they may change from version to version; what is
 * here may not, since every replica must come to the same table.
 *
 * Invariants:
 * - K1 By the order of entries, a lock has any number of shared holders or one exclusive holder.
 * - K2 Tokens are the numbers of their grants: every grant has a larger one than all before it, whatever the lock.
 * - K3 An expiry names token and renewal count: a renewal that got in first wins, and a successor is never hit.
 * - K4 A hold of a session lives exactly as long as its session, unless it is released before.
 */
import {
  isCompatible,
  type LockAction,
  type LockChange,
  type LockHold,
  type LockSession,
  type LockState,
} from './lock.js';

type Changes = Partial<Omit<LockChange, 'kind' | 'done'>>;

export class LockTable {
  readonly sessions = new Map<string, LockSession>();
  /** By name, then by token; the tokens of a name are in the order of their grants. */
  readonly #locks = new Map<string, Map<number, LockHold>>();
  readonly #ofSession = new Map<string, Set<LockHold>>();
  #holds = 0;

  /** How many holds there are. */
  get size(): number {
    return this.#holds;
  }

  /** Names of the locks that are held, in no order. */
  get names(): IterableIterator<string> {
    return this.#locks.keys();
  }

  /** In the order of their grants; empty where the lock is free. */
  holders(name: string): LockHold[] {
    return [...(this.#locks.get(name)?.values() ?? [])];
  }

  find(name: string, token: number): LockHold | undefined {
    return this.#locks.get(name)?.get(token);
  }

  holdsOf(session: string): LockHold[] {
    return [...(this.#ofSession.get(session) ?? [])];
  }

  state(): LockState {
    const holds = [...this.#locks.values()].flatMap((holders) => [...holders.values()]);
    return { holds: holds.sort((a, b) => a.token - b.token), sessions: [...this.sessions.values()] };
  }

  /** Replaces everything. */
  load({ holds, sessions }: LockState): void {
    for (const map of [this.sessions, this.#locks, this.#ofSession]) map.clear();
    this.#holds = 0;
    for (const session of sessions) this.sessions.set(session.id, session);
    for (const hold of holds) this.#put(hold);
  }

  /**
   * @param csn number of the entry, larger than that of every entry before (K2)
   * @param at Unix ms, as the entry has it
   */
  apply(action: LockAction, csn: number, at: number): LockChange {
    const changes = this.#changes(action, csn, at);
    const none = { holds: [], ended: [], sessions: [], endedSessions: [] };
    return { kind: action.kind, done: changes !== undefined, ...none, ...changes };
  }

  /** @returns undefined where the action takes no effect */
  #changes(action: LockAction, csn: number, at: number): Changes | undefined {
    switch (action.kind) {
      case 'grant':
        return this.#grant(action, csn, at);
      case 'renew': {
        const hold = this.find(action.name, action.token);
        if (!hold || hold.session !== null) return undefined;
        return { holds: [this.#put({ ...hold, renewals: hold.renewals + 1 })] };
      }
      case 'release': {
        const hold = this.find(action.name, action.token);
        return hold && { ended: [this.#remove(hold)] };
      }
      case 'expire': {
        const hold = this.find(action.name, action.token);
        if (hold?.session !== null || hold.renewals !== action.renewals) return undefined; // K3
        return { ended: [this.#remove(hold)] };
      }
      case 'session-open': {
        const { kind: _, ...rest } = action;
        return { sessions: [this.#putSession({ ...rest, id: sessionId(csn), renewals: 0, createdAt: at })] };
      }
      case 'session-renew': {
        const session = this.sessions.get(action.id);
        return session && { sessions: [this.#putSession({ ...session, renewals: session.renewals + 1 })] };
      }
      case 'session-end':
        return this.#endSession(this.sessions.get(action.id));
      case 'session-expire': {
        const session = this.sessions.get(action.id);
        return session?.renewals === action.renewals ? this.#endSession(session) : undefined; // K3
      }
    }
  }

  #grant(action: Extract<LockAction, { kind: 'grant' }>, csn: number, at: number): Changes | undefined {
    const { kind: _, ...rest } = action;
    const held = this.holders(action.name).map(({ mode }) => mode);
    if (!isCompatible(held, action.mode)) return undefined; // K1
    if (action.session !== null && !this.sessions.has(action.session)) return undefined; // K4
    return { holds: [this.#put({ ...rest, token: csn, renewals: 0, grantedAt: at })] };
  }

  #endSession(session: LockSession | undefined): Changes | undefined {
    if (!session) return undefined;
    this.sessions.delete(session.id);
    return { ended: this.holdsOf(session.id).map((hold) => this.#remove(hold)), endedSessions: [session] };
  }

  #putSession(session: LockSession): LockSession {
    this.sessions.set(session.id, session);
    return session;
  }

  #put(hold: LockHold): LockHold {
    const holders = this.#locks.get(hold.name) ?? new Map<number, LockHold>();
    if (!holders.has(hold.token)) this.#holds += 1;
    this.#locks.set(hold.name, holders.set(hold.token, hold));
    // A hold of a session is never renewed, so what stands in the set is what stands in the table.
    if (hold.session !== null) {
      this.#ofSession.set(hold.session, (this.#ofSession.get(hold.session) ?? new Set()).add(hold));
    }
    return hold;
  }

  #remove(hold: LockHold): LockHold {
    const holders = this.#locks.get(hold.name);
    holders?.delete(hold.token);
    if (holders?.size === 0) this.#locks.delete(hold.name);
    this.#holds -= 1;
    if (hold.session !== null) {
      const holds = this.#ofSession.get(hold.session);
      holds?.delete(hold);
      if (holds?.size === 0) this.#ofSession.delete(hold.session);
    }
    return hold;
  }
}

/** As unique as the number it is made of, and as the token of a lock never used again. */
const sessionId = (csn: number): string => `ls-${csn.toString(36)}`;
