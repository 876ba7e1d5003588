/**
 * What the leader has under way, counted as it changes, so that admission can ask at any time: work, what each
 * participant owes, transactions of each caller. Also how long answers take, and the bounds that follow from it.
 */
import type { Coordination, ParticipantWork } from '@concordat/transaction';
import { AdaptiveLimit } from './admission/adaptive-limit.js';
import {
  ANSWER_TARGET_MS,
  LOG_ROUND_TARGET_MS,
  OWED_AT_FIRST,
  OWED_MIN,
  PLACES_AT_FIRST,
  PLACES_MIN,
  RESEND_DELAY_MS_MAX,
  WORKING_MS_MAX,
} from './admission/bounds.js';
import { ResponseTime } from './admission/response-time.js';

/** What is counted of one transaction. */
export interface Counted {
  readonly t: Coordination;
  /** By participant: since when it owes an answer, Unix ms, and whether that is a vote. */
  readonly owed: Map<string, { readonly since: number; readonly vote: boolean }>;
}

interface ParticipantLoad {
  owed: number;
  readonly limit: AdaptiveLimit;
  readonly responses: ResponseTime;
}

export class Load {
  /** Those that make work, the first to begin first; with the time, Unix ms. */
  readonly #working = new Map<Counted, number>();
  readonly #participants = new Map<string, ParticipantLoad>();
  readonly #callers = new Map<string, number>();
  readonly #places: AdaptiveLimit;

  /** @param inFlightMax bound on everything that is bounded here */
  constructor(private readonly inFlightMax: number) {
    const fixed = { min: PLACES_MIN, atFirst: PLACES_AT_FIRST, targetMs: LOG_ROUND_TARGET_MS };
    this.#places = new AdaptiveLimit({ ...fixed, max: Math.max(inFlightMax, PLACES_MIN) });
  }

  /** How many are being prepared, decided or executed; without those that have waited for somebody for too long. */
  working(now: number): number {
    for (const [counted, since] of this.#working) {
      if (now - since < WORKING_MS_MAX) break;
      this.#working.delete(counted);
    }
    return this.#working.size;
  }

  /** How many may be. */
  get places(): number {
    return this.#places.value;
  }

  /** Commands that the participant has not answered yet. */
  lagOf(participant: string): number {
    return this.#participants.get(participant)?.owed ?? 0;
  }

  /** How much it may owe before it is asked for no more. */
  lagMaxOf(participant: string): number {
    return this.#participants.get(participant)?.limit.value ?? Math.min(OWED_AT_FIRST, this.inFlightMax);
  }

  /** Transactions of the caller that are not finished. */
  of(caller: string): number {
    return this.#callers.get(caller) ?? 0;
  }

  /** Later than almost every answer of those that owe one, in ms, bounded. */
  lateMs({ owed }: Counted): number {
    let lateMs = 0;
    for (const participant of owed.keys()) {
      lateMs = Math.max(lateMs, this.#participants.get(participant)?.responses.lateMs ?? 0);
    }
    return Math.min(lateMs, RESEND_DELAY_MS_MAX);
  }

  begun({ t }: Counted): void {
    const { caller } = t.header;
    this.#callers.set(caller, this.of(caller) + 1);
  }

  /** @param now Unix ms */
  changed(counted: Counted, now: number): void {
    const { t } = counted;
    let isExecuting = false;
    for (const work of t.works.values()) {
      if (t.outcome === null && work.session?.queue.length) isExecuting = true;
      this.#count(counted, work, now);
    }
    if (isExecuting || t.state === 'preparing' || t.state === 'committing') {
      if (!this.#working.has(counted)) this.#working.set(counted, now);
    } else this.#working.delete(counted);
  }

  /** @param logRoundMs from settling the outcome to its being applied */
  decided(logRoundMs: number, now: number): void {
    this.#places.sample(logRoundMs, this.working(now), now);
  }

  ended(counted: Counted): void {
    const { t, owed } = counted;
    this.#working.delete(counted);
    for (const participant of owed.keys()) this.#load(participant).owed -= 1;
    owed.clear();
    const { caller } = t.header;
    const left = this.of(caller) - 1;
    if (left > 0) this.#callers.set(caller, left);
    else this.#callers.delete(caller);
  }

  #count({ t, owed }: Counted, work: ParticipantWork, now: number): void {
    const { participant, phase } = work;
    const before = owed.get(participant);
    const owes = owesAnswer(t, work);
    if (!owes && !before) return;
    const load = this.#load(participant);
    const voted = before?.vote === true && phase !== 'preparing';
    // What is aborted for another's sake says nothing, unless it has taken too long already.
    const late = before?.vote === true && t.outcome !== null && now - before.since > ANSWER_TARGET_MS;
    if (before && (voted || late)) {
      load.responses.sample(now - before.since);
      load.limit.sample(now - before.since, load.owed, now);
    }
    if (owes && before) {
      if (before.vote && t.outcome !== null) owed.set(participant, { since: now, vote: false });
      return;
    }
    load.owed += owes ? 1 : -1;
    if (owes) owed.set(participant, { since: now, vote: t.state === 'preparing' });
    else owed.delete(participant);
  }

  #load(participant: string): ParticipantLoad {
    let load = this.#participants.get(participant);
    if (!load) {
      const bounds = { min: OWED_MIN, max: this.inFlightMax, atFirst: OWED_AT_FIRST, targetMs: ANSWER_TARGET_MS };
      load = { owed: 0, limit: new AdaptiveLimit(bounds), responses: new ResponseTime() };
      this.#participants.set(participant, load);
    }
    return load;
  }
}

/** Whether it owes a vote, an executed operation's result, or DONE. */
function owesAnswer(t: Coordination, { phase, session }: ParticipantWork): boolean {
  if (phase === 'preparing' || (session?.queue.length ?? 0) > 0) return true;
  return phase === 'prepared' && t.outcome !== null;
}
