import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { LockAction, LockChange, LockHold } from './lock.js';
import { LockTable } from './table.js';

const NOW = 1_763_700_500_123;
const NAMES = ['a', 'b'];

const grant = (name: string, over: object = {}): LockAction => ({
  ...{ kind: 'grant', name, mode: 'exclusive', owner: 'o', caller: 'c', key: null, ttlMs: 1_000, session: null },
  ...over,
});
const open = (ttlMs = 1_000): LockAction => ({ kind: 'session-open', owner: 'o', caller: 'c', key: null, ttlMs });

/** Applies actions under the numbers 101, 102, … */
function table() {
  const locks = new LockTable();
  let csn = 100;
  const apply = (action: LockAction): LockChange => {
    csn += 1;
    return locks.apply(action, csn, NOW);
  };
  const granted = (action: LockAction): LockHold => apply(action).holds[0] as LockHold;
  return { locks, apply, granted };
}

describe('the lock table', () => {
  it('K1: gives an exclusive lock to one, a shared one to many, and never both', () => {
    const { locks, apply } = table();
    expect(apply(grant('a')).done).toBe(true);
    expect(apply(grant('a')).done).toBe(false);
    expect(apply(grant('a', { mode: 'shared' })).done).toBe(false);
    expect(apply(grant('b', { mode: 'shared' })).done).toBe(true);
    expect(apply(grant('b', { mode: 'shared' })).done).toBe(true);
    expect(apply(grant('b')).done).toBe(false);
    expect(locks.holders('b').map(({ token }) => token)).toEqual([104, 105]);
    expect(locks.size).toBe(3);
  });

  it('K2: the token is the number of the entry, and the hold says what it was asked for', () => {
    const { granted } = table();
    expect(granted(grant('a', { key: 'k' }))).toEqual({
      ...{ name: 'a', token: 101, mode: 'exclusive', owner: 'o', caller: 'c', key: 'k' },
      ...{ ttlMs: 1_000, session: null, renewals: 0, grantedAt: NOW },
    });
  });

  it('K3: a renewal that got in first wins over an expiry, and an expiry of an earlier holder hits nobody', () => {
    const { locks, apply, granted } = table();
    const { token } = granted(grant('a'));
    expect(apply({ kind: 'renew', name: 'a', token }).holds[0]?.renewals).toBe(1);
    expect(apply({ kind: 'expire', name: 'a', token, renewals: 0 }).done).toBe(false);
    expect(apply({ kind: 'expire', name: 'a', token, renewals: 1 }).ended[0]?.token).toBe(token);
    const successor = granted(grant('a'));
    for (const kind of ['renew', 'release'] as const) expect(apply({ kind, name: 'a', token }).done).toBe(false);
    expect(apply({ kind: 'expire', name: 'a', token, renewals: 1 }).done).toBe(false);
    expect(locks.holders('a')).toEqual([successor]);
  });

  it('K4: what a session holds lives and ends with it, and is not renewed or expired by itself', () => {
    const { locks, apply, granted } = table();
    const id = apply(open()).sessions[0]?.id as string;
    const one = granted(grant('a', { session: id }));
    granted(grant('b', { session: id }));
    expect(apply(grant('c', { session: 'ls-none' })).done).toBe(false);
    expect(apply({ kind: 'renew', name: 'a', token: one.token }).done).toBe(false);
    expect(apply({ kind: 'expire', name: 'a', token: one.token, renewals: 0 }).done).toBe(false);
    expect(apply({ kind: 'release', name: 'a', token: one.token }).done).toBe(true);
    expect(apply({ kind: 'session-renew', id }).sessions[0]?.renewals).toBe(1);
    expect(apply({ kind: 'session-expire', id, renewals: 0 }).done).toBe(false);
    expect(apply({ kind: 'session-expire', id, renewals: 1 }).ended.map(({ name }) => name)).toEqual(['b']);
    expect([locks.size, locks.sessions.size, apply({ kind: 'session-end', id }).done]).toEqual([0, 0, false]);
  });
});

const SESSION_VERBS = ['session-renew', 'session-end', 'session-expire'] as const;

interface Step {
  readonly verb: 'grant' | 'renew' | 'release' | 'expire' | 'open' | 'session-renew' | 'session-end' | 'session-expire';
  readonly name: string;
  readonly shared: boolean;
  /** Which of the tokens or sessions there have been. */
  readonly pick: number;
  /** How many renewals the expiry lags behind. */
  readonly lag: number;
  readonly inSession: boolean;
}

