// One wrong line each, for every decision rule of the design. `npm run mutate:rules` applies them one at a time to a copy
// of the tree: the tests named must fail. A mutation that no test catches means that a test is missing.

const LEDGER = 'libs/transaction/src/ledger.ts';
const TRANSITIONS = 'libs/transaction/src/transitions.ts';
const LEADER = 'apps/coordinator/src/engine/leader.ts';
const REPLICA = 'apps/coordinator/src/engine/replica.ts';
const COORDINATOR = 'apps/coordinator/src/engine/coordinator.ts';
const RAFT_LOG = 'apps/coordinator/src/cluster/raft-log.ts';
const PREPARE = 'libs/participant/src/prepare.ts';

const CORE = ['libs/transaction/src'];
const WORLD = ['libs/transaction/src', 'libs/transaction/test'];
const engine = (...names) => names.map((name) => `apps/coordinator/src/engine/${name}.test.ts`);
const participant = (...names) => names.map((name) => `libs/participant/src/${name}.test.ts`);

/**
 * @typedef {object} Mutation
 * @property {string} rule
 * @property {string} file
 * @property {string} what the rule is broken in this way
 * @property {string} find one line or a part of it
 * @property {string} replace
 * @property {string[]} tests
 * @property {number} [nth] which occurrence, from 0, where there are several; otherwise it must be the only one
 * @property {string} [only] part of the name of the tests that count, where others of the same files depend on timing
 * @property {'postgres'} [needs]
 */

