import type { Executed, OperationCall, Reason, Vote } from '@concordat/protocol';
import { beginCoordination, branchRecords, type Coordination } from '../src/coordination.js';
import type { Entry } from '../src/entries.js';
import { type Change, Ledger } from '../src/ledger.js';
import type { BranchRecord, BranchStatus, IdempotencyClaim, TransactionHeader } from '../src/record.js';
import { type CoordinationEvent, type Effect, type StepContext, step } from '../src/transitions.js';

export const NOW = 1_700_000_000_000;
export const DEADLINE = NOW + 30_000;
export const INCARNATION = 36 ** 3;
/** `1000` is the incarnation above in base 36. */
export const idOf = (term: number, sequence: number): string => `1000-${term.toString(36)}-${sequence.toString(36)}`;

export const at = (now = NOW, random = 0): StepContext => ({ now, random });

export const headerOf = (id: string): TransactionHeader => ({
  id,
  isolation: 'local',
  serializable: false,
  label: 'rent',
  caller: 'shop',
  snapshot: null,
  createdAt: NOW,
  deadlineAt: DEADLINE,
});

export const claimOf = (key: string, caller = 'shop'): IdempotencyClaim => ({
  caller,
  key,
  requestHash: `hash of ${key}`,
});

export const reasonOf = (code: string): Reason => ({ code, message: `because ${code}`, retryable: true });

export const callOf = (branchId: string, operation = 'debit'): OperationCall => ({
  branchId,
  operation,
  input: { n: 1 },
});

/** A transaction with one branch at each participant named. */
export function begun(participants: readonly string[], id = idOf(1, 1)): Coordination {
  const t = beginCoordination(headerOf(id), []);
  for (const participant of participants) {
    step(t, { type: 'enlist', participant, call: callOf(String(t.branches.length + 1)) }, at());
  }
  return t;
}

export function preparing(participants: readonly string[]): Coordination {
  const t = begun(participants);
  step(t, { type: 'commit', claims: [] }, at());
  return t;
}

export const voteOf = (
  participant: string,
  vote: Vote['vote'] = 'prepared',
  results: Vote['results'] = [],
  reason: Reason | null = null,
): CoordinationEvent => ({ type: 'vote', vote: { participant, vote, results, reason } });

export const doneOf = (
  participant: string,
  outcome: 'committed' | 'rolled-back' | 'hazard' = 'committed',
): CoordinationEvent => ({ type: 'done', participant, outcome, detail: null });

export const executedOf = (
  participant: string,
  number: number,
  branchId: string,
  over: Partial<Pick<Executed, 'result' | 'reason' | 'nonce'>> = {},
): CoordinationEvent => ({
  type: 'executed',
  reply: { participant, number, branchId, nonce: 'n', result: null, reason: null, ...over },
});

export const abortOf = (code = 'rolled-back', claims: readonly IdempotencyClaim[] = []): CoordinationEvent => ({
  type: 'abort',
  reason: reasonOf(code),
  claims,
});

/** All votes are in: the commit is settled and its entry proposed. */
export function committing(participants: readonly string[]): Coordination {
  const t = preparing(participants);
  for (const participant of participants) step(t, voteOf(participant), at());
  return t;
}

export function aborting(participants: readonly string[]): Coordination {
  const t = preparing(participants);
  step(t, abortOf(), at());
  return t;
}

/** Settled as it is, then told that its entry is applied. */
export function applied(t: Coordination): { t: Coordination; effects: readonly Effect[] } {
  const ledger = emptyLedger();
  const entry: Entry = {
    type: t.outcome === 'committed' ? 'commit' : 'abort',
    header: t.header,
    branches: branchRecords(t),
    claims: [],
    at: NOW,
    reason: t.reason ?? reasonOf('none'),
  };
  const [record] = feed(ledger, 1, { type: 'term', incarnation: INCARNATION, at: NOW }, entry).transactions;
  if (!record) throw new Error('the ledger refused the entry');
  return { t, effects: step(t, { type: 'applied', record }, at()) };
}

export const emptyLedger = (keysMax = 100): Ledger =>
  new Ledger(
    {
      appliedIndex: 0,
      appliedTerm: 0,
      incarnation: 0,
      publishedIndex: 0,
      transactions: [],
      participants: [],
      members: [],
      keys: [],
    },
    keysMax,
  );

/** Applies entries of one term behind what is applied; answers what the last one changed. */
export function feed(ledger: Ledger, term: number, ...entries: readonly Entry[]): Change {
  let change: Change | undefined;
  for (const entry of entries) change = ledger.apply(ledger.appliedIndex + 1, term, entry);
  if (!change) throw new Error('no entries');
  return change;
}

export const termEntry = (at = NOW, incarnation = INCARNATION): Entry => ({ type: 'term', incarnation, at });

export const branch = (participant: string, status: BranchStatus, id = '1'): BranchRecord => ({
  id,
  participant,
  operation: 'debit',
  status,
  result: null,
  reason: null,
});

const bodyOf = (id: string, branches: readonly BranchRecord[], claims: readonly IdempotencyClaim[]) => ({
  header: headerOf(id),
  branches,
  claims,
});

export const beginEntry = (
  id: string,
  branches: readonly BranchRecord[] = [],
  claims: readonly IdempotencyClaim[] = [],
): Entry => ({ type: 'begin', ...bodyOf(id, branches, claims) });

export const commitEntry = (
  id: string,
  branches: readonly BranchRecord[] = [branch('east', 'prepared')],
  claims: readonly IdempotencyClaim[] = [],
): Entry => ({ type: 'commit', ...bodyOf(id, branches, claims), at: NOW + 5 });

export const abortEntry = (
  id: string,
  branches: readonly BranchRecord[] = [branch('east', 'prepared')],
  claims: readonly IdempotencyClaim[] = [],
): Entry => ({ type: 'abort', ...bodyOf(id, branches, claims), reason: reasonOf('rolled-back'), at: NOW + 5 });

export const forgetEntry = (id: string, hazards: readonly string[] = []): Entry => ({
  type: 'forget',
  at: NOW + 9,
  transactions: [{ id, hazards }],
});