const step = fc.record<Step>({
  verb: fc.constantFrom('grant', 'grant', 'grant', 'renew', 'release', 'expire', 'open', ...SESSION_VERBS),
  name: fc.constantFrom(...NAMES),
  shared: fc.boolean(),
  pick: fc.nat(1_000),
  lag: fc.constantFrom(0, 0, 1),
  inSession: fc.boolean(),
});

/** The simplest thing that could be right: a list of all that is held, looked through each time. */
class Model {
  held: { name: string; token: number; shared: boolean; renewals: number; session: string | null }[] = [];
  readonly sessions = new Map<string, number>();

  apply(action: LockAction, csn: number): boolean {
    const before = JSON.stringify([this.held, [...this.sessions]]);
    this.#apply(action, csn);
    return before !== JSON.stringify([this.held, [...this.sessions]]);
  }

  #apply(action: LockAction, csn: number): void {
    if (action.kind === 'grant') {
      const { name, session } = action;
      const shared = action.mode === 'shared';
      const others = this.held.filter((hold) => hold.name === name);
      const fits = others.length === 0 || (shared && others.every((hold) => hold.shared));
      if (fits && (session === null || this.sessions.has(session)))
        this.held.push({ name, token: csn, shared, renewals: 0, session });
    } else if (action.kind === 'session-open') this.sessions.set(`ls-${csn.toString(36)}`, 0);
    else if ('id' in action) {
      const renewals = this.sessions.get(action.id);
      if (renewals === undefined) return;
      if (action.kind === 'session-renew') this.sessions.set(action.id, renewals + 1);
      else if (action.kind === 'session-end' || action.renewals === renewals) {
        this.sessions.delete(action.id);
        this.held = this.held.filter(({ session }) => session !== action.id);
      }
    } else {
      const hold = this.held.find(({ name, token }) => name === action.name && token === action.token);
      if (!hold) return;
      if (action.kind === 'renew' && hold.session === null) hold.renewals += 1;
      const isOver = action.kind === 'expire' && hold.session === null && hold.renewals === action.renewals;
      if (action.kind === 'release' || isOver) this.held = this.held.filter((one) => one !== hold);
    }
  }
}

function actionOf(one: Step, tokens: readonly LockHold[], sessions: readonly string[], locks: LockTable): LockAction {
  const { verb, name, shared, pick, lag, inSession } = one;
  const id = sessions[pick % Math.max(1, sessions.length)] ?? 'ls-none';
  const hold = tokens[pick % Math.max(1, tokens.length)] ?? { name, token: 1 };
  if (verb === 'grant') return grant(name, { mode: shared ? 'shared' : 'exclusive', session: inSession ? id : null });
  if (verb === 'open') return open();
  if (verb === 'session-renew' || verb === 'session-end') return { kind: verb, id };
  if (verb === 'session-expire') return { kind: verb, id, renewals: (locks.sessions.get(id)?.renewals ?? 0) - lag };
  const renewals = (locks.find(hold.name, hold.token)?.renewals ?? 0) - lag;
  return { kind: verb, name: hold.name, token: hold.token, renewals } as LockAction;
}

describe('whatever happens, in whatever order', () => {
  it('K1 to K4: the table is that of the model, tokens grow, exclusive holders are alone, and a reload changes nothing', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let locks = new LockTable();
        const model = new Model();
        const granted: LockHold[] = [];
        const sessions: string[] = [];
        steps.forEach((one, i) => {
          const csn = 1_000 + i;
          const action = actionOf(one, granted, sessions, locks);
          const change = locks.apply(action, csn, NOW);
          expect(change.done).toBe(model.apply(action, csn));
          if (change.kind === 'grant' && change.done) granted.push(change.holds[0] as LockHold);
          sessions.push(...(change.kind === 'session-open' ? change.sessions.map(({ id }) => id) : []));
          const seen = locks.state().holds.map(({ name, token, renewals }) => [name, token, renewals]);
          expect(seen).toEqual(model.held.map(({ name, token, renewals }) => [name, token, renewals]));
          for (const name of NAMES) {
            const modes = locks.holders(name).map(({ mode }) => mode);
            expect(modes.length < 2 || modes.every((mode) => mode === 'shared')).toBe(true);
          }
          expect(locks.size).toBe(model.held.length);
          const reloaded = new LockTable();
          reloaded.load(JSON.parse(JSON.stringify(locks.state())));
          expect(reloaded.state()).toEqual(locks.state());
          if (i % 7 === 0) locks = reloaded;
        });
        expect(granted.map(({ token }) => token)).toEqual(
          [...new Set(granted.map(({ token }) => token))].sort((a, b) => a - b),
        );
      }),
      { numRuns: 300 },
    );
  });
});
