// One wrong line each, for every invariant of locks (K1 to K4 of libs/locks, LK1 to LK4 of the leader) and for the check
// of fencing tokens at a participant. For `npm run mutate:rules`.

const TABLE = 'libs/locks/src/table.ts';
const LOCK = 'libs/locks/src/lock.ts';
const QUEUE = 'libs/locks/src/queue.ts';
const LEADER = 'apps/coordinator/src/engine/locks-leader.ts';
const LEASES = 'apps/coordinator/src/engine/locks-leases.ts';
const FENCE = 'libs/participant/src/fence.ts';

const CORE = ['libs/locks/src'];
const ENGINE = ['apps/coordinator/src/engine/locks.test.ts'];
const FENCED = ['libs/participant/src/fence.test.ts'];

/** @type {import('./rule-mutations.mjs').Mutation[]} */
export const LOCK_MUTATIONS = [
  {
    rule: 'K1',
    file: TABLE,
    what: 'a grant does not look at who holds the lock',
    find: 'if (!isCompatible(held, action.mode)) return undefined; // K1',
    replace: '',
    tests: CORE,
  },
  {
    rule: 'K1',
    file: LOCK,
    what: 'a shared holder stands beside an exclusive one',
    find: "(mode === 'shared' && !held.includes('exclusive'))",
    replace: "mode === 'shared'",
    tests: CORE,
  },
  {
    rule: 'K1',
    file: QUEUE,
    what: 'a shared one overtakes an exclusive one that waits',
    find: '!isCompatible(modes, one.mode)) break;',
    replace: '!isCompatible(modes, one.mode)) continue;',
    tests: CORE,
  },
  {
    rule: 'K2',
    file: TABLE,
    what: 'tokens are counted in the table, not taken from the log',
    find: 'this.#put({ ...rest, token: csn, renewals: 0, grantedAt: at })',
    replace: 'this.#put({ ...rest, token: this.#holds + 1, renewals: 0, grantedAt: at })',
    tests: CORE,
  },
  {
    rule: 'K3',
    file: TABLE,
    what: 'an expiry ends a hold that was renewed meanwhile',
    find: 'if (hold?.session !== null || hold.renewals !== action.renewals) return undefined; // K3',
    replace: 'if (hold?.session !== null) return undefined;',
    tests: CORE,
  },
  {
    rule: 'K3',
    file: TABLE,
    what: 'an expiry ends a session that was renewed meanwhile',
    find: 'session?.renewals === action.renewals ? this.#endSession(session) : undefined; // K3',
    replace: 'this.#endSession(session);',
    tests: CORE,
  },
  {
    rule: 'K4',
    file: TABLE,
    what: 'a hold outlives its session',
    find: 'ended: this.holdsOf(session.id).map((hold) => this.#remove(hold)), endedSessions',
    replace: 'ended: [], endedSessions',
    tests: CORE,
  },
  {
    rule: 'K4',
    file: TABLE,
    what: 'a lock is granted to a session that has ended',
    find: 'if (action.session !== null && !this.sessions.has(action.session)) return undefined; // K4',
    replace: '',
    tests: CORE,
  },
  {
    rule: 'LK1',
    file: LEADER,
    what: 'a grant that was lost with the leadership is answered as something else',
    find: 'if (!change) return this.#fail(waiter, notLeading());\n    this.#waiters.remove(waiter);\n    const [hold] = change.holds;',
    replace: 'this.#waiters.remove(waiter);\n    const [hold] = change?.holds ?? [];',
    tests: ENGINE,
  },
  {
    rule: 'LK2',
    file: LEADER,
    what: 'a lease that is over ends in memory, without an entry',
    find: 'if ((await this.#propose(expire)) || this.#stopped) return;',
    replace: 'if (this.#table.apply(expire, 0, 0) || this.#stopped) return;',
    tests: ENGINE,
  },
  {
    rule: 'LK2',
    file: LEADER,
    what: 'an expiry names no count of renewals that was ever true of its lease',
    find: "const expire = { kind: 'expire', name, token, renewals } as const;",
    replace: "const expire = { kind: 'expire', name, token, renewals: 0 } as const;",
    tests: ENGINE,
  },
  {
    rule: 'LK3',
    file: LEADER,
    what: 'a new leader ends no lease that an older one began',
    find: 'for (const hold of holds) if (hold.session === null) this.#leaseHold(hold, now);',
    replace: '',
    tests: ENGINE,
  },
  {
    rule: 'LK3',
    file: LEADER,
    what: 'a new leader ends the sessions of an older one never',
    find: 'for (const session of sessions) this.#leaseSession(session, now);',
    replace: '',
    tests: ENGINE,
  },
  {
    rule: 'LK3',
    file: LEASES,
    what: 'a holder is promised its time from when the grant was applied',
    find: 'promisedUntil: since + ttlMs',
    replace: 'promisedUntil: performance.now() + ttlMs',
    tests: ENGINE,
  },
  {
    rule: 'LK3',
    file: LEASES,
    what: 'a lease ends before the time that its holder was promised',
    find: 'setTimeout(onOver, ttlMs)',
    replace: 'setTimeout(onOver, ttlMs / 2)',
    tests: ENGINE,
  },
  {
    rule: 'LK4',
    file: LEADER,
    what: 'what is granted to a call that is gone stays granted',
    find: "void this.#propose({ kind: 'release', name: hold.name, token: hold.token });",
    replace: '',
    tests: ENGINE,
  },
  {
    rule: 'FE1',
    file: FENCE,
    what: 'local: a token that is out of date is let through',
    find: 'if (raised.length === 0) throw stale(resource, token);',
    replace: '',
    tests: FENCED,
    needs: 'postgres',
  },
  {
    rule: 'FE1',
    file: FENCE,
    what: 'local: the largest token is not kept locked until the branch is decided',
    find: ' AND token = $3 FOR SHARE',
    replace: ' AND token = $3',
    tests: FENCED,
    needs: 'postgres',
  },
  {
    rule: 'FE1',
    file: FENCE,
    what: 'global: a token that is out of date is let through',
    find: 'if (seen && seen.token > token) throw stale(resource, token);',
    replace: '',
    tests: FENCED,
    needs: 'postgres',
  },
  {
    rule: 'FE1',
    file: FENCE,
    what: 'global: a branch with the token already there leaves nothing that another one meets',
    find: 'await store.put(FencedResource, { resource, token });',
    replace: 'if (seen?.token !== token) await store.put(FencedResource, { resource, token });',
    tests: FENCED,
    needs: 'postgres',
  },
];
