/**
 * The transition table of two-phase commit: coordination state × event → new state and effects.
 *
 * Owns: when a transaction is settled and as what, what is sent to whom, what is proposed. A step is synchronous, has no
 * clock, no randomness and no I/O of its own, and changes nothing but the coordination it is given.
 *
 * Invariants:
 * - T1 A transaction is settled at most once: only `settleCommit` and `settleAbort` set the outcome, and no cell of a
 *   settled state leads to either (D3).
 * - T2 COMMIT is sent only from the states `committed` and `completed`, which only an applied entry leads to (D4).
 * - T3 Commit is settled only when every participant has voted `prepared` or `read-only`, with its results (D3).
 * - T4 FORGET is asked for only when no participant is outstanding (D7).
 * - T5 At each participant at most one execute is under way, and none when PREPARE is sent, which names the session and how
 *   many were answered: so what commits is exactly what callers were told, once each.
 */
import { ConcordatError, type Executed, type OperationCall, type Reason, type Vote } from '@concordat/protocol';
import { resendDelayMs } from './backoff.js';
import {
  branchRecords,
  type Coordination,
  type CoordinationState,
  type ParticipantWork,
  workOf,
} from './coordination.js';
import type { Entry } from './entries.js';
import type { IdempotencyClaim, TransactionRecord } from './record.js';

export type CoordinationEvent =
  | { readonly type: 'enlist'; readonly participant: string; readonly call: OperationCall }
  /** Enlists, and runs at once; the answer comes as `executed`. */
  | { readonly type: 'execute'; readonly participant: string; readonly call: OperationCall }
  | { readonly type: 'executed'; readonly reply: Omit<Executed, 'v' | 'type' | 'transactionId'> }
  | { readonly type: 'commit'; readonly claims: readonly IdempotencyClaim[] }
  /** Rollback by the caller or an operator, graceful stop. */
  | { readonly type: 'abort'; readonly reason: Reason; readonly claims: readonly IdempotencyClaim[] }
  | { readonly type: 'vote'; readonly vote: Pick<Vote, 'participant' | 'vote' | 'results' | 'reason'> }
  /** The decision entry has been applied; `record` is the ledger's word. */
  | { readonly type: 'applied'; readonly record: TransactionRecord }
  | {
      readonly type: 'done';
      readonly participant: string;
      readonly outcome: 'committed' | 'rolled-back' | 'hazard';
      readonly detail: string | null;
    }
  /** The time asked for by the last `wake` has come. */
  | { readonly type: 'due' };

export type SentCommand = 'execute' | 'prepare' | 'commit' | 'rollback';

export type Effect =
  | { readonly type: 'propose'; readonly entry: Entry }
  | { readonly type: 'send'; readonly command: SentCommand; readonly participant: string }
  /** Call again with `due` at this time, Unix ms; replaces any earlier wish. */
  | { readonly type: 'wake'; readonly at: number }
  | { readonly type: 'forget'; readonly hazards: readonly string[] }
  /** Alert: a participant contradicts the decision. */
  | { readonly type: 'hazard'; readonly participant: string; readonly detail: string };

export interface StepContext {
  /** Unix ms. */
  readonly now: number;
  /** In [0, 1), for jitter. */
  readonly random: number;
  /** Later than almost every answer of those that are asked, in ms; 0 or left out where nothing is known. */
  readonly answersLateMs?: number;
}

type EventOf<E extends CoordinationEvent['type']> = Extract<CoordinationEvent, { type: E }>;
type Cell<E extends CoordinationEvent['type']> = (
  t: Coordination,
  event: EventOf<E>,
  context: StepContext,
) => readonly Effect[];
type Table = { readonly [S in CoordinationState]: { readonly [E in CoordinationEvent['type']]: Cell<E> } };

const NOTHING: readonly Effect[] = [];

/** Stale, repeated or already answered: no effect, and the caller of the step reads the state. */
const ignore = () => NOTHING;

/** Cannot happen unless the code that drives the table is wrong. */
const illegal = (t: Coordination, event: CoordinationEvent): never => {
  throw new Error(`illegal transition: ${event.type} in state ${t.state} of ${t.header.id}`);
};

