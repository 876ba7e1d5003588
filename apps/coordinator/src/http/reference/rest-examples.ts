/** One call of each route with its answer, by operation id, as a running system gave them. Shown in /docs and docs/rest.md. */

export interface RestExample {
  /** By name: of the path, the query and headers; those of no use to the example are left out. */
  readonly parameters?: Readonly<Record<string, string>>;
  readonly request?: unknown;
  readonly answer?: unknown;
}

const ID = 'mwqtb5wc-2-8';
const MEMBER = 3207828218957360;
const LOCK = 'orders:42';
const TOKEN = 1838376955047970;
const LOCK_SESSION = 'ls-i3neppjrqe';
const SNAPSHOT = 's-mwqtb5wc-2-478w9lb4u';
const AUDIT = 'a-1-mwqtcc0h-279ebd23';

const debit = {
  participant: 'accounts-east',
  operation: 'debit',
  input: { account: 'ada', amount: 30, reference: 'mug-1' },
};
const reserve = { participant: 'inventory', operation: 'reserve', input: { sku: 'mug', quantity: 1 } };

const branches = [
  {
    id: '1',
    participant: 'accounts-east',
    operation: 'debit',
    status: 'committed',
    result: { account: 'ada', balance: 70 },
    reason: null,
  },
  {
    ...{ id: '2', participant: 'inventory', operation: 'reserve', status: 'committed' },
    ...{ result: { sku: 'mug', onHand: 5, available: 4, reserved: 1 }, reason: null },
  },
];

const transaction = {
  ...{ id: ID, status: 'completed', isolation: 'global', serializable: false, label: 'a mug for ada' },
  ...{ csn: 1838376955047993, snapshot: 1838376955047990 },
  ...{ createdAt: '2026-11-21T19:42:08.324Z', deadlineAt: '2026-11-21T19:42:38.324Z' },
  ...{ decidedAt: '2026-11-21T19:42:08.511Z', completedAt: '2026-11-21T19:42:08.748Z', outcomeReason: null },
  branches,
};

const rolledBack = {
  ...{ ...transaction, status: 'aborted', csn: null, completedAt: null },
  outcomeReason: { code: 'rolled-back', message: 'The caller rolled the transaction back.', retryable: false },
  branches: branches.map((branch) => ({ ...branch, status: 'rolled-back', result: null })),
};

const hold = {
  ...{ mode: 'exclusive', owner: 'worker-1', fencingToken: TOKEN, sequencer: `${TOKEN}.x.${LOCK}`, ttlMs: 30_000 },
  ...{ session: null, renewals: 0, grantedAt: '2026-11-21T19:40:47.398Z', ttlRemainingMs: 29_996 },
};
const lock = { name: LOCK, mode: 'exclusive', holders: [hold], waiting: 0 };
const granted = { name: LOCK, ...hold, waitedMs: 7 };
const session = {
  ...{ id: LOCK_SESSION, owner: 'worker-1', ttlMs: 30_000, renewals: 0 },
  ...{ createdAt: '2026-11-21T19:40:49.020Z', ttlRemainingMs: 29_973 },
};

const snapshot = {
  ...{ id: SNAPSHOT, csn: 1838376955047968 },
  ...{ createdAt: '2026-11-21T19:40:47.343Z', expiresAt: '2026-11-21T19:41:47.343Z' },
};

const inventory = {
  ...{ name: 'inventory', isolation: 'local', health: 'up', suspicion: 0 },
  observers: [{ nodeId: 1, word: 'alive', suspicion: 0, ageMs: 0 }],
  ...{ instances: 1, lastHeartbeatAt: '2026-11-21T19:40:48.750Z', lag: 0, preparedCount: 0, oldestInDoubtMs: null },
  operations: [{ name: 'reserve', readOnly: false, inputSchema: { type: 'object' }, resultSchema: { type: 'object' } }],
};

