/**
 * Reduce: all facts of one transaction become one verdict. The rules, worst first; docs/audit.md has them as a table.
 *
 * Invariants:
 * - J1 A verdict of a violation rests on records that are there, or on the lack of a decision that must be there. What
 *   retention may have cut, or what may still be under way, makes `incomplete` and nothing worse.
 * - J2 Votes prove nothing against a decision: a late copy of PREPARE is refused below the horizon (S8), and a branch
 *   that was read-only has no second phase. Only what participants report as finalised does.
 */
import { type EventFact, type Facts, hasSaid, SAID } from './facts.js';

export const VERDICTS = ['mixed', 'contradicting', 'orphaned', 'incomplete', 'complete'] as const;
export type Verdict = (typeof VERDICTS)[number];
export type Violation = Exclude<Verdict, 'incomplete' | 'complete'>;

export type Cause =
  /** One branch committed, another rolled back. */
  | 'committed-and-rolled-back'
  /** A participant says that its state contradicts the decision. */
  | 'hazard'
  /** One participant says both of the same transaction. */
  | 'both-at-one-participant'
  | 'two-outcomes'
  | 'two-csns'
  | 'rolled-back-after-commit'
  | 'committed-after-abort'
  /** More participants or events than a transaction can have. */
  | 'crowded'
  /** A participant has committed, and nobody decided. */
  | 'committed-undecided'
  /** A participant holds, or held, a prepared branch, and nobody decided. */
  | 'prepared-undecided'
  /** The coordinator's own record differs from its event. */
  | 'record-outcome'
  | 'record-csn'
  /** The coordinator has no record, or an undecided one, of what it has made public. */
  | 'record-missing'
  | 'record-undecided'
  /** The coordinator has decided, and has never said so. */
  | 'event-missing'
  /** May still be under way at the end of what was read. */
  | 'running'
  /** Records before what was read may tell the rest. */
  | 'cut'
  /** Decided some time ago, and not everybody has finalised. */
  | 'unfinished';

/** What was read of Kafka, and how patient the audit is. Times are Unix ms, durations ms. */
export interface AuditWindow {
  /** Replies before it may be missing; -Infinity where none are. */
  readonly repliesFromMs: number;
  /** Replies after it were not read. */
  readonly repliesToMs: number;
  /** Events before it may be missing; -Infinity where none are. */
  readonly eventsFromMs: number;
  /** Events after it were not read. */
  readonly eventsToMs: number;
  /** How long after its first record a transaction may be on its way. */
  readonly settleMs: number;
}

/**
 * How long, in ms, the decision may lie before the first record of a participant that is still there. A branch that was
 * left unfinished for longer, and whose event retention has cut, looks as if nobody had decided: the record tells then.
 */
export const UNFINISHED_MAX_MS = 24 * 60 * 60 * 1000;

export interface Judgement {
  readonly verdict: Verdict;
  readonly causes: readonly Cause[];
}

/** What Kafka alone says of a transaction. */
export function judge(facts: Facts, window: AuditWindow): Judgement {
  if (isMixed(facts)) return { verdict: 'mixed', causes: ['committed-and-rolled-back', ...contradictions(facts)] };
  const causes = contradictions(facts);
  if (causes.length > 0) return { verdict: 'contradicting', causes };
  return facts.events.size > 0 ? judgeDecided(facts, window) : judgeUndecided(facts, window);
}

/** Two different participants, one of which says committed and one rolled back, whatever the events say. */
function isMixed({ said }: Facts): boolean {
  for (const [one, bits] of said) {
    if (!hasSaid(bits, 'committed')) continue;
    for (const [other, otherBits] of said) if (other !== one && hasSaid(otherBits, 'rolled-back')) return true;
  }
  return false;
}

function contradictions(facts: Facts): Cause[] {
  const { said, crowded } = facts;
  const causes: Cause[] = [];
  const all = allSaid(facts);
  const events = [...facts.events.values()];
  const outcomes = new Set(events.map(({ outcome }) => outcome));
  if (hasSaid(all, 'hazard')) causes.push('hazard');
  const both = SAID.committed | SAID['rolled-back'];
  if ([...said.values()].some((bits) => (bits & both) === both)) causes.push('both-at-one-participant');
  if (outcomes.size > 1) causes.push('two-outcomes');
  if (hasTwoCsns(events)) causes.push('two-csns');
  if (outcomes.has('committed') && hasSaid(all, 'rolled-back')) causes.push('rolled-back-after-commit');
  if (outcomes.has('aborted') && hasSaid(all, 'committed')) causes.push('committed-after-abort');
  if (crowded) causes.push('crowded');
  return causes;
}

/** A restore commits again what its participants have committed; where none of them keeps the number, under a new one. */
function hasTwoCsns(events: readonly EventFact[]): boolean {
  const numbers = events.filter(({ outcome, restored }) => outcome === 'committed' && !restored);
  return new Set(numbers.map(({ csn }) => csn)).size > 1;
}

function judgeDecided(facts: Facts, window: AuditWindow): Judgement {
  const { said, named, eventMs } = facts;
  const committed = [...facts.events.values()].some(({ outcome }) => outcome === 'committed');
  const isFinal = (bits: number): boolean => {
    if (committed) return hasSaid(bits, 'committed') || hasSaid(bits, 'read-only');
    return !hasSaid(bits, 'prepared') || hasSaid(bits, 'rolled-back');
  };
  const names = new Set([...named, ...said.keys()]);
  if ([...names].every((name) => isFinal(said.get(name) ?? 0))) return COMPLETE;
  if (eventMs > window.repliesToMs - window.settleMs) return incomplete('running');
  // The votes come before the event, and a read-only one is all there is of its branch.
  if (eventMs - window.settleMs < window.repliesFromMs) return incomplete('cut');
  return incomplete('unfinished');
}

function judgeUndecided(facts: Facts, window: AuditWindow): Judgement {
  const cause = undecidedCause(facts);
  // Presumed abort: who knows nothing of a transaction tells its branches to roll back, and no event says so (D6).
  if (!cause && hasSaid(allSaid(facts), 'rolled-back')) return COMPLETE;
  if (facts.saidMs > window.repliesToMs - window.settleMs) return incomplete('running');
  // J1: the decision may be older than every event that is left.
  if (facts.saidMs < window.eventsFromMs + UNFINISHED_MAX_MS) return incomplete('cut');
  return cause ? { verdict: 'orphaned', causes: [cause] } : COMPLETE; // refused or read-only: nothing is held
}

/** Why somebody must have decided; undefined where nobody needs to have. */
export function undecidedCause({ said }: Facts): 'committed-undecided' | 'prepared-undecided' | undefined {
  const all = [...said.values()];
  if (all.some((bits) => hasSaid(bits, 'committed'))) return 'committed-undecided';
  if (all.some((bits) => hasSaid(bits, 'prepared') && !hasSaid(bits, 'rolled-back'))) return 'prepared-undecided';
  return undefined;
}

export const allSaid = ({ said }: Facts): number => [...said.values()].reduce((all, bits) => all | bits, 0);
export const incomplete = (cause: 'running' | 'cut' | 'unfinished'): Judgement => ({
  verdict: 'incomplete',
  causes: [cause],
});
const COMPLETE: Judgement = { verdict: 'complete', causes: [] };

/** Whether a verdict is one that must never be. */
export const isViolation = (verdict: Verdict): verdict is Violation =>
  verdict !== 'complete' && verdict !== 'incomplete';