// biome-ignore format: the table is read as a table
const TABLE: Table = {
  //            enlist        execute        executed          commit        abort          vote          applied           done            due
  active:     { enlist,       execute,       executed: record, commit: prepare, abort,      vote: ignore, applied: illegal, done: ignore,   due: expireOrExecute },
  preparing:  { enlist: late, execute: late, executed: ignore, commit: join, abort,         vote: count,  applied: illegal, done: ignore,   due: expireOrResend },
  committing: { enlist: late, execute: late, executed: ignore, commit: join, abort: ignore, vote: ignore, applied: decided, done: ignore,   due: ignore },
  aborting:   { enlist: late, execute: late, executed: ignore, commit: join, abort: join,   vote: answer, applied: decided, done: finalise, due: resend },
  committed:  { enlist: late, execute: late, executed: ignore, commit: join, abort: ignore, vote: answer, applied: illegal, done: finalise, due: resend },
  aborted:    { enlist: late, execute: late, executed: ignore, commit: join, abort: join,   vote: answer, applied: illegal, done: finalise, due: resend },
  completed:  { enlist: late, execute: late, executed: ignore, commit: join, abort: ignore, vote: answer, applied: ignore,  done: ignore,   due: ignore },
};

/**
 * Advances `t` by one event.
 * @returns the effects to carry out, in order
 * @throws ConcordatError when the caller asked for what the state does not allow
 */
export function step(t: Coordination, event: CoordinationEvent, context: StepContext): readonly Effect[] {
  const cell = TABLE[t.state][event.type] as Cell<CoordinationEvent['type']>;
  return cell(t, event as never, context);
}

function enlist(t: Coordination, { participant, call }: EventOf<'enlist'>): readonly Effect[] {
  workOf(t, participant).operations.push(call);
  addBranch(t, participant, call);
  return NOTHING;
}

function addBranch(t: Coordination, participant: string, { branchId, operation }: OperationCall): void {
  t.branches.push({ id: branchId, participant, operation, result: null });
}

/** T5: one at a time; the others wait their turn. */
function execute(t: Coordination, { participant, call }: EventOf<'execute'>, context: StepContext): readonly Effect[] {
  const work = workOf(t, participant);
  work.session ??= { nonce: null, executed: 0, queue: [] };
  work.session.queue.push(call);
  addBranch(t, participant, call);
  return work.session.queue.length === 1 ? sendExecute(t, participant, context) : NOTHING;
}

function sendExecute(t: Coordination, participant: string, context: StepContext): readonly Effect[] {
  t.resends = 0;
  return [{ type: 'send', command: 'execute', participant }, wake(t, context)];
}

/** The answer to the execute that is under way; any other is a repetition. A reason ends the transaction, as a refusal does. */
function record(t: Coordination, { reply }: EventOf<'executed'>, context: StepContext): readonly Effect[] {
  const { participant, branchId, number, nonce, result } = reply;
  const work = t.works.get(participant);
  const session = work?.session;
  if (!session || session.queue[0]?.branchId !== branchId || session.executed + 1 !== number) return NOTHING;
  const isOther = session.nonce !== null && session.nonce !== nonce;
  const reason = reply.reason ?? (isOther ? sessionLost(participant) : null);
  if (reason) {
    work.phase = 'refused';
    work.reason = { ...reason, participant, branchId };
    return settleAbort(t, work.reason, context);
  }
  session.nonce = nonce;
  session.executed = number;
  session.queue.shift();
  setResult(t, branchId, result);
  return session.queue.length > 0 ? sendExecute(t, participant, context) : NOTHING;
}

function setResult(t: Coordination, branchId: string, result: unknown): void {
  const branch = t.branches.find(({ id }) => id === branchId);
  if (branch) branch.result = result ?? null;
}

const sessionLost = (participant: string): Reason => ({
  code: 'participant-restarted',
  message: `${participant} restarted and no longer holds what it had executed.`,
  retryable: true,
  participant,
});

function late(t: Coordination): never {
  throw new ConcordatError('transaction-not-active', `Transaction ${t.header.id} no longer takes branches.`, {
    transactionId: t.header.id,
  });
}

/** A repeated commit or rollback waits for, or reads, the one outcome; its key is bound with the decision if still open. */
function join(t: Coordination, event: EventOf<'commit'> | EventOf<'abort'>): readonly Effect[] {
  if (t.outcome === null) t.claims.push(...event.claims);
  return NOTHING;
}

function prepare(t: Coordination, event: EventOf<'commit'>, context: StepContext): readonly Effect[] {
  if (t.works.size === 0) {
    throw new ConcordatError('transaction-empty', `Transaction ${t.header.id} has no branches to commit.`, {
      transactionId: t.header.id,
    });
  }
  for (const { participant, session } of t.works.values()) {
    if (session?.queue.length) throw stillRunning(t, participant);
  }
  t.state = 'preparing';
  t.resends = 0;
  t.claims.push(...event.claims);
  const effects: Effect[] = [];
  for (const work of t.works.values()) {
    work.phase = 'preparing';
    effects.push({ type: 'send', command: 'prepare', participant: work.participant });
  }
  effects.push(wake(t, context));
  return effects;
}

