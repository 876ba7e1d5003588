import { ConcordatError, formatTransactionId, parseTransactionId, type StatusAnswer } from '@concordat/protocol';
import type { BranchRecord, SnapshotLease, TransactionRecord } from '@concordat/transaction';
import type {
  AdmissionApi,
  BeginRequest,
  BranchRequest,
  CallContext,
  CoordinatorApi,
  ParticipantView,
  Readiness,
  SnapshotApi,
  Turnaway,
  WaitFor,
} from '../src/engine/api.js';
import type { PhaseTrace } from '../src/engine/phase-times.js';
import type { ListQuery } from '../src/engine/store.js';
import { FakeLocks } from './fake-locks.js';
import { FakeOperators } from './fake-operators.js';

const INCARNATION = 1_763_700_000_123;
const NOW = 1_763_700_500_123;

export const ACCOUNTS: ParticipantView = {
  name: 'accounts-east',
  isolation: 'local',
  operations: [
    { name: 'debit', readOnly: false, inputSchema: { type: 'object', required: ['account'] }, resultSchema: {} },
  ],
  health: 'up',
  suspicion: 0.3012,
  observers: [{ nodeId: 1, word: 'alive', suspicion: 0.3012, ageMs: 0 }],
  instances: 1,
  lastHeartbeatAt: NOW,
  preparedCount: 2,
  oldestInDoubtMs: 1_500,
  lag: 3,
};

/**
 * A coordinator at its port, in memory, that commits whatever it is told to, except that an input
 * `{ "refuse": true }` aborts and an input `{ "fail": "<code>" }` throws that code. It records how it was called.
 */
export class FakeCoordinator implements CoordinatorApi {
  readonly calls: { readonly method: string; readonly args: readonly unknown[] }[] = [];
  readonly records = new Map<string, TransactionRecord>();
  readonly listeners = new Map<string, Set<(record: TransactionRecord) => void>>();
  ready: Readiness = { ready: true, checks: [{ name: 'kafka', ok: true }] };
  /** Everything up to here is applied. */
  appliedCsn = INCARNATION * 1024;
  readonly leases = new Map<string, SnapshotLease>();
  readonly locks = new FakeLocks();
  readonly operators = new FakeOperators((method, ...args) => this.note(method, ...args));
  readonly snapshots: SnapshotApi = {
    reach: async (csn) => {
      this.note('reach', csn);
      if (csn > this.appliedCsn) throw new ConcordatError('snapshot-unavailable', 'Not applied here yet.');
    },
    statuses: async ({ transactionIds, minCsn = 0 }) => {
      this.note('statuses', transactionIds);
      await this.snapshots.reach(minCsn);
      return { appliedCsn: this.appliedCsn, statuses: transactionIds.map((id) => this.statusOf(id)) };
    },
    lease: async (ttlMs) => {
      const lease = { id: `s-a-1-${this.leases.size + 1}`, csn: this.appliedCsn, createdAt: NOW, ttlMs };
      this.note('lease', ttlMs);
      this.leases.set(lease.id, lease);
      return lease;
    },
    read: async (id) => {
      const lease = this.leases.get(id);
      if (!lease) throw new ConcordatError('snapshot-not-found', 'No such lease.');
      return lease;
    },
    release: async (id) => {
      await this.snapshots.read(id);
      this.leases.delete(id);
    },
  };
  /** What every begin is told before it is looked at. */
  turnedAway: Turnaway | undefined;
  readonly admission: AdmissionApi = { turnaway: () => this.turnedAway };
  /** Thrown by the next call of any method. */
  failNext: unknown;
  private sequence = 0;

  async begin(request: BeginRequest, context: CallContext): Promise<TransactionRecord> {
    this.note('begin', request, context);
    for (const branch of request.branches ?? []) checkBranch(branch);
    const record: TransactionRecord = {
      id: formatTransactionId({ incarnation: INCARNATION, term: 1, sequence: ++this.sequence }),
      status: 'active',
      outcome: null,
      isolation: request.isolation ?? 'local',
      serializable: request.serializable ?? false,
      label: request.label ?? null,
      caller: context.caller,
      snapshot: null,
      createdAt: NOW,
      deadlineAt: NOW + (request.timeoutMs ?? 30_000),
      csn: null,
      decidedIndex: null,
      decidedAt: null,
      completedAt: null,
      reason: null,
      branches: (request.branches ?? []).map(branchRecord),
    };
    this.records.set(record.id, record);
    if (!request.commit) return record;
    const refused = request.branches?.some(({ input }) => (input as { refuse?: boolean } | null)?.refuse);
    return refused ? this.abort(record.id) : this.finish(record.id, 'committed', request.wait);
  }

  async enlist(id: string, request: BranchRequest, context: CallContext): Promise<BranchRecord> {
    this.note('enlist', id, request, context);
    const record = this.need(id);
    checkBranch(request);
    if (record.status !== 'active')
      throw new ConcordatError('transaction-not-active', 'Too late.', { transactionId: id });
    const branch = branchRecord(request, record.branches.length);
    this.change(id, { branches: [...record.branches, branch] });
    return branch;
  }

