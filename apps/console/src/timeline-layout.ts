/** Makes a sequence of the steps of one transaction: who told whom, when, and how long the answer took. */

export interface Mark {
  readonly step: string;
  readonly atMs: number;
  readonly participant?: string;
  readonly detail?: string;
}

/** One line of the drawing. */
export interface Row {
  readonly atMs: number;
  readonly label: string;
  /** The participant that it goes to or comes from; undefined: it happens at the coordinator. */
  readonly lane?: string;
  readonly direction?: 'to' | 'from';
  /** Since what it answers, in ms. */
  readonly tookMs?: number;
  readonly tone?: 'good' | 'warn' | 'bad';
  /** It was asked for and has not come: `tookMs` is how long it has been waited for, as of the last step. */
  readonly isAwaited?: boolean;
}

/** A part of the whole time. */
export interface Span {
  readonly name: string;
  readonly ms: number;
  /** It is not over: this long by now. */
  readonly isOpen?: boolean;
}

export interface Layout {
  readonly lanes: readonly string[];
  readonly rows: readonly Row[];
  readonly spans: readonly Span[];
}

const AGAIN = ' again';
/** What an answer answers. */
const ASKED_BY: Readonly<Record<string, readonly string[]>> = {
  executed: ['sent-execute'],
  vote: ['sent-prepare'],
  done: ['sent-commit', 'sent-rollback'],
};
const AT_COORDINATOR: Readonly<Record<string, string>> = {
  begun: 'begun',
  settled: 'outcome settled, proposed to the log',
  decided: 'decision durable',
  completed: 'completed',
};

/** @param isCut whether there were more steps than these: what is not among them may have come all the same */
export function layoutTimeline(marks: readonly Mark[], isCut = false): Layout {
  const lanes = [...new Set(marks.flatMap(({ participant }) => participant ?? []))];
  const asked = new Asked();
  const rows = marks.map((mark) => {
    const row = rowOf(mark, asked);
    if (mark.step.startsWith('sent-')) asked.note(mark);
    else if (mark.participant) asked.answer(mark);
    return row;
  });
  const awaited = isCut ? [] : asked.open.map((question) => awaitedRow(question, marks.at(-1)?.atMs ?? 0));
  return { lanes, rows: [...withoutRepetitions(rows), ...awaited], spans: spansOf(marks) };
}

/** What comes again and again while somebody is waited for is drawn once, the last time, with how often. */
function withoutRepetitions(rows: readonly Row[]): readonly Row[] {
  const keyOf = ({ label, lane, direction }: Row): string => `${label} ${direction} ${lane}`;
  const counts = new Map<string, number>();
  for (const row of rows.filter(isRepetition)) counts.set(keyOf(row), (counts.get(keyOf(row)) ?? 0) + 1);
  return rows.flatMap((row, index) => {
    if (!isRepetition(row)) return [row];
    if (rows.slice(index + 1).some((later) => keyOf(later) === keyOf(row))) return [];
    const count = counts.get(keyOf(row)) ?? 1;
    return [count > 1 ? { ...row, label: `${row.label} ×${count}` } : row];
  });
}

const isRepetition = ({ label }: Row): boolean => label.endsWith(AGAIN);

/** What participants were asked. */
class Asked {
  /** When first: an answer may be to any of those sent again. By question and participant, in ms. */
  readonly #since = new Map<string, Mark>();
  readonly #open = new Map<string, Mark>();
  readonly #votes = new Set<string>();