const stillRunning = (t: Coordination, participant: string): ConcordatError =>
  new ConcordatError('operation-running', `An operation of ${t.header.id} is still running at ${participant}.`, {
    transactionId: t.header.id,
    participant,
  });

function abort(t: Coordination, event: EventOf<'abort'>, context: StepContext): readonly Effect[] {
  t.claims.push(...event.claims);
  return settleAbort(t, event.reason, context);
}

/** Executes that were not answered are sent again: the participant tells repetitions apart by their numbers. */
function expireOrExecute(t: Coordination, _event: EventOf<'due'>, context: StepContext): readonly Effect[] {
  if (context.now >= t.header.deadlineAt) return settleAbort(t, deadlineExceeded(t), context);
  t.resends += 1;
  const effects: Effect[] = [];
  for (const work of t.works.values()) {
    if (isExecuting(work)) effects.push({ type: 'send', command: 'execute', participant: work.participant });
  }
  return [...effects, wake(t, context)];
}

function expireOrResend(t: Coordination, event: EventOf<'due'>, context: StepContext): readonly Effect[] {
  if (context.now >= t.header.deadlineAt) return settleAbort(t, deadlineExceeded(t), context);
  return resend(t, event, context);
}

const isExecuting = ({ session }: ParticipantWork): boolean => session !== null && session.queue.length > 0;

function deadlineExceeded(t: Coordination): Reason {
  const silent = [...t.works.values()]
    .filter((work) => work.phase === 'preparing' || isExecuting(work))
    .map((work) => work.participant);
  const message =
    silent.length > 0
      ? `The deadline passed before ${silent.join(', ')} ${t.state === 'active' ? 'answered' : 'voted'}.`
      : 'The deadline passed before the transaction was committed.';
  return { code: 'deadline-exceeded', message, retryable: true, ...(silent[0] && { participant: silent[0] }) };
}

/** Counts a vote (T3). A repeated or stray one changes nothing. */
function count(t: Coordination, event: EventOf<'vote'>, context: StepContext): readonly Effect[] {
  const { vote } = event;
  const work = t.works.get(vote.participant);
  if (work?.phase !== 'preparing') return NOTHING;
  if (vote.vote === 'refused') {
    work.phase = 'refused';
    work.reason = { ...(vote.reason ?? refusedWithoutReason), participant: vote.participant };
    return settleAbort(t, work.reason, context);
  }
  if (vote.vote === 'prepared') work.phase = 'prepared';
  if (vote.results === null) return settleAbort(t, restarted(vote.participant), context);
  if (vote.vote === 'read-only') work.phase = 'read-only';
  for (const { branchId, result } of vote.results) {
    // T5: what was executed has its result, and its caller knows it.
    if (work.operations.some((call) => call.branchId === branchId)) setResult(t, branchId, result);
  }
  for (const other of t.works.values()) if (other.phase === 'preparing') return NOTHING;
  return settleCommit(t, context);
}

const refusedWithoutReason: Reason = {
  code: 'operation-failed',
  message: 'The participant refused and gave no reason.',
  retryable: false,
};

const restarted = (participant: string): Reason => ({
  code: 'participant-restarted',
  message: `${participant} restarted after preparing and no longer holds its results.`,
  retryable: true,
  participant,
});

/** D3, D4, D5: settled here, in memory, then proposed; nobody is told before the entry is applied. */
function settleCommit(t: Coordination, context: StepContext): readonly Effect[] {
  t.state = 'committing';
  t.outcome = 'committed';
  const { header, claims } = t;
  const entry: Entry = { type: 'commit', header, branches: branchRecords(t), claims: [...claims], at: context.now };
  return [{ type: 'propose', entry }];
}

/**
 * D3, D4: settled here, proposed and not waited for. A branch that was never sent a PREPARE is final already, unless there
 * is a session to end.
 */
function settleAbort(t: Coordination, reason: Reason, context: StepContext): readonly Effect[] {
  t.state = 'aborting';
  t.outcome = 'aborted';
  t.reason = reason;
  t.decidedAt = context.now;
  t.resends = 0;
  for (const work of t.works.values()) if (work.phase === 'enlisted' && !work.session) work.phase = 'finalised';
  const { header, claims } = t;
  const entry: Entry = {
    type: 'abort',
    header,
    branches: branchRecords(t),
    claims: [...claims],
    reason,
    at: context.now,
  };
  return [{ type: 'propose', entry }, ...sendOutstanding(t, 'rollback'), wake(t, context)];
}

