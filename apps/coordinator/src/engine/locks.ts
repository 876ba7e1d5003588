import type { LockChange, LockHold, LockSession } from '@concordat/locks';
import { ConcordatError } from '@concordat/protocol';
import type { Consistency } from './api.js';
import { unavailable } from './errors.js';
import type {
  AcquireRequest,
  Granted,
  LockApi,
  LockCall,
  LockListQuery,
  LockView,
  SessionAcquireRequest,
} from './locks-api.js';
import { checkRoom, type LocksLeader, sessionNotFound } from './locks-leader.js';
import type { Replica } from './replica.js';

/** Released tokens that every replica remembers, so that a release that is repeated is no mistake. */
const RELEASED_KEPT_MAX = 10_000;
/** Holders that a refusal names. */
const HOLDERS_NAMED_MAX = 10;
/** A refused caller is told to come back when the lease that ends first may end, within these bounds, in ms. */
const RETRY_AFTER_MS = { min: 1_000, max: 10_000 };

type Listener = (view: LockView) => void;

/** Locks as callers see them, at any replica; what happens to locks is proposed by the leader's `locks-leader.ts`. */
export class Locks implements LockApi {
  readonly #listeners = new Map<string, Set<Listener>>();
  /** Names by token, the oldest first. In memory: one that is forgotten is told that it does not hold the lock, which is true. */
  readonly #released = new Map<number, string>();

  /** @param confirm ReadIndex; throws `not-ready` */
  constructor(
    private readonly replica: Replica,
    private readonly confirm: () => Promise<void>,
  ) {}

  async acquire(asked: AcquireRequest | SessionAcquireRequest, call: LockCall): Promise<Granted> {
    const leader = this.#leader();
    const session = 'session' in asked ? await this.#sessionOf(asked.session, call.caller) : null;
    const { name, mode, waitMs } = asked;
    const { owner, ttlMs } = session ?? (asked as AcquireRequest);
    const request = { name, mode, waitMs, owner, ttlMs };
    const hold = leader.acquired(request, call) ?? (await leader.wait(request, session?.id ?? null, call));
    if (hold) return { held: hold, until: leader.until(hold) };
    await this.confirm(); // only who leads may say that others hold it
    throw this.#lockHeld(leader, name);
  }

  async renew(name: string, token: number, caller: string): Promise<Granted> {
    const leader = this.#leader();
    const hold = await this.#holdOf(name, token, caller);
    if (hold.session !== null) {
      const { until } = await this.renewSession(hold.session, caller);
      return { held: hold, until };
    }
    const change = await leader.submit({ kind: 'renew', name, token });
    const [renewed] = change.holds;
    if (!renewed) throw this.#notHeld(name, token);
    return { held: renewed, until: leader.until(renewed) };
  }

