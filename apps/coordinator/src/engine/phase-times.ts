/**
 * When each step of recent transactions was taken, as this replica saw it while it led: for people who ask where the time of
 * one transaction went. It lives in memory alone, is bounded, decides nothing, and is lost with the leadership or the process.
 */
import type { CoordinationEvent, Effect } from '@concordat/transaction';

/** The newest this many transactions are kept. */
export const TRACED_MAX = 2_000;
/** Of each the first this many steps; a transaction that is sent again and again has more. */
export const MARKS_MAX = 200;

/** What is worth a mark. `settled`: the outcome is chosen and proposed. `decided`: it is applied, and so durable. */
export type PhaseStep =
  | 'begun'
  | 'sent-execute'
  | 'executed'
  | 'sent-prepare'
  | 'vote'
  | 'settled'
  | 'decided'
  | 'sent-commit'
  | 'sent-rollback'
  | 'done'
  | 'completed';

/** One step. */
interface PhaseMark {
  readonly step: PhaseStep;
  /** Since this replica began the transaction, or took it up from an earlier leader, in ms. */
  readonly atMs: number;
  readonly participant?: string;
  /** The vote, or how it ended there. */
  readonly detail?: string;
}

/** What this replica knows of the times of one transaction. */
export interface PhaseTrace {
  /** False where it was taken up from an earlier leader: what was before is not known here. */
  readonly fromBegin: boolean;
  /** Whether there were more marks than are kept. */
  readonly cut: boolean;
  readonly marks: readonly PhaseMark[];
}

interface Trace {
  readonly startedAt: number;
  readonly fromBegin: boolean;
  cut: boolean;
  readonly marks: PhaseMark[];
}

/** The outcome is chosen by the step that proposes one of these. */
const DECISIONS: ReadonlySet<string> = new Set(['commit', 'abort']);

export class PhaseTimes {
  readonly #traces = new Map<string, Trace>();

  /** @param elapsed ms since any fixed moment, with fractions, never going back */
  constructor(private readonly elapsed: () => number = () => performance.now()) {}

  begun(id: string): void {
    this.#mark(this.#open(id, true), 'begun');
  }

  /** One step of the transition table: what came, and what left because of it. */
  stepped(id: string, event: CoordinationEvent, effects: readonly Effect[]): void {
    const trace = this.#traces.get(id) ?? this.#open(id, false);
    if (event.type === 'vote') this.#mark(trace, 'vote', event.vote.participant, event.vote.vote);
    else if (event.type === 'done') this.#mark(trace, 'done', event.participant, event.outcome);
    else if (event.type === 'executed') this.#mark(trace, 'executed', event.reply.participant);
    else if (event.type === 'applied') this.#mark(trace, 'decided', undefined, event.record.outcome ?? undefined);
    for (const effect of effects) {
      if (effect.type === 'send') this.#mark(trace, `sent-${effect.command}`, effect.participant);
      else if (effect.type === 'propose' && DECISIONS.has(effect.entry.type)) this.#mark(trace, 'settled');
    }
  }

  completed(id: string): void {
    const trace = this.#traces.get(id);
    if (trace) this.#mark(trace, 'completed');
  }

  /** @returns undefined where this replica knows nothing of it, or nothing any more */
  of(id: string): PhaseTrace | undefined {
    const trace = this.#traces.get(id);
    return trace && { fromBegin: trace.fromBegin, cut: trace.cut, marks: [...trace.marks] };
  }

  #open(id: string, fromBegin: boolean): Trace {
    const trace: Trace = { startedAt: this.elapsed(), fromBegin, cut: false, marks: [] };
    this.#traces.set(id, trace);
    if (this.#traces.size > TRACED_MAX) this.#traces.delete(this.#traces.keys().next().value as string);
    return trace;
  }

  #mark(trace: Trace, step: PhaseStep, participant?: string, detail?: string): void {
    if (trace.marks.length >= MARKS_MAX) {
      trace.cut = true;
      return;
    }
    const atMs = this.elapsed() - trace.startedAt;
    trace.marks.push({ step, atMs, ...(participant && { participant }), ...(detail && { detail }) });
  }
}
