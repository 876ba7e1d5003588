/**
 * The facts of one transaction: everything that records on Kafka say of it, each once.
 *
 * Invariants:
 * - F1 Merging is a union: in whatever order and however often records come, the facts are the same.
 * - F2 The facts of one transaction are bounded, whoever writes to the topics.
 */

/** What one participant has said, as bits: a repetition changes nothing. */
export const SAID = { prepared: 1, 'read-only': 2, refused: 4, committed: 8, 'rolled-back': 16, hazard: 32 } as const;
export type Said = keyof typeof SAID;

/** What the coordinator has made public. `restored`: by the word of the participants, after a restore. */
export interface EventFact {
  readonly outcome: 'committed' | 'aborted';
  readonly csn: number | null;
  readonly restored: boolean;
}

export interface Facts {
  /** Earliest record of a participant, Unix ms; Infinity where there is none. */
  saidMs: number;
  /** Earliest outcome event, Unix ms; Infinity where there is none. */
  eventMs: number;
  /** By participant, the union of `SAID`. */
  readonly said: Map<string, number>;
  /** By their text. */
  readonly events: Map<string, EventFact>;
  /** Whom the events name. */
  readonly named: Set<string>;
  /** More was said than any transaction can have (F2): what is kept of it is nothing. */
  crowded: boolean;
}

/** A transaction has at most 100 branches; this leaves room for strangers and no room for floods. */
export const PARTICIPANTS_MAX = 200;
/** One is normal, two are a finding; more of them are no better finding. */
const EVENTS_MAX = 8;

export const noFacts = (): Facts => ({
  saidMs: Number.POSITIVE_INFINITY,
  eventMs: Number.POSITIVE_INFINITY,
  said: new Map(),
  events: new Map(),
  named: new Set(),
  crowded: false,
});

/** @returns whether it was new */
export function addSaid(facts: Facts, participant: string, said: Said, atMs: number): boolean {
  facts.saidMs = Math.min(facts.saidMs, atMs);
  return merge(facts, participant, SAID[said]);
}

/** @returns whether it was new */
export function addEvent(facts: Facts, event: EventFact, named: readonly string[], atMs: number): boolean {
  facts.eventMs = Math.min(facts.eventMs, atMs);
  const text = textOf(event);
  const isNew = !facts.crowded && !facts.events.has(text);
  if (!facts.crowded) {
    facts.events.set(text, event);
    for (const name of named) facts.named.add(name);
    bound(facts);
  }
  return isNew;
}

/** Adds what `more` knows to `facts` (F1). */
export function mergeFacts(facts: Facts, more: Facts): void {
  facts.saidMs = Math.min(facts.saidMs, more.saidMs);
  facts.eventMs = Math.min(facts.eventMs, more.eventMs);
  facts.crowded ||= more.crowded;
  for (const [participant, bits] of more.said) merge(facts, participant, bits);
  for (const [text, event] of more.events) facts.events.set(text, event);
  for (const name of more.named) facts.named.add(name);
  bound(facts);
}

function merge(facts: Facts, participant: string, bits: number): boolean {
  if (facts.crowded) return false;
  const before = facts.said.get(participant) ?? 0;
  if ((before | bits) === before) return false;
  facts.said.set(participant, before | bits);
  bound(facts);
  return true;
}

/** F2, and F1: a union that is too large is too large in whatever order it came. */
function bound(facts: Facts): void {
  const { said, named, events } = facts;
  facts.crowded ||= said.size > PARTICIPANTS_MAX || named.size > PARTICIPANTS_MAX || events.size > EVENTS_MAX;
  if (!facts.crowded) return;
  said.clear();
  named.clear();
  events.clear();
}

const textOf = ({ outcome, csn, restored }: EventFact): string => `${outcome} ${csn} ${restored}`;

type Line = [string, number | null, number | null, [string, number][], EventFact[], string[], 0 | 1];

/** One line of a spill file; JSON knows no Infinity. */
export function encodeFacts(id: string, facts: Facts): string {
  const time = (ms: number) => (ms === Number.POSITIVE_INFINITY ? null : ms);
  const { said, events, named, crowded } = facts;
  const line: Line = [
    id,
    time(facts.saidMs),
    time(facts.eventMs),
    [...said],
    [...events.values()],
    [...named],
    crowded ? 1 : 0,
  ];
  return JSON.stringify(line);
}

/** Reads what `encodeFacts` has written. */
export function decodeFacts(text: string): { readonly id: string; readonly facts: Facts } {
  const [id, saidMs, eventMs, said, events, named, crowded] = JSON.parse(text) as Line;
  const facts: Facts = {
    saidMs: saidMs ?? Number.POSITIVE_INFINITY,
    eventMs: eventMs ?? Number.POSITIVE_INFINITY,
    said: new Map(said),
    events: new Map(events.map((event) => [textOf(event), event])),
    named: new Set(named),
    crowded: crowded === 1,
  };
  return { id, facts };
}

/** Whether a participant has said something. */
export const hasSaid = (bits: number, said: Said): boolean => (bits & SAID[said]) !== 0;

/** What the bits stand for, for people. */
export const wordsOf = (bits: number): Said[] => (Object.keys(SAID) as Said[]).filter((said) => hasSaid(bits, said));
