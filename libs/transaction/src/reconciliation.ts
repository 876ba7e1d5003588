/**
 * Reconciliation after a restore (design §2): what became of the transactions of earlier incarnations, by the word of
 * their participants. The backup may be older than their decisions, so nothing is presumed here.
 *
 * Owns: what has been heard, what is to be asked next, when a transaction's outcome is certain. Does not own: who asks,
 * when, and the log that makes the outcome final.
 *
 * Invariants:
 * - N1 One participant that has committed is enough: only a COMMIT of all prepared branches can have led to it (D3).
 * - N2 Abort is certain only when every participant has told everything, none has committed, and each one with a
 *   prepared branch has said so again behind every command that the old coordinator had sent about it.
 * - N3 A participant that does not hold the branch cannot commit it any more: it has never prepared it, or finished it.
 *   Which of the two, the horizon tells: below it everything was finished everywhere (D7).
 * - N4 Until then a transaction is in doubt and its prepared branches get no answer.
 */
import {
  type BranchesReply,
  isBelow,
  LOWEST_TRANSACTION_ID,
  parseTransactionId,
  type Reason,
} from '@concordat/protocol';
import type { ReconcileEntry } from './entries.js';
import type { BranchRecord, BranchStatus, TransactionHeader, TransactionRecord } from './record.js';

/** What one participant says of one transaction; `confirmed`: prepared, and behind every earlier command (N2). */
export type BranchReport = 'prepared' | 'confirmed' | 'committed' | 'aborted';
export type Verdict = ReconcileEntry['transactions'][number]['outcome'];

/** A question to be put to a participant; see the wire command `report`. */
export interface Question {
  readonly participant: string;
  readonly scope: 'after' | 'one';
  readonly transactionId: string;
}

interface Answerer {
  /** Everything up to here was told. */
  cursor: string;
  complete: boolean;
  horizon: string | null;
}

interface Doubt {
  readonly reports: Map<string, BranchReport>;
  csn: number | null;
  /** Whether the backup knows it, undecided. */
  isKnown: boolean;
  settled: boolean;
}

const restoredReason: Reason = {
  code: 'restored',
  message: 'The cluster was restored from a backup without the decision; the outcome is what the participants know.',
  retryable: true,
};

const outcomeLost: Reason = {
  code: 'outcome-lost',
  message: 'The cluster was restored from a backup without the decision, and every participant has forgotten it.',
  retryable: false,
};

export class Reconciliation {
  readonly #answerers = new Map<string, Answerer>();
  readonly #doubts = new Map<string, Doubt>();

  /** @param incarnation that of the restored cluster; everything below it is reconciled */
  constructor(readonly incarnation: number) {}