const cluster = {
  ...{ leader: MEMBER, term: 2 },
  members: [
    {
      ...{ id: MEMBER, nodeId: 1, address: '127.0.0.1:22272', url: 'http://127.0.0.1:8080', role: 'leader' },
      ...{ matchIndex: 41, appliedIndex: 41, persistedIndex: 36, lagMs: 0, lastContactMs: 0, suspicion: 0 },
    },
  ],
};

const auditSummary = {
  ...{ id: AUDIT, status: 'completed', nodeId: 1, actor: 'anonymous', createdAt: '2026-11-21T19:40:49.745Z' },
  ...{ endedAt: '2026-11-21T19:40:56.951Z', from: null, to: null, settleMs: 900_000, failure: null },
  records: { facts: 23, duplicates: 0, other: 169, unreadable: 0, unverifiable: 0 },
  transactions: 6,
  verdicts: { mixed: 0, contradicting: 0, orphaned: 0, incomplete: 0, complete: 6 },
  incomplete: { running: 0, cut: 0, unfinished: 0 },
  ...{ compared: 6, violationsTotal: 0 },
};
const audit = {
  ...auditSummary,
  progress: {
    ...{ stage: 'done', recordsRead: 192, recordsTotal: 192 },
    partitions: [{ topic: 'concordat.events', partition: 0, from: 0, end: 1, read: 1 }],
    ...{ bucketsDone: 1, bucketsTotal: 1, fraction: 1 },
  },
  window: {
    ...{ repliesFrom: null, repliesTo: '2026-11-21T19:40:49.822Z' },
    ...{ eventsFrom: null, eventsTo: '2026-11-21T19:40:49.822Z' },
  },
  ...{ notCompared: null, violations: [], nextCursor: null },
};
const auditRunning = { ...audit, status: 'running', endedAt: null, window: null };

const sample = {
  ...{ at: '2026-11-21T19:39:58.677Z', begunPerS: 1, committedPerS: 1, abortedPerS: 0, refusedPerS: 0 },
  ...{ decisionMs: null, finaliseMs: null, inFlight: 0, undecided: 0, inDoubt: 0, hazards: 0 },
  ...{ places: 512, placesTaken: 0, waiting: 0, persistenceBacklog: 0 },
};

const timeline = {
  ...{ transactionId: ID, known: true, fromBegin: true, cut: false },
  marks: [
    { step: 'begun', atMs: 0.003 },
    { step: 'sent-prepare', atMs: 0.09, participant: 'accounts-east' },
    { step: 'vote', atMs: 57.496, participant: 'accounts-east', detail: 'prepared' },
    { step: 'settled', atMs: 57.503 },
    { step: 'decided', atMs: 79.07, detail: 'committed' },
  ],
};

const inDoubt = {
  items: [
    {
      ...{ transactionId: 'mwqtb5wc-2-a', cause: 'participant-down', outcome: 'aborted', label: null },
      ...{ since: '2026-11-21T19:42:12.472Z', ageMs: 15_210 },
      branches: [{ participant: 'inventory', awaits: 'done', status: 'preparing', health: 'down', error: null }],
    },
  ],
  ...{ total: 1, participants: [] },
};

const operatorAction = {
  ...{ id: 1838376955047978, at: '2026-11-21T19:40:49.170Z', actor: 'anonymous', action: 'leadership-transfer' },
  ...{ target: 'any', reason: null, outcome: null },
};