/** @type {readonly Mutation[]} */
export const RULE_MUTATIONS = [
  {
    rule: 'D1',
    file: LEDGER,
    what: 'a later leader renames the incarnation',
    find: 'this.incarnation ||= entry.incarnation;',
    replace: 'this.incarnation = entry.incarnation;',
    tests: CORE,
  },
  {
    rule: 'D1',
    file: LEADER,
    what: 'a leader numbers with an incarnation of its own',
    find: 'this.#incarnation = incarnation;',
    replace: 'this.#incarnation = this.ports.clock.now();',
    tests: engine('leadership'),
  },
  {
    rule: 'D1',
    file: 'libs/participant/src/decisions.ts',
    what: 'a participant executes a transaction of an earlier incarnation',
    find: "staleIncarnation ? 'refuse-stale-incarnation' : belowHorizon",
    replace: "staleIncarnation && belowHorizon ? 'refuse-stale-incarnation' : belowHorizon",
    tests: participant('decisions'),
  },
  {
    rule: 'D1',
    file: PREPARE,
    what: 'a participant does not write down the incarnation that it saw',
    find: 'await this.state.admitIncarnationOf(execution.transactionId);',
    replace: '',
    tests: participant('command-dispatcher'),
    only: 'D1:',
    needs: 'postgres',
  },
  {
    rule: 'D2',
    file: LEDGER,
    what: 'an entry of any term decides a transaction',
    find: ' && id.term === term;',
    replace: ';',
    tests: CORE,
  },
  {
    rule: 'D2',
    file: LEDGER,
    what: 'a new term leaves the undecided of earlier terms open',
    find: '|| id.term >= term) continue;',
    replace: '|| id.term <= term) continue;',
    tests: CORE,
  },
  {
    rule: 'D2',
    file: LEADER,
    what: 'a leader admits work before its first entry is applied',
    find: '  ready = false;',
    replace: '  ready = true;',
    tests: engine('leadership'),
  },
  {
    rule: 'D2',
    file: LEADER,
    what: 'a deposed leader goes on',
    find: 'this.#deposed = true;',
    replace: '',
    tests: engine('leadership'),
  },
  {
    rule: 'D2',
    file: REPLICA,
    what: 'a leader outlives the first entry of a later term',
    find: 'if (this.leader && term > this.leader.term) this.onFollowing();',
    replace: '',
    tests: engine('leadership'),
  },
  {
    rule: 'D2',
    file: RAFT_LOG,
    what: 'an entry is proposed in another term than its proposer leads',
    find: 'term !== this.#announcedTerm || term !== node.term) return false;',
    replace: 'false) return false;',
    tests: ['apps/coordinator/src/cluster/raft-log.test.ts'],
  },
  {
    rule: 'D3',
    file: TRANSITIONS,
    what: 'a rollback settles a transaction whose commit is settled',
    find: 'committing: { enlist: late, commit: join, abort: ignore,',
    replace: 'committing: { enlist: late, commit: join, abort,',
    tests: CORE,
  },
  {
    rule: 'D3',
    file: TRANSITIONS,
    what: 'the first vote settles the commit',
    find: "for (const other of t.works.values()) if (other.phase === 'preparing') return NOTHING;",
    replace: '',
    tests: WORLD,
  },
  {
    rule: 'D3',
    file: TRANSITIONS,
    what: 'a participant that lost its results counts as prepared',
    find: 'if (vote.results === null) return settleAbort(t, restarted(vote.participant), context);',
    replace: 'if (vote.results === null) return NOTHING;',
    tests: CORE,
  },
  {
    rule: 'D3',
    file: LEDGER,
    what: 'the state machine does not check again when it applies an ABORT',
    find: '(known && known.outcome !== null)) return { transactions: [], keys: [] };',
    replace: 'false) return { transactions: [], keys: [] };',
    nth: 1,
    tests: CORE,
  },
  {
    rule: 'D4',
    file: TRANSITIONS,
    what: 'COMMIT is sent when it is settled, before its entry is applied',
    find: "return [{ type: 'propose', entry }];",
    replace: "return [{ type: 'propose', entry }, { type: 'send', command: 'commit', participant: 'east' }];",
    tests: WORLD,
  },
  {
    rule: 'D4',
    file: LEADER,
    what: 'a keyed abort is answered before its entry is applied',
    find: "if (until === 'completed' || (applied && state === 'aborting')) return true;",
    replace: "if (until === 'completed') return true;",
    tests: engine('deciding'),
  },
  {
    rule: 'D4',
    file: LEADER,
    what: 'a commit is answered before its entry is applied',
    find: "if (state === 'active' || state === 'preparing' || state === 'committing') return;",
    replace: "if (state === 'active' || state === 'preparing') return;",
    tests: engine('deciding'),
  },
  {
    rule: 'D5',
    file: LEDGER,
    what: 'a COMMIT whose BEGIN was lost is refused',
    find: 'const known = this.live.get(entry.header.id);',
    replace: 'const known = this.live.get(entry.header.id); if (!known) return { transactions: [], keys: [] };',
    nth: 0,
    tests: CORE,
  },
  {
    rule: 'D5',
    file: TRANSITIONS,
    what: 'a COMMIT does not carry its keys',
    find: 'claims: [...claims], at: context.now };',
    replace: 'claims: [], at: context.now };',
    tests: CORE,
  },
  {
    rule: 'D5',
    file: TRANSITIONS,
    what: 'a branch that the COMMIT does not name is told to commit',
    find: "t.outcome === 'committed' && named && named.phase !== 'refused' ? 'commit' : 'rollback';",
    replace: "t.outcome === 'committed' ? 'commit' : 'rollback';",
    tests: CORE,
  },
  {
    rule: 'D6',
    file: LEADER,
    what: 'any unknown id is presumed aborted',
    find: 'if (!mine || !this.ready)',
    replace: 'if (!this.ready)',
    tests: engine('recovery'),
  },
  {
    rule: 'D6',
    file: LEADER,
    what: 'an outcome that Postgres could not be asked for is presumed aborted',
    find: 'const record = await this.ports.find(transactionId);',
    replace: 'const record = await this.ports.find(transactionId).catch(() => undefined);',
    tests: engine('recovery'),
  },
  {
    rule: 'D6',
    file: TRANSITIONS,
    what: 'a prepared branch that repeats its vote is not answered',
    find: "if (vote !== 'prepared') return NOTHING;",
    replace: 'return NOTHING;',
    tests: CORE,
  },
  {
    rule: 'D6',
    file: 'libs/participant/src/vote-repeater.ts',
    what: 'a prepared branch does not repeat its vote',
    find: 'this.replies.repeatVote(branch.transactionId, branch.vote);',
    replace: '',
    tests: participant('vote-repeater'),
  },
  {
    rule: 'D7',
    file: TRANSITIONS,
    what: 'FORGET is asked for by the first DONE',
    find: 'for (const work of t.works.values()) if (isOutstanding(t, work)) return NOTHING;',
    replace: '',
    tests: WORLD,
  },
  {
    rule: 'D7',
    file: LEDGER,
    what: 'an undecided transaction is forgotten',
    find: 'if (record?.outcome) completed.push',
    replace: 'if (record) completed.push',
    tests: CORE,
  },
  {
    rule: 'D7',
    file: LEADER,
    what: 'the horizon is the youngest transaction, not the oldest',
    find: 'this.#live.keys().next().value ??',
    replace: '[...this.#live.keys()].at(-1) ??',
    tests: engine('recovery'),
  },
  {
    rule: 'D7',
    file: 'libs/participant/src/finalise.ts',
    what: 'a participant reports DONE without having committed',
    find: 'const result = await this.store.commitPrepared(transactionId);',
    replace: "const result = ((): string => 'finalised')();",
    tests: participant('finalise'),
    only: 'is done when the work is visible',
    needs: 'postgres',
  },
  {
    rule: 'D7',
    file: PREPARE,
    what: 'a participant votes yes without having prepared',
    find: 'await session.prepare();',
    replace: '',
    tests: participant('prepare'),
    only: 'in one transaction and votes yes once that is durable',
    needs: 'postgres',
  },
  {
    rule: 'D8',
    file: LEDGER,
    what: 'keys of different callers are one',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: source text
    find: '`${caller}\\u0000${key}`',
    replace: '`\\u0000$' + '{key}`',
    tests: CORE,
  },
  {
    rule: 'D8',
    file: 'apps/coordinator/src/engine/idempotency.ts',
    what: 'two calls with one key at the same moment both begin',
    find: 'if (found) return sameRequest(found, claim);',
    replace: '',
    tests: engine('callers'),
  },
  {
    rule: 'D8',
    file: 'apps/coordinator/src/engine/missing-record.ts',
    what: 'a pruned id reads aborted, though it may have been committed',
    find: '(pruned && compareTransactionIds(parts, pruned) <= 0)',
    replace: 'false',
    tests: engine('callers'),
  },
  {
    rule: 'D8',
    file: COORDINATOR,
    what: 'an unknown id is judged before this replica leads',
    find: 'this.#leader(); // D8',
    replace: '// D8',
    tests: engine('callers'),
  },
  {
    rule: 'D8',
    file: COORDINATOR,
    what: 'an outcome that was not heard in time is reported as an abort',
    find: 'if (!record) throw unknownOutcome(id);',
    replace: 'if (!record) throw abortedError(recordOf(t));',
    tests: engine('deciding'),
  },
  {
    rule: 'D9',
    file: LEDGER,
    what: 'what a new term settles is dated by the clock of each replica',
    find: 'leaderChanged, index, entry.at)',
    replace: 'leaderChanged, index, Date.now())',
    tests: CORE,
  },
  {
    rule: 'D9',
    file: LEDGER,
    what: 'keys expire by the clock of each replica',
    find: 'if (record.createdAt < before) this.#keys.delete(name);',
    replace: 'if (record.createdAt < Date.now()) this.#keys.delete(name);',
    tests: CORE,
  },
  {
    rule: 'D10',
    file: COORDINATOR,
    what: 'a stopping coordinator admits new work',
    find: "if (this.#stopping) throw unavailable('stopping'",
    replace: "if (!this.#stopping === this.#stopping) throw unavailable('stopping'",
    tests: engine('stopping'),
  },
  {
    rule: 'D10',
    file: COORDINATOR,
    what: 'a graceful stop does not wait for decisions',
    find: 'while (leader && leader.undecided > 0 && this.ports.clock.now() < until) await pause(20);',
    replace: '',
    tests: engine('stopping'),
  },
  {
    rule: 'D10',
    file: COORDINATOR,
    what: 'a graceful stop leaves the undecided undecided',
    find: 'leader?.abortUndecided(stopped);',
    replace: '',
    tests: engine('stopping'),
  },
  {
    rule: 'D10',
    file: RAFT_LOG,
    what: 'closing drops what was proposed',
    find: 'await within(this.#lastProposal, CLOSE_GRACE_MS);',
    replace: '',
    tests: ['apps/coordinator/src/cluster/raft-log.test.ts'],
  },
];
