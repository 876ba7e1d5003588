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
  readonly tone?: 'good' | 'bad';
}

/** A part of the whole time. */
export interface Span {
  readonly name: string;
  readonly ms: number;
}

export interface Layout {
  readonly lanes: readonly string[];
  readonly rows: readonly Row[];
  readonly spans: readonly Span[];
}

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

export function layoutTimeline(marks: readonly Mark[]): Layout {
  const lanes = [...new Set(marks.flatMap(({ participant }) => participant ?? []))];
  const asked = new Map<string, number>();
  const rows = marks.map((mark) => {
    const row = rowOf(mark, asked);
    if (mark.step.startsWith('sent-')) {
      const key = `${mark.step} ${mark.participant}`;
      if (!asked.has(key)) asked.set(key, mark.atMs); // an answer may be to any of those sent again
    }
    return row;
  });
  return { lanes, rows, spans: spansOf(marks) };
}

function rowOf({ step, atMs, participant, detail }: Mark, asked: ReadonlyMap<string, number>): Row {
  if (step.startsWith('sent-')) {
    const again = asked.has(`${step} ${participant}`) ? ' again' : '';
    const label = `${step.slice('sent-'.length)}${again}`;
    return { atMs, label, direction: 'to', ...(participant && { lane: participant }) };
  }
  const since = (ASKED_BY[step] ?? []).flatMap((question) => asked.get(`${question} ${participant}`) ?? []);
  const tone = toneOf(detail);
  const label = participant ? (detail ?? step) : `${AT_COORDINATOR[step] ?? step}${detail ? `: ${detail}` : ''}`;
  return {
    atMs,
    label: step === 'vote' ? `vote: ${label}` : step === 'done' ? `done: ${label}` : label,
    ...(participant && { lane: participant, direction: 'from' as const }),
    ...(since.length > 0 && { tookMs: atMs - Math.min(...since) }),
    ...(tone && { tone }),
  };
}

function toneOf(detail: string | undefined): 'good' | 'bad' | undefined {
  if (detail === 'refused' || detail === 'aborted' || detail === 'hazard') return 'bad';
  return detail === 'committed' ? 'good' : undefined;
}

/** Where the time went: each part lasts from the end of the one before to its own last step. */
function spansOf(marks: readonly Mark[]): Span[] {
  const lastOf = (...steps: string[]): number | undefined => marks.findLast(({ step }) => steps.includes(step))?.atMs;
  const parts: [string, number | undefined][] = [
    ['open', marks.find(({ step }) => step === 'sent-prepare')?.atMs],
    ['prepare', marks.find(({ step }) => step === 'settled')?.atMs],
    ['decide', lastOf('decided')],
    ['finalise', lastOf('done')],
    ['forget', lastOf('completed')],
  ];
  let before = 0;
  return parts.flatMap(([name, until]) => {
    if (until === undefined || until < before) return [];
    const span = { name, ms: until - before };
    before = until;
    return [span];
  });
}
