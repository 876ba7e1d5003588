/** Audits as JSON. */
import type { AuditSummary, AuditView, ViolationView } from '../engine/audit-api.js';
import { isoTime } from './transaction-json.js';

const MAP_SHARE = 0.7;

const isoOrNull = (ms: number | null): string | null => (ms === null ? null : isoTime(ms));
const finiteOrNull = (ms: number): string | null => (Number.isFinite(ms) ? isoTime(ms) : null);

export function summaryJson(audit: AuditSummary) {
  const { id, status, nodeId, actor, createdAtMs, endedAtMs, fromMs, toMs, settleMs, failure, totals } = audit;
  const { records, transactions, verdicts, incomplete, compared, violations } = totals;
  return {
    id,
    status,
    nodeId,
    actor,
    createdAt: isoTime(createdAtMs),
    endedAt: isoOrNull(endedAtMs),
    from: isoOrNull(fromMs),
    to: isoOrNull(toMs),
    settleMs,
    failure,
    records,
    transactions,
    verdicts,
    incomplete: {
      running: incomplete.running ?? 0,
      cut: incomplete.cut ?? 0,
      unfinished: incomplete.unfinished ?? 0,
    },
    compared,
    violationsTotal: violations,
  };
}

export function auditJson(audit: AuditView) {
  const { progress, window, violations, next, notCompared } = audit;
  return {
    ...summaryJson(audit),
    progress: { ...progress, fraction: fractionOf(audit) },
    window: window && {
      repliesFrom: finiteOrNull(window.repliesFromMs),
      repliesTo: isoTime(window.repliesToMs),
      eventsFrom: finiteOrNull(window.eventsFromMs),
      eventsTo: isoTime(window.eventsToMs),
    },
    notCompared,
    violations: violations.map(violationJson),
    nextCursor: next === null ? null : encodeOffset(next),
  };
}

function violationJson({ record, ...violation }: ViolationView) {
  if (record === null || record === 'unknown') return { ...violation, record };
  const { outcome, csn, decidedAtMs, restored } = record;
  return { ...violation, record: { outcome, csn, decidedAt: isoOrNull(decidedAtMs), restored } };
}

/** Of the whole work, from 0 to 1. */
export function fractionOf({ progress }: Pick<AuditView, 'progress'>): number {
  const { stage, recordsRead, recordsTotal, bucketsDone, bucketsTotal } = progress;
  if (stage === 'done') return 1;
  if (stage === 'planning') return 0;
  const map = recordsTotal === 0 ? 1 : recordsRead / recordsTotal;
  const reduce = bucketsTotal === 0 ? 0 : bucketsDone / bucketsTotal;
  return Math.round((map * MAP_SHARE + reduce * (1 - MAP_SHARE)) * 1000) / 1000;
}

const VERSION = 'a1:';
const encodeOffset = (offset: number): string => Buffer.from(`${VERSION}${offset}`).toString('base64url');

/** @returns undefined where it is none that was given out */
export function decodeOffset(cursor: string): number | undefined {
  const text = Buffer.from(cursor, 'base64url').toString('latin1');
  const offset = Number(text.slice(VERSION.length));
  const isOurs = text.startsWith(VERSION) && Number.isSafeInteger(offset) && offset >= 0;
  return isOurs && encodeOffset(offset) === cursor ? offset : undefined;
}
