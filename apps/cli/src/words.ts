/** How values read to people. */
import type { Transaction } from '@concordat/client';
import type { Cell } from './table.js';
import type { Style } from './terminal.js';

export const NOTHING = '–';

const STYLE_OF: Readonly<Record<string, Style>> = {
  up: 'good',
  ready: 'good',
  committed: 'good',
  leader: 'strong',
  complete: 'good',
  completed: 'good',
  down: 'bad',
  hazard: 'bad',
  orphan: 'bad',
  refused: 'bad',
  aborted: 'bad',
  failed: 'bad',
  'not ready': 'bad',
  unknown: 'attention',
  preparing: 'attention',
  running: 'attention',
  learner: 'attention',
};

/** A state, coloured by whether it is good. */
export const stateCell = (state: string): Cell => ({ text: state, style: STYLE_OF[state] });

export const orNothing = (value: string | number | null | undefined): string =>
  value === null || value === undefined || value === '' ? NOTHING : String(value);

/** Such as 12 ms, 3.4 s, 5 min, 2.5 h, 3 d. */
export function durationInWords(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return NOTHING;
  const units = [
    [86_400_000, 'd'],
    [3_600_000, 'h'],
    [60_000, 'min'],
    [1_000, 's'],
  ] as const;
  for (const [size, name] of units) if (ms >= size) return `${rounded(ms / size)} ${name}`;
  return `${rounded(ms)} ms`;
}

const rounded = (value: number): string => (value < 10 ? value.toFixed(1).replace(/\.0$/, '') : value.toFixed(0));

/** In UTC, to the second. */
export const timeInWords = (time: string | null): string =>
  time === null ? NOTHING : time.replace('T', ' ').replace(/(\.\d+)?Z$/, 'Z');

/** What became of a transaction; `completed` alone does not say it. */
export function outcomeOf({ outcomeReason, decidedAt, status }: Transaction): 'committed' | 'aborted' | undefined {
  if (outcomeReason !== null || status === 'aborted') return 'aborted';
  return decidedAt === null ? undefined : 'committed';
}

export const countInWords = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;
