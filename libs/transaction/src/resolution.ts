/**
 * What operators' words and participants' contradictions make of records (design §6, `resolve`).
 *
 * - O1 D3, L2: an operator's word never changes an outcome. It ends the wait for a participant, acknowledges a contradiction,
 *   or settles as aborted what a restored cluster will never learn.
 * - O2 A branch that was given up shows as `hazard`, never as if its participant had answered. Of a committed transaction it
 *   stays open as `unconfirmed`, with the record of it: a participant that returns must hear COMMIT, and once the record
 *   is gone it would be told to roll back (D6). Of an aborted one nothing is kept open, since unknown means the same.
 * - O3 Whoever gives up branches has heard DONE of all others (D7), so the transaction is complete with it.
 */
import type { Reason } from '@concordat/protocol';
import { needsFinalising } from './decided-records.js';
import type { ConfirmEntry, HazardEntry, OperatorEntry, ReconcileEntry } from './entries.js';
import { type HazardChanges, type HazardRecord, hazardKey, type OpenHazards } from './hazards.js';
import type { BranchRecord, TransactionRecord } from './record.js';

/** Something that an operator did, as the audit trail keeps it. */
export interface OperatorAction {
  /** CSN of its entry: grows with time, across restores too. */
  readonly id: number;
  /** Unix ms, from the entry (D9). */
  readonly at: number;
  readonly actor: string;
  /** For example `resolve`, `member-add`. */
  readonly action: string;
  /** What it was done to: a transaction, a member. */
  readonly target: string;
  readonly reason: string | null;
  /** What was asked for, or what came of it. */
  readonly outcome: string | null;
}

/** What of the ledger these entries read and change. */
interface Held {
  readonly live: Map<string, TransactionRecord>;
  readonly hazards: OpenHazards;
}

/** How the ledger ends records. */
export interface Ending {
  /** Nothing is outstanding any more. */
  readonly complete: (record: TransactionRecord) => TransactionRecord;
  readonly reconcile: (one: ReconcileEntry['transactions'][number]) => TransactionRecord[];
}

interface Applied {
  readonly transactions: readonly TransactionRecord[];
  readonly hazards?: HazardChanges;
}

/** Marks what is live; the FORGET that follows completes it. */
export function applyHazards({ live, hazards: open }: Held, { at, hazards }: HazardEntry): Applied {
  const marked = new Map<string, TransactionRecord>();
  const raised = new Map<string, HazardRecord>();
  for (const one of hazards) {
    const hazard: HazardRecord = { ...one, kind: 'contradiction', raisedAt: at };
    open.open(hazard);
    raised.set(hazardKey(hazard), hazard);
    const record = live.get(one.transactionId);
    if (!record?.outcome) continue;
    marked.set(record.id, contradicted(record, one));
    live.set(record.id, marked.get(record.id) as TransactionRecord);
  }
  return { transactions: [...marked.values()], hazards: raised };
}

/** @param id CSN of the entry */
export function applyOperator(
  { live, hazards: open }: Held,
  id: number,
  entry: OperatorEntry,
  ending: Ending,
): Applied & { readonly action: OperatorAction } {
  const { target, resolution } = entry;
  const action = operatorAction(id, entry);
  const hazards = new Map<string, HazardRecord | null>();
  for (const participant of resolution?.acknowledged ?? []) {
    if (open.get(target, participant)?.kind !== 'contradiction') continue;
    open.close(target, participant);
    hazards.set(hazardKey({ transactionId: target, participant }), null);
  }
  if (resolution?.reconciled) return { transactions: ending.reconcile(resolution.reconciled), hazards, action };
  const known = live.get(target);
  if (!known?.outcome || !resolution?.givenUp.length) return { transactions: [], hazards, action };
  const ended = givenUp(known, resolution.givenUp, entry);
  for (const hazard of ended.hazards) {
    open.open(hazard);
    hazards.set(hazardKey(hazard), hazard);
  }
  return { transactions: [ending.complete(ended.record)], hazards, action };
}

/** A participant that was given up has answered; a repeated answer changes nothing. */
export function applyConfirm({ hazards }: Held, { participant, record }: ConfirmEntry): Applied {
  const { id: transactionId } = record;
  if (!hazards.close(transactionId, participant)) return { transactions: [] };
  return { transactions: [record], hazards: new Map([[hazardKey({ transactionId, participant }), null]]) };
}

const operatorAction = (id: number, entry: OperatorEntry): OperatorAction => {
  const { at, actor, action, target, reason, outcome } = entry;
  return { id, at, actor, action, target, reason, outcome };
};

/** Why a transaction or a branch ended where an operator said so. */
export const resolvedReason = (actor: string, reason: string | null): Reason => ({
  code: 'resolved-by-operator',
  message: `${actor}: ${reason ?? 'no reason given'}`.slice(0, 2000),
  retryable: false,
});

const hazardReason = ({ participant, detail }: Pick<HazardRecord, 'participant' | 'detail'>): Reason => ({
  code: 'hazard',
  message: detail,
  retryable: false,
  participant,
});

/** The record with the branches of a contradicting participant marked. */
function contradicted(record: TransactionRecord, hazard: HazardEntry['hazards'][number]): TransactionRecord {
  const branches = record.branches.map((branch): BranchRecord => {
    if (branch.participant !== hazard.participant) return branch;
    return { ...branch, status: 'hazard', reason: hazardReason(hazard) };
  });
  return { ...record, branches };
}

/** Ends the wait for participants that have not answered a decision (O2, O3). */
function givenUp(
  record: TransactionRecord,
  participants: readonly string[],
  { at, actor, reason }: Pick<OperatorEntry, 'at' | 'actor' | 'reason'>,
): { readonly record: TransactionRecord; readonly hazards: readonly HazardRecord[] } {
  const outcome = record.outcome as 'committed' | 'aborted';
  const why = resolvedReason(actor, reason);
  const left = new Set<string>();
  const branches = record.branches.map((branch): BranchRecord => {
    const { participant } = branch;
    if (!participants.includes(participant) || !needsFinalising(outcome, branch)) return branch;
    left.add(participant);
    return { ...branch, status: 'hazard', reason: { ...why, participant } };
  });
  const open = outcome === 'committed' ? [...left] : [];
  const hazards = open.map((participant): HazardRecord => {
    const { id: transactionId, csn } = record;
    return { transactionId, participant, kind: 'unconfirmed', outcome, csn, detail: why.message, raisedAt: at };
  });
  return { record: { ...record, branches }, hazards };
}

/** The record with the branches of a participant as it has told them after all. */
export function confirmed(record: TransactionRecord, participant: string): TransactionRecord {
  const status = record.outcome === 'committed' ? 'committed' : 'rolled-back';
  const branches = record.branches.map((branch): BranchRecord => {
    return branch.participant === participant && branch.status === 'hazard'
      ? { ...branch, status, reason: null }
      : branch;
  });
  return { ...record, branches };
}
