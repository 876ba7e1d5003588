/** Answers of a coordinator, of the types that are made of openapi.json. */
import type { Audit, Caller, Cluster, InDoubt, Lock, Participant, Timeline, Transaction } from '@concordat/client';

export const TRANSACTION: Transaction = {
  id: 'a-1-5',
  status: 'completed',
  isolation: 'global',
  serializable: false,
  label: 'rent\u001b[31m',
  csn: 12,
  snapshot: 11,
  createdAt: '2026-11-21T10:00:00.000Z',
  deadlineAt: '2026-11-21T10:00:30.000Z',
  decidedAt: '2026-11-21T10:00:00.012Z',
  completedAt: '2026-11-21T10:00:01.500Z',
  outcomeReason: null,
  branches: [
    { id: 'b-1', participant: 'east', operation: 'debit', status: 'committed', result: { balance: 3 }, reason: null },
    { id: 'b-2', participant: 'west', operation: 'credit', status: 'committed', result: null, reason: null },
  ],
};

export const ABORTED: Transaction = {
  ...TRANSACTION,
  id: 'a-1-4',
  status: 'aborted',
  label: null,
  csn: null,
  completedAt: null,
  outcomeReason: { code: 'insufficient-funds', message: 'Too little.', retryable: false, participant: 'east' },
};

export const TIMELINE: Timeline = {
  transactionId: TRANSACTION.id,
  known: true,
  fromBegin: true,
  cut: false,
  marks: [
    { step: 'begun', atMs: 0 },
    { step: 'vote', atMs: 4.25, participant: 'east', detail: 'prepared' },
  ],
};

export const PARTICIPANT: Participant = {
  name: 'east',
  isolation: 'global',
  health: 'up',
  suspicion: 0.25,
  observers: [],
  instances: 1,
  lastHeartbeatAt: '2026-11-21T10:00:00.000Z',
  lag: 2,
  preparedCount: 1,
  oldestInDoubtMs: 1_500,
  operations: ['open', 'debit', 'credit'].map((name) => ({
    name,
    readOnly: false,
    inputSchema: { type: 'object', properties: { account: {} } },
    resultSchema: {},
  })),
};

export const CLUSTER: Cluster = {
  leader: 71,
  term: 3,
  members: [
    {
      id: 71,
      nodeId: 1,
      address: 'a:7000',
      url: 'http://a:8080',
      role: 'leader',
      matchIndex: 9,
      appliedIndex: 9,
      persistedIndex: 8,
      lagMs: 0,
      lastContactMs: 0,
      suspicion: null,
    },
    {
      id: 72,
      nodeId: 2,
      address: 'b:7000',
      url: 'http://b:8080',
      role: 'follower',
      matchIndex: null,
      appliedIndex: null,
      persistedIndex: null,
      lagMs: null,
      lastContactMs: 3_000,
      suspicion: 9.5,
    },
  ],
};

export const LOCK: Lock = {
  name: 'orders:42',
  mode: 'exclusive',
  waiting: 2,
  holders: [
    {
      mode: 'exclusive',
      owner: 'host-1',
      fencingToken: 77,
      sequencer: 'orders:42/exclusive/77',
      ttlMs: 30_000,
      session: null,
      renewals: 0,
      grantedAt: '2026-11-21T10:00:00.000Z',
      ttlRemainingMs: 12_000,
    },
  ],
};

export const IN_DOUBT: InDoubt = {
  items: [
    {
      transactionId: 'a-1-9',
      cause: 'participant-down',
      outcome: 'committed',
      label: null,
      since: '2026-11-21T10:00:00.000Z',
      ageMs: 65_000,
      branches: [{ participant: 'east', awaits: 'done', status: 'prepared', health: 'down', error: null }],
    },
  ],
  total: 3,
  participants: [
    { participant: 'east', health: 'down', preparedCount: 1, oldestInDoubtMs: 65_000, foreignPrepared: 0 },
  ],
};

export const CALLER: Caller = { caller: 'ops', roles: ['operator', 'caller', 'participant', 'monitor'] };

export const AUDIT: Audit = {
  id: 'a-1-abc-0123abcd',
  status: 'completed',
  nodeId: 1,
  actor: 'ops',
  createdAt: '2026-11-21T10:00:00.000Z',
  endedAt: '2026-11-21T10:00:02.000Z',
  from: null,
  to: null,
  settleMs: 900_000,
  failure: null,
  records: { facts: 10, duplicates: 0, other: 1, unreadable: 0, unverifiable: 0 },
  transactions: 4,
  verdicts: { mixed: 0, contradicting: 0, orphaned: 0, incomplete: 0, complete: 4 },
  incomplete: { running: 0, cut: 0, unfinished: 0 },
  compared: 4,
  violationsTotal: 0,
  progress: {
    stage: 'done',
    fraction: 1,
    recordsRead: 11,
    recordsTotal: 11,
    bucketsDone: 1,
    bucketsTotal: 1,
    partitions: [],
  },
  window: null,
  notCompared: null,
  violations: [],
  nextCursor: null,
};