  async execute(id: string, request: BranchRequest, context: CallContext): Promise<BranchRecord> {
    this.note('execute', id, request, context);
    const branch = { ...(await this.enlist(id, request, context)), result: { ran: request.operation } };
    this.change(id, { branches: [...this.need(id).branches.slice(0, -1), branch] });
    return branch;
  }

  async commit(id: string, options: { wait?: WaitFor }, context: CallContext): Promise<TransactionRecord> {
    this.note('commit', id, options, context);
    if (this.need(id).outcome === 'aborted') return this.abort(id);
    return this.finish(id, 'committed', options.wait);
  }

  async rollback(id: string, options: { wait?: WaitFor }, context: CallContext): Promise<TransactionRecord> {
    this.note('rollback', id, options, context);
    if (this.need(id).outcome === 'committed') {
      throw new ConcordatError('transaction-committed', 'It is committed.', { transactionId: id });
    }
    return this.finish(id, 'aborted', options.wait);
  }

  async get(id: string, options: object): Promise<TransactionRecord> {
    this.note('get', id, options);
    return this.need(id);
  }

  async list(query: ListQuery): Promise<TransactionRecord[]> {
    this.note('list', query);
    const sequenceOf = (id: string): number => parseTransactionId(id)?.sequence ?? 0;
    const before = query.before === undefined ? Number.POSITIVE_INFINITY : sequenceOf(query.before);
    return [...this.records.values()]
      .reverse()
      .filter(({ id }) => sequenceOf(id) < before)
      .slice(0, query.limit);
  }

  async phases(id: string): Promise<PhaseTrace | undefined> {
    this.note('phases', id);
    this.need(id);
    return { fromBegin: true, cut: false, marks: [{ step: 'begun', atMs: 0 }] };
  }

  async watch(id: string, listener: (record: TransactionRecord) => void): Promise<() => void> {
    this.note('watch', id);
    const record = this.need(id);
    const listeners = this.listeners.get(id) ?? new Set();
    this.listeners.set(id, listeners.add(listener));
    listener(record);
    return () => void listeners.delete(listener);
  }

  participants(): ParticipantView[] {
    this.note('participants');
    return [ACCOUNTS];
  }

  participant(name: string): ParticipantView {
    this.note('participant', name);
    if (name === ACCOUNTS.name) return ACCOUNTS;
    throw new ConcordatError('participant-not-found', 'Nobody of that name has announced itself.', {
      participant: name,
    });
  }

  readiness(): Readiness {
    return this.ready;
  }

  /** Changes a transaction and tells those who watch it. */
  change(id: string, more: Partial<TransactionRecord>): TransactionRecord {
    const record = { ...this.need(id), ...more };
    this.records.set(id, record);
    for (const listener of this.listeners.get(id) ?? []) listener(record);
    return record;
  }

  private note(method: string, ...args: unknown[]): void {
    this.calls.push({ method, args });
    const failure = this.failNext;
    this.failNext = undefined;
    if (failure !== undefined) throw failure;
  }

  private statusOf(id: string): StatusAnswer {
    const record = this.records.get(id);
    if (!record) return { status: 'unknown' };
    if (record.outcome === 'committed') return { status: 'committed', csn: record.csn as number };
    return { status: record.outcome ?? 'undecided' };
  }

  private need(id: string): TransactionRecord {
    const record = this.records.get(id);
    if (record) return record;
    throw new ConcordatError('transaction-not-found', 'No such transaction.', { transactionId: id });
  }

  private finish(id: string, outcome: 'committed' | 'aborted', wait?: WaitFor): TransactionRecord {
    const completed = wait === 'completed';
    return this.change(id, {
      status: completed ? 'completed' : outcome,
      outcome,
      csn: outcome === 'committed' ? INCARNATION * 1024 + 1 : null,
      decidedIndex: 1,
      decidedAt: NOW + 5,
      completedAt: completed ? NOW + 9 : null,
    });
  }

  private abort(id: string): never {
    const reason = {
      code: 'insufficient-funds',
      message: 'Too little.',
      retryable: false,
      participant: 'accounts-east',
    };
    const transaction = this.change(id, { status: 'aborted', outcome: 'aborted', decidedAt: NOW + 5, reason });
    const details = { transactionId: id, reason, retryable: false, transaction };
    throw new ConcordatError('transaction-aborted', 'accounts-east refused.', details);
  }
}

function checkBranch({ participant, input }: BranchRequest): void {
  const { fail } = (input ?? {}) as { fail?: ConcordatError['code'] };
  if (fail !== undefined) throw new ConcordatError(fail, 'As asked.', { participant });
  if (participant !== ACCOUNTS.name) throw new ConcordatError('participant-unknown', 'Never heard.', { participant });
}

const branchRecord = ({ participant, operation }: BranchRequest, index: number): BranchRecord => ({
  id: String(index + 1),
  participant,
  operation,
  status: 'enlisted',
  result: null,
  reason: null,
});