export const REST_EXAMPLES: Readonly<Record<string, RestExample>> = {
  beginTransaction: {
    parameters: { 'Idempotency-Key': 'mug-1' },
    request: { label: 'a mug for ada', branches: [debit, reserve], commit: true, wait: 'completed' },
    answer: transaction,
  },
  listTransactions: {
    parameters: { status: 'completed', limit: '1' },
    answer: { items: [transaction], nextCursor: 'djE6bXdxdGI1d2MtMi04' },
  },
  getTransaction: { parameters: { id: ID, wait: 'completed' }, answer: transaction },
  enlistBranch: {
    parameters: { id: ID, execute: 'now' },
    request: debit,
    answer: { ...branches[0], status: 'enlisted' },
  },
  commitTransaction: { parameters: { id: ID }, request: { wait: 'completed' }, answer: transaction },
  rollbackTransaction: { parameters: { id: ID }, request: {}, answer: rolledBack },
  watchTransaction: { parameters: { id: ID }, answer: transaction },
  leaseSnapshot: { request: { ttlMs: 60_000 }, answer: snapshot },
  getSnapshot: { parameters: { snapshot: SNAPSHOT }, answer: snapshot },
  releaseSnapshot: { parameters: { snapshot: SNAPSHOT } },
  askStatuses: {
    request: { transactionIds: [ID, 'mwqtb5wc-2-c'] },
    answer: {
      appliedCsn: 1838376955047994,
      statuses: [{ status: 'committed', csn: 1838376955047993 }, { status: 'unknown' }],
    },
  },
  listLocks: { parameters: { prefix: 'orders:' }, answer: { items: [lock], nextCursor: null } },
  getLock: { parameters: { name: LOCK }, answer: lock },
  acquireLock: {
    parameters: { name: LOCK },
    request: { owner: 'worker-1', ttlMs: 30_000, waitMs: 5_000 },
    answer: granted,
  },
  renewLock: { parameters: { name: LOCK }, request: { fencingToken: TOKEN }, answer: { ...granted, renewals: 1 } },
  releaseLock: { parameters: { name: LOCK }, request: { fencingToken: TOKEN } },
  watchLock: { parameters: { name: LOCK }, answer: lock },
  openLockSession: { request: { owner: 'worker-1', ttlMs: 30_000 }, answer: { ...session, waitedMs: 27 } },
  getLockSession: {
    parameters: { session: LOCK_SESSION },
    answer: { ...session, locks: [{ name: LOCK, mode: 'exclusive', fencingToken: TOKEN }] },
  },
  endLockSession: { parameters: { session: LOCK_SESSION } },
  renewLockSession: { parameters: { session: LOCK_SESSION }, answer: { ...session, renewals: 1, waitedMs: 11 } },
  listParticipants: { answer: { items: [inventory], nextCursor: null } },
  getParticipant: { parameters: { name: 'inventory' }, answer: inventory },
  getCluster: { parameters: { consistency: 'stale' }, answer: cluster },
  transferLeadership: { request: {}, answer: cluster },
  addMember: { request: { address: '127.0.0.1:7074' }, answer: cluster },
  removeMember: { parameters: { id: String(MEMBER) }, answer: cluster },
  listInDoubt: { parameters: { minAgeMs: '5000' }, answer: inDoubt },
  resolveTransaction: {
    parameters: { id: ID },
    request: { outcome: 'committed', reason: 'inventory was scrapped, its stock was counted by hand' },
    answer: transaction,
  },
  listOperatorActions: { parameters: { limit: '1' }, answer: { items: [operatorAction], nextCursor: null } },
  startAudit: { request: { from: '2026-11-21T00:00:00Z' }, answer: auditRunning },
  listAudits: { answer: { items: [auditSummary], nextCursor: null, unreachable: [] } },
  getAudit: { parameters: { id: AUDIT }, answer: audit },
  getAuditReport: { parameters: { id: AUDIT } },
  watchOverview: { answer: { samples: [sample] } },
  getCaller: { answer: { caller: 'shop', roles: ['caller'] } },
  getTimeline: { parameters: { id: ID }, answer: timeline },
  isLive: {
    answer: {
      status: 'live',
      checks: [
        { name: 'raft', ok: true },
        { name: 'log', ok: true },
      ],
    },
  },
  isReady: {
    answer: {
      status: 'ready',
      checks: [
        { name: 'leader', ok: true },
        { name: 'kafka', ok: true, advisory: true },
      ],
    },
  },
  isStarted: { answer: { status: 'started' } },
};