  async release(name: string, token: number, caller: string): Promise<void> {
    const leader = this.#leader();
    if (this.#wasReleased(name, token)) return;
    if (!this.#table.find(name, token)) await this.confirm();
    if (this.#wasReleased(name, token)) return;
    await this.#holdOf(name, token, caller);
    const { done } = await leader.submit({ kind: 'release', name, token });
    if (!done && !this.#wasReleased(name, token)) throw this.#notHeld(name, token);
  }

  async read(name: string, consistency?: Consistency): Promise<LockView> {
    if (consistency !== 'stale') await this.confirm();
    return this.#view(name);
  }

  async list({ limit, prefix = '', after, consistency }: LockListQuery): Promise<LockView[]> {
    if (consistency !== 'stale') await this.confirm();
    const wanted = [...this.#table.names].filter(
      (name) => name.startsWith(prefix) && (after === undefined || name > after),
    );
    return wanted
      .sort((a, b) => (a < b ? -1 : 1))
      .slice(0, limit)
      .map((name) => this.#view(name));
  }

  async watch(name: string, listener: Listener): Promise<() => void> {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    const end = () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(name) === listeners) this.#listeners.delete(name);
    };
    try {
      listener(await this.read(name));
      return end;
    } catch (error) {
      end();
      throw error;
    }
  }

  async openSession(owner: string, ttlMs: number, { caller, key }: LockCall): Promise<Granted<LockSession>> {
    const leader = this.#leader();
    const sessions = [...this.#table.sessions.values()];
    const known = key === undefined ? undefined : sessions.find((one) => one.key === key && one.caller === caller);
    if (known) return { held: known, until: leader.untilOfSession(known.id) };
    checkRoom(sessions.length);
    const { sessions: opened } = await leader.submit({ kind: 'session-open', owner, caller, key: key ?? null, ttlMs });
    const session = opened[0] as LockSession;
    return { held: session, until: leader.untilOfSession(session.id) };
  }

  async renewSession(id: string, caller: string): Promise<Granted<LockSession>> {
    const leader = this.#leader();
    await this.#sessionOf(id, caller);
    const [session] = (await leader.submit({ kind: 'session-renew', id })).sessions;
    if (!session) throw sessionNotFound(id);
    return { held: session, until: leader.untilOfSession(id) };
  }

  async endSession(id: string, caller: string): Promise<void> {
    const leader = this.#leader();
    await this.#sessionOf(id, caller);
    const { done } = await leader.submit({ kind: 'session-end', id });
    if (!done) throw sessionNotFound(id);
  }

  async readSession(id: string): Promise<Granted<LockSession> & { readonly locks: readonly LockHold[] }> {
    await this.confirm();
    const held = this.#table.sessions.get(id);
    if (!held) throw sessionNotFound(id);
    const until = this.#leader().untilOfSession(id);
    return { held, until, locks: this.#table.holdsOf(id) };
  }

  /** What an entry changed, at every replica. */
  onChange({ kind, holds, ended }: LockChange): void {
    if (kind === 'release' || kind === 'session-end') for (const { token, name } of ended) this.#remember(token, name);
    if (kind !== 'grant' && ended.length === 0) return; // a renewal is no news to others
    for (const name of new Set([...holds, ...ended].map((hold) => hold.name))) this.#notify(name);
  }

  /** Everything was replaced by the state of another replica. */
  onRestored(): void {
    for (const name of this.#listeners.keys()) this.#notify(name);
  }

  get #table() {
    return this.replica.ledger.locks;
  }

  #leader(): LocksLeader {
    const { locks } = this.replica;
    if (!locks) throw unavailable('not-ready', 'This coordinator does not lead (yet).');
    if (this.replica.understood('lock')) return locks;
    const behind = this.replica.behind('lock').join(', ');
    throw unavailable('not-ready', `Locks are given once every member understands them; upgrade first: ${behind}.`);
  }

  /** A leader that was deposed without knowing must not say that a lock is lost: it confirms before. */
  async #holdOf(name: string, token: number, caller: string): Promise<LockHold> {
    if (!this.#table.find(name, token)) await this.confirm();
    const hold = this.#table.find(name, token);
    if (hold?.caller === caller) return hold;
    throw this.#notHeld(name, token);
  }

  async #sessionOf(id: string, caller: string): Promise<LockSession> {
    if (!this.#table.sessions.has(id)) await this.confirm();
    const session = this.#table.sessions.get(id);
    if (session?.caller === caller) return session;
    throw sessionNotFound(id);
  }

  #view(name: string): LockView {
    const { locks: leader } = this.replica;
    const holders = this.#table.holders(name);
    return {
      name,
      holders: holders.map((hold) => ({ hold, ttlRemainingMs: leader?.remainingMs(hold) ?? null })),
      waiting: leader?.waiting(name) ?? null,
    };
  }

  #notify(name: string): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) listener(this.#view(name));
  }

  #remember(token: number, name: string): void {
    this.#released.set(token, name);
    if (this.#released.size <= RELEASED_KEPT_MAX) return;
    this.#released.delete(this.#released.keys().next().value as number);
  }

  #wasReleased(name: string, token: number): boolean {
    return this.#released.get(token) === name;
  }

  #lockHeld(leader: LocksLeader, name: string): ConcordatError {
    const holders = this.#table.holders(name);
    const [first] = holders;
    const who = first ? `is held by ${JSON.stringify(first.owner)}` : 'is wanted by others who came before';
    const left = Math.min(RETRY_AFTER_MS.max, ...holders.map((hold) => leader.remainingMs(hold)));
    return new ConcordatError('lock-held', `The lock ${name} ${who}.`, {
      lock: name,
      ...(first && { owner: first.owner, mode: first.mode, fencingToken: first.token }),
      holders: holders
        .slice(0, HOLDERS_NAMED_MAX)
        .map(({ owner, mode, token }) => ({ owner, mode, fencingToken: token })),
      waiting: leader.waiting(name),
      retryAfterMs: first ? Math.max(RETRY_AFTER_MS.min, left) : RETRY_AFTER_MS.min,
    });
  }

  #notHeld(name: string, token: number): ConcordatError {
    return new ConcordatError('lock-not-held', `The token ${token} does not hold the lock ${name} (any more).`, {
      lock: name,
      fencingToken: token,
    });
  }
}
