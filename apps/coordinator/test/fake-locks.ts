import { type LockHold, type LockSession, LockTable } from '@concordat/locks';
import { ConcordatError } from '@concordat/protocol';
import type {
  AcquireRequest,
  Granted,
  LockApi,
  LockCall,
  LockListQuery,
  LockView,
  SessionAcquireRequest,
} from '../src/engine/locks-api.js';

const NOW = 1_763_700_500_123;

/** Locks at their port, in memory: granted at once or refused; nothing expires, nobody waits. It records how it was called. */
export class FakeLocks implements LockApi {
  readonly calls: { readonly method: string; readonly args: readonly unknown[] }[] = [];
  readonly listeners = new Set<(view: LockView) => void>();
  /** Awaited by the next acquire: the signal of its connection. */
  signal: AbortSignal | undefined;
  /** While set, an acquire waits for it. */
  gate: Promise<void> | undefined;
  #csn = 1_806_029_000_125_952;
  readonly #table = new LockTable();

  async acquire(asked: AcquireRequest | SessionAcquireRequest, call: LockCall): Promise<Granted> {
    const { signal, ...rest } = call;
    this.signal = signal;
    this.calls.push({ method: 'acquire', args: [asked, rest] });
    await this.gate;
    const session = 'session' in asked ? this.#session(asked.session) : null;
    const { owner, ttlMs } = session ?? (asked as AcquireRequest);
    const { name, mode } = asked;
    const { caller, key = null } = call;
    const fixed = { kind: 'grant', name, mode, owner, ttlMs, caller, key, session: session?.id ?? null } as const;
    const [hold] = this.#apply(fixed).holds;
    if (hold) return granted(hold);
    const [holder] = this.#table.holders(name);
    throw new ConcordatError('lock-held', 'Held.', { lock: name, owner: holder?.owner, retryAfterMs: 1_500 });
  }

  async renew(name: string, token: number, caller: string): Promise<Granted> {
    this.calls.push({ method: 'renew', args: [name, token, caller] });
    const [hold] = this.#apply({ kind: 'renew', name, token }).holds;
    if (hold) return granted(hold);
    throw new ConcordatError('lock-not-held', 'Not held.', { lock: name, fencingToken: token });
  }

  async release(name: string, token: number, caller: string): Promise<void> {
    this.calls.push({ method: 'release', args: [name, token, caller] });
    if (this.#apply({ kind: 'release', name, token }).done) return;
    throw new ConcordatError('lock-not-held', 'Not held.', { lock: name, fencingToken: token });
  }

  async read(name: string, consistency?: string): Promise<LockView> {
    this.calls.push({ method: 'read', args: [name, consistency] });
    return this.#view(name);
  }

  async list({ limit, prefix = '', after = '' }: LockListQuery): Promise<LockView[]> {
    const names = [...this.#table.names].filter((name) => name.startsWith(prefix) && name > after);
    return names
      .sort()
      .slice(0, limit)
      .map((name) => this.#view(name));
  }

  async watch(name: string, listener: (view: LockView) => void): Promise<() => void> {
    const only = (view: LockView) => view.name === name && listener(view);
    this.listeners.add(only);
    listener(this.#view(name));
    return () => void this.listeners.delete(only);
  }

  async openSession(owner: string, ttlMs: number, { caller, key }: LockCall): Promise<Granted<LockSession>> {
    const [session] = this.#apply({ kind: 'session-open', owner, caller, key: key ?? null, ttlMs }).sessions;
    return granted(session as LockSession);
  }

  async renewSession(id: string): Promise<Granted<LockSession>> {
    return granted(this.#apply({ kind: 'session-renew', id }).sessions[0] ?? this.#session(id));
  }

  async endSession(id: string): Promise<void> {
    this.#session(id);
    this.#apply({ kind: 'session-end', id });
  }

  async readSession(id: string) {
    return { ...granted(this.#session(id)), locks: this.#table.holdsOf(id) };
  }

  #apply(action: Parameters<LockTable['apply']>[0]) {
    this.#csn += 1;
    const change = this.#table.apply(action, this.#csn, NOW);
    for (const { name } of [...change.holds, ...change.ended]) {
      for (const listener of this.listeners) listener(this.#view(name));
    }
    return change;
  }

  #session(id: string): LockSession {
    const session = this.#table.sessions.get(id);
    if (session) return session;
    throw new ConcordatError('lock-session-not-found', 'No such session.');
  }

  #view(name: string): LockView {
    const holders = this.#table.holders(name).map((hold) => ({ hold, ttlRemainingMs: hold.ttlMs - 1 }));
    return { name, holders, waiting: 0 };
  }
}

const granted = <T extends LockHold | LockSession>(held: T): Granted<T> => ({
  held,
  until: performance.now() + held.ttlMs,
});
