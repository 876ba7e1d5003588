/**
 * What the coordinator's own record adds to what Kafka says: a contradiction with it, an orphan that it does not know
 * either, or the decision that retention has cut. It never makes a violation on Kafka less than one, but for an orphan
 * whose decision it holds.
 */

import { type Facts, hasSaid } from './facts.js';
import { type AuditWindow, allSaid, type Cause, incomplete, type Judgement, undecidedCause } from './judge.js';

/** What the coordinator holds. `null`: certainly nothing. */
export interface RecordFact {
  readonly outcome: 'committed' | 'aborted' | null;
  readonly csn: number | null;
  /** Unix ms. */
  readonly decidedAtMs: number | null;
  /** Decided by the word of the participants, after a restore. */
  readonly restored: boolean;
}

/** `unknown`: it was pruned, or belongs to a cluster before a restore, or could not be asked for. */
export type KnownRecord = RecordFact | null | 'unknown';

/** The verdict of Kafka, compared with the record. */
export function compare(kafka: Judgement, facts: Facts, record: KnownRecord, window: AuditWindow): Judgement {
  if (record === 'unknown' || facts.crowded) return kafka;
  const causes = record === null ? missing(facts) : differences(facts, record);
  if (kafka.verdict === 'mixed' || kafka.verdict === 'contradicting') {
    return { verdict: kafka.verdict, causes: [...new Set([...kafka.causes, ...causes])] };
  }
  if (causes.length > 0) return { verdict: 'contradicting', causes };
  if (facts.events.size > 0) return kafka;
  return record === null ? confirmOrphan(kafka, facts, window) : excuseOrphan(kafka, record, window);
}

const missing = ({ events }: Facts): Cause[] => (events.size > 0 ? ['record-missing'] : []);

function differences(facts: Facts, record: RecordFact): Cause[] {
  const causes: Cause[] = [];
  const events = [...facts.events.values()];
  const said = allSaid(facts);
  if (record.outcome === null) return events.length > 0 ? ['record-undecided'] : [];
  if (events.some(({ outcome }) => outcome !== record.outcome)) causes.push('record-outcome');
  const isOther = ({ csn, restored }: (typeof events)[number]) => csn !== record.csn && !restored && !record.restored;
  if (record.outcome === 'committed' && events.some((event) => event.outcome === 'committed' && isOther(event))) {
    causes.push('record-csn');
  }
  if (record.outcome === 'committed' && hasSaid(said, 'rolled-back')) causes.push('rolled-back-after-commit');
  if (record.outcome === 'aborted' && hasSaid(said, 'committed')) causes.push('committed-after-abort');
  return causes;
}

/** Retention cannot have cut the decision of what the coordinator has never decided. */
function confirmOrphan(kafka: Judgement, facts: Facts, window: AuditWindow): Judgement {
  const cause = undecidedCause(facts);
  const isRunning = facts.saidMs > window.repliesToMs - window.settleMs;
  return cause && !isRunning ? { verdict: 'orphaned', causes: [cause] } : kafka;
}

/** The coordinator knows it: then somebody decides, or has decided before the events that are left, or has not told. */
function excuseOrphan(kafka: Judgement, { decidedAtMs }: RecordFact, window: AuditWindow): Judgement {
  if (kafka.verdict !== 'orphaned') return kafka;
  if (decidedAtMs === null || decidedAtMs > window.eventsToMs - window.settleMs) return incomplete('running');
  if (decidedAtMs < window.eventsFromMs) return incomplete('cut');
  return { verdict: 'contradicting', causes: ['event-missing'] };
}