/** The entry is applied: durable on a quorum. Only now may COMMIT leave (T2). */
function decided(t: Coordination, event: EventOf<'applied'>, context: StepContext): readonly Effect[] {
  const { record } = event;
  if (record.outcome !== t.outcome) throw new Error(`${t.header.id} settled ${t.outcome}, applied ${record.outcome}`);
  t.state = record.outcome as 'committed' | 'aborted';
  t.decidedIndex = record.decidedIndex;
  t.decidedAt = record.decidedAt;
  t.csn = record.csn;
  if (record.status === 'completed') {
    // Nothing to finalise: the ledger completed it with the decision, no FORGET is needed.
    t.state = 'completed';
    t.completedAt = record.completedAt;
    return NOTHING;
  }
  if (t.outcome === 'aborted') return maybeForget(t);
  t.resends = 0;
  return [...sendOutstanding(t, 'commit'), wake(t, context)];
}

/** A prepared branch repeats its vote: tell it again (D6). One that the decision does not name rolls back (D5). */
function answer(t: Coordination, event: EventOf<'vote'>): readonly Effect[] {
  const { participant, vote } = event.vote;
  if (vote !== 'prepared') return NOTHING;
  const named = t.works.get(participant);
  const command = t.outcome === 'committed' && named && named.phase !== 'refused' ? 'commit' : 'rollback';
  return [{ type: 'send', command, participant }];
}

/** D7: DONE is durable at the participant. A participant that contradicts the decision is a hazard, never hidden. */
function finalise(t: Coordination, event: EventOf<'done'>): readonly Effect[] {
  const work = t.works.get(event.participant);
  if (!work || !isOutstanding(t, work)) return NOTHING;
  const expected = t.outcome === 'committed' ? 'committed' : 'rolled-back';
  if (event.outcome === expected) {
    work.phase = 'finalised';
    return maybeForget(t);
  }
  work.phase = 'hazard';
  const detail = event.detail ?? `reports ${event.outcome}, the decision is ${t.outcome}`;
  work.reason = { code: 'hazard', message: detail, retryable: false, participant: event.participant };
  return [{ type: 'hazard', participant: event.participant, detail }, ...maybeForget(t)];
}

/** T4: asks for FORGET once the decision is applied and every branch is final. */
function maybeForget(t: Coordination): readonly Effect[] {
  if (t.state === 'aborting') return NOTHING; // the ABORT entry has to be applied first
  for (const work of t.works.values()) if (isOutstanding(t, work)) return NOTHING;
  t.state = 'completed';
  const hazards = [...t.works.values()].filter((work) => work.phase === 'hazard').map((work) => work.participant);
  return [{ type: 'forget', hazards }];
}

function resend(t: Coordination, _event: EventOf<'due'>, context: StepContext): readonly Effect[] {
  t.resends += 1;
  const command = t.state === 'preparing' ? 'prepare' : t.outcome === 'committed' ? 'commit' : 'rollback';
  const sends = sendOutstanding(t, command);
  // A new leader takes up what the one before had no time to forget.
  if (sends.length === 0 && t.decidedIndex !== null) return maybeForget(t);
  return [...sends, wake(t, context)];
}

/** Whether a participant still owes us a vote (while preparing) or a DONE (once settled). */
function isOutstanding(t: Coordination, work: ParticipantWork): boolean {
  if (work.phase === 'enlisted') return work.session !== null && t.outcome === 'aborted';
  if (work.phase === 'preparing') return t.outcome !== 'committed';
  return work.phase === 'prepared' && t.outcome !== null;
}

function sendOutstanding(t: Coordination, command: SentCommand): Effect[] {
  const effects: Effect[] = [];
  for (const work of t.works.values()) {
    if (isOutstanding(t, work)) effects.push({ type: 'send', command, participant: work.participant });
  }
  return effects;
}

function wake(t: Coordination, context: StepContext): Effect {
  const next = context.now + resendDelayMs(t.resends, context.random, context.answersLateMs);
  if (t.outcome !== null) return { type: 'wake', at: next };
  const isWaiting = t.state === 'preparing' || [...t.works.values()].some(isExecuting);
  return { type: 'wake', at: isWaiting ? Math.min(next, t.header.deadlineAt) : t.header.deadlineAt };
}