  get open(): readonly Mark[] {
    return [...this.#open.values()];
  }

  note(mark: Mark): void {
    const key = `${mark.step} ${mark.participant}`;
    if (!this.#since.has(key)) this.#since.set(key, mark);
    if (mark.step === 'sent-rollback') this.#open.delete(`sent-prepare ${mark.participant}`); // its vote matters no more
    if (!this.#open.has(key)) this.#open.set(key, mark);
  }

  answer({ step, participant = '' }: Mark): void {
    for (const question of ASKED_BY[step] ?? []) this.#open.delete(`${question} ${participant}`);
    // The next operation that runs at once is another question.
    if (step === 'executed') this.#since.delete(`sent-execute ${participant}`);
    if (step === 'vote') this.#votes.add(participant);
  }

  hasVoted(participant: string): boolean {
    return this.#votes.has(participant);
  }

  /** @returns in ms; undefined where it was not asked */
  since(step: string, participant = ''): number | undefined {
    return this.#since.get(`${step} ${participant}`)?.atMs;
  }
}

const awaitedRow = ({ step, atMs, participant }: Mark, nowMs: number): Row => ({
  atMs: nowMs,
  label: `${step === 'sent-prepare' ? 'vote' : step === 'sent-execute' ? 'result' : 'done'} awaited`,
  ...(participant && { lane: participant, direction: 'from' as const }),
  tookMs: nowMs - atMs,
  isAwaited: true,
});

function rowOf({ step, atMs, participant, detail }: Mark, asked: Asked): Row {
  if (step.startsWith('sent-')) {
    const again = asked.since(step, participant) === undefined ? '' : AGAIN;
    const label = `${step.slice('sent-'.length)}${again}`;
    return { atMs, label, direction: 'to', ...(participant && { lane: participant }) };
  }
  const isRepeated = step === 'vote' && participant !== undefined && asked.hasVoted(participant);
  const since = isRepeated
    ? []
    : (ASKED_BY[step] ?? []).flatMap((question) => asked.since(question, participant) ?? []);
  const tone = toneOf(detail);
  return {
    atMs,
    label: labelOf(step, participant, detail, asked),
    ...(participant && { lane: participant, direction: 'from' as const }),
    ...(since.length > 0 && { tookMs: atMs - Math.min(...since) }),
    ...(tone && { tone }),
  };
}

function labelOf(step: string, participant: string | undefined, detail: string | undefined, asked: Asked): string {
  if (participant === undefined) return `${AT_COORDINATOR[step] ?? step}${detail ? `: ${detail}` : ''}`;
  if (step === 'vote') return `vote: ${detail}${asked.hasVoted(participant) ? AGAIN : ''}`;
  return step === 'done' ? `done: ${detail}` : (detail ?? step);
}

/** As everywhere in the console: aborting is what somebody may well have wanted. */
function toneOf(detail: string | undefined): Row['tone'] {
  if (detail === 'refused' || detail === 'hazard') return 'bad';
  if (detail === 'aborted') return 'warn';
  return detail === 'committed' ? 'good' : undefined;
}

/**
 * Where the time went: each part lasts from the end of the one before to its own last step. What is rolled back before anybody
 * was asked to prepare has no such part: until then it was open.
 */
function spansOf(marks: readonly Mark[]): Span[] {
  const firstOf = (step: string): number | undefined => marks.find((mark) => mark.step === step)?.atMs;
  const lastOf = (step: string): number | undefined => marks.findLast((mark) => mark.step === step)?.atMs;
  const settled = firstOf('settled');
  const prepare = firstOf('sent-prepare');
  const parts: [string, number | undefined][] = [
    ['open', prepare ?? settled],
    ['prepare', prepare === undefined ? undefined : settled],
    ['decide', lastOf('decided')],
    ['finalise', lastOf('done')],
    ['forget', lastOf('completed')],
  ];
  let before = 0;
  const spans = parts.flatMap(([name, until]): Span[] => {
    if (until === undefined || until < before) return [];
    const span = { name, ms: until - before };
    before = until;
    return [span];
  });
  const lastMs = marks.at(-1)?.atMs ?? 0;
  if (lastOf('completed') !== undefined || lastMs <= before) return spans;
  return [...spans, { name: nextAfter(spans.at(-1)?.name), ms: lastMs - before, isOpen: true }];
}

/** The part that is under way once another is over. */
function nextAfter(name: string | undefined): string {
  if (name === undefined) return 'open';
  return { open: 'prepare', prepare: 'decide', decide: 'finalise' }[name] ?? 'forget';
}