  /** Participants that have not told everything yet. */
  get awaited(): string[] {
    return [...this.#answerers].filter(([, { complete }]) => !complete).map(([name]) => name);
  }

  /** Everybody has told everything, and whatever was in doubt is settled. */
  get finished(): boolean {
    if (this.awaited.length > 0) return false;
    for (const id of this.#doubts.keys()) if (!this.#isSettled(id)) return false;
    return true;
  }

  /** A participant that may hold branches. */
  addParticipant(name: string): void {
    if (this.#answerers.has(name)) return;
    this.#answerers.set(name, { cursor: LOWEST_TRANSACTION_ID, complete: false, horizon: null });
  }

  /** A transaction that the backup holds undecided. */
  addUndecided(id: string): void {
    this.#doubt(id).isKnown = true;
  }

  /** Takes an answer; one that was given before, or overtaken, changes nothing. */
  take(reply: Omit<BranchesReply, 'v' | 'type'>): void {
    const answerer = this.#answerers.get(reply.participant);
    if (!answerer || reply.incarnation !== this.incarnation) return;
    if (reply.scope === 'one') return this.#takeOne(reply);
    if (answerer.complete || reply.transactionId !== answerer.cursor) return;
    for (const { transactionId, state, csn } of reply.branches) {
      this.#note(transactionId, reply.participant, state, csn);
      answerer.cursor = transactionId;
    }
    answerer.complete = reply.complete;
    answerer.horizon = reply.horizon;
  }

  /** What is to be asked now, and again until it is answered; at most `max` questions. */
  questions(max: number): Question[] {
    const questions: Question[] = [];
    for (const [participant, { cursor, complete }] of this.#answerers) {
      if (!complete) questions.push({ participant, scope: 'after', transactionId: cursor });
    }
    if (questions.length > 0) return questions.slice(0, max); // N2: first everything, then what is left in doubt
    for (const [transactionId, { reports, settled }] of this.#doubts) {
      if (settled || hasCommitted(reports)) continue;
      for (const [participant, report] of reports) {
        if (report === 'prepared') questions.push({ participant, scope: 'one', transactionId });
      }
      if (questions.length >= max) break;
    }
    return questions.slice(0, max);
  }

  /** Transactions whose outcome is certain and that are not settled yet; at most `max`. */
  due(max: number): { readonly id: string; readonly verdict: Verdict }[] {
    const due: { id: string; verdict: Verdict }[] = [];
    for (const id of this.#doubts.keys()) {
      if (due.length === max) break;
      if (this.#isSettled(id)) continue;
      const verdict = this.verdict(id);
      if (verdict) due.push({ id, verdict });
    }
    return due;
  }

  /** The outcome, as soon as it is certain. */
  verdict(id: string): Verdict | undefined {
    const reports = this.reports(id);
    if (hasCommitted(reports)) return 'committed'; // N1
    if (this.awaited.length > 0) return undefined; // N4
    const states = [...reports.values()];
    if (states.includes('prepared')) return undefined; // N2
    if (states.length > 0) return 'aborted';
    const forgotten = [...this.#answerers.values()].some(({ horizon }) => horizon !== null && isBelow(id, horizon));
    return forgotten ? 'lost' : 'aborted'; // N3
  }

  /** Transactions in doubt, at most `max`. */
  open(max: number): string[] {
    const open: string[] = [];
    for (const id of this.#doubts.keys()) {
      if (open.length === max) break;
      if (!this.#isSettled(id)) open.push(id);
    }
    return open;
  }

  reports(id: string): ReadonlyMap<string, BranchReport> {
    return this.#doubts.get(id)?.reports ?? new Map();
  }

  /** Under which number a participant says that it has committed, if one says. */
  csnOf(id: string): number | null {
    return this.#doubts.get(id)?.csn ?? null;
  }

  /** The outcome is in the log, or was known before. */
  settle(id: string): void {
    this.#doubt(id).settled = true;
  }

  /** One that the backup does not know and that left nothing but abort rows needs no word. */
  #isSettled(id: string): boolean {
    const { settled, isKnown, reports } = this.#doubt(id);
    return settled || (!isKnown && [...reports.values()].every((report) => report === 'aborted'));
  }

  #takeOne({ participant, transactionId, branches }: Omit<BranchesReply, 'v' | 'type'>): void {
    if (this.reports(transactionId).get(participant) !== 'prepared') return;
    const found = branches.find((branch) => branch.transactionId === transactionId);
    // N3: a branch that was prepared and is gone without a row was rolled back.
    const report = found?.state === 'prepared' ? 'confirmed' : (found?.state ?? 'aborted');
    this.#note(transactionId, participant, report, found?.csn ?? null);
  }

  #note(id: string, participant: string, report: BranchReport, csn: number | null): void {
    const parts = parseTransactionId(id);
    if (!parts || parts.incarnation >= this.incarnation) return;
    const doubt = this.#doubt(id);
    doubt.reports.set(participant, report);
    if (csn !== null) doubt.csn = csn;
  }

  #doubt(id: string): Doubt {
    let doubt = this.#doubts.get(id);
    if (!doubt) {
      doubt = { reports: new Map(), csn: null, isKnown: false, settled: false };
      this.#doubts.set(id, doubt);
    }
    return doubt;
  }
}

const hasCommitted = (reports: ReadonlyMap<string, BranchReport>): boolean =>
  [...reports.values()].includes('committed');

type Reconciled = ReconcileEntry['transactions'][number];

/** What an entry says of one transaction: all that is known of it, from the backup and from its participants. */
export function reconciled(
  id: string,
  verdict: Verdict,
  found: {
    readonly known: TransactionRecord | undefined;
    readonly reports: ReadonlyMap<string, BranchReport>;
    readonly csn: number | null;
  },
  at: number,
): Reconciled {
  const { known, reports, csn } = found;
  const branches = (known?.branches ?? []).map((branch): BranchRecord => {
    return { ...branch, status: statusOf(verdict, reports.get(branch.participant)) };
  });
  for (const [participant, report] of reports) {
    if (branches.some((branch) => branch.participant === participant)) continue;
    branches.push(unnamed(branches.length, participant, statusOf(verdict, report)));
  }
  return { header: known ? headerOf(known) : headerOfUnknown(id, at), outcome: verdict, csn, branches };
}

/**
 * A prepared branch of a transaction that reconciliation has committed, at a participant that had not told of it by
 * then: it is to commit too (N1).
 * @returns nothing where the record names the branch already, or was not made by reconciliation
 */
export function withBranch(record: TransactionRecord, participant: string): Reconciled | undefined {
  if (record.outcome !== 'committed' || record.reason?.code !== restoredReason.code) return undefined;
  const own = record.branches.filter((branch) => branch.participant === participant);
  if (own.some(({ status }) => status !== 'read-only')) return undefined;
  const others = record.branches.filter((branch) => branch.participant !== participant);
  const prepared =
    own.length > 0
      ? own.map((branch): BranchRecord => ({ ...branch, status: 'prepared' }))
      : [unnamed(record.branches.length, participant, 'prepared')];
  return { header: headerOf(record), outcome: 'committed', csn: record.csn, branches: [...others, ...prepared] };
}

/** The record that an entry makes of what the ledger holds; undefined where the entry has no effect (L2). */
export function reconciledRecord(
  known: TransactionRecord | undefined,
  { header, outcome, csn, branches }: Reconciled,
  point: { readonly index: number; readonly at: number; readonly ownCsn: number },
): TransactionRecord | undefined {
  if (known && known.outcome !== null) {
    if (outcome !== 'committed' || known.outcome !== 'committed') return undefined;
    return known.reason?.code === restoredReason.code ? { ...known, branches: merged(known, branches) } : undefined;
  }
  const decided = { ...header, decidedIndex: point.index, decidedAt: point.at, completedAt: null, branches };
  if (outcome === 'lost') {
    const ended = { status: 'completed', outcome: null, completedAt: point.at, reason: outcomeLost } as const;
    return { ...decided, ...ended, csn: null, decidedIndex: null, decidedAt: null };
  }
  return {
    ...decided,
    status: outcome,
    outcome,
    csn: outcome === 'committed' ? (csn ?? point.ownCsn) : null,
    reason: restoredReason,
  };
}

/** What is final stays; what the entry adds is added. */
function merged(known: TransactionRecord, branches: readonly BranchRecord[]): BranchRecord[] {
  const kept = known.branches.filter(({ participant, status }) => {
    return status !== 'read-only' || !branches.some((branch) => branch.participant === participant);
  });
  return [...kept, ...branches.filter(({ participant }) => !kept.some((branch) => branch.participant === participant))];
}

function statusOf(verdict: Verdict, report: BranchReport | undefined): BranchStatus {
  const isPrepared = report === 'prepared' || report === 'confirmed';
  if (verdict === 'committed') {
    if (report === 'aborted') return 'hazard'; // committed here and rolled back there: never hidden
    return isPrepared ? 'prepared' : report === 'committed' ? 'committed' : 'read-only';
  }
  return isPrepared ? 'prepared' : 'rolled-back';
}

const unnamed = (count: number, participant: string, status: BranchStatus): BranchRecord => ({
  id: String(count + 1),
  participant,
  operation: 'unknown',
  status,
  result: null,
  reason: null,
});

function headerOf(record: TransactionRecord): TransactionHeader {
  const { id, isolation, serializable, label, caller, snapshot, createdAt, deadlineAt } = record;
  return { id, isolation, serializable, label, caller, snapshot, createdAt, deadlineAt };
}

/** Begun after the backup was taken: who began it and when is lost with the old log. */
const headerOfUnknown = (id: string, at: number): TransactionHeader => ({
  id,
  isolation: 'local',
  serializable: false,
  label: null,
  caller: '',
  snapshot: null,
  createdAt: at,
  deadlineAt: at,
});

/** Whether an id is of an earlier incarnation than the given one. */
export function isOlder(id: string, incarnation: number): boolean {
  const parts = parseTransactionId(id);
  return parts !== undefined && parts.incarnation < incarnation;
}
