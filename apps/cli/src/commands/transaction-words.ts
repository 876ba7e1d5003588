/** How a transaction reads to people. */
import type { Branch, Timeline, Transaction } from '@concordat/client';
import { printable } from '../printable.js';
import { type Cell, fieldLines, tableLines } from '../table.js';
import type { Terminal } from '../terminal.js';
import { durationInWords, NOTHING, orNothing, outcomeOf, stateCell, timeInWords } from '../words.js';

const DETAIL_LENGTH_MAX = 200;

export function showLines(terminal: Terminal, transaction: Transaction, timeline?: Timeline): string[] {
  const { id, isolation, serializable, snapshot, createdAt, decidedAt, completedAt, outcomeReason } = transaction;
  const reason: [string, Cell][] = outcomeReason ? [['reason', `${outcomeReason.code}: ${outcomeReason.message}`]] : [];
  return [
    ...fieldLines(terminal, [
      ['transaction', id],
      ['status', stateCell(transaction.status)],
      ['outcome', stateCell(orNothing(outcomeOf(transaction)))],
      ...reason,
      ['label', orNothing(transaction.label)],
      ['isolation', `${isolation}${serializable ? ', serializable' : ''}`],
      ['snapshot', orNothing(snapshot)],
      ['csn', orNothing(transaction.csn)],
      ['created', timeInWords(createdAt)],
      ['deadline', timeInWords(transaction.deadlineAt)],
      ['decided', since(createdAt, decidedAt)],
      ['completed', since(createdAt, completedAt)],
    ]),
    '',
    ...tableLines(
      terminal,
      [
        { title: 'BRANCH', cell: (branch) => branch.id },
        { title: 'PARTICIPANT', cell: (branch) => branch.participant },
        { title: 'OPERATION', cell: (branch) => branch.operation },
        { title: 'STATUS', cell: (branch) => stateCell(branch.status) },
        { title: 'RESULT', cell: resultOf },
      ],
      transaction.branches,
      'It has no branch.',
    ),
    ...(timeline?.known ? ['', ...stepLines(terminal, timeline)] : []),
  ];
}

/** One state, on one line. */
export function watchLine({ paint }: Terminal, { status, branches, outcomeReason, ...rest }: Transaction): string {
  const outcome = outcomeOf({ status, branches, outcomeReason, ...rest });
  const end = outcome && outcome !== status ? ` (${outcome})` : '';
  const word = `${status}${end}`.padEnd(22);
  const style = outcome === 'aborted' ? 'bad' : outcome === 'committed' ? 'good' : 'attention';
  const parts = branches.map((one) => `${one.participant}/${one.operation} ${one.status}`);
  const reason = outcomeReason ? `; ${outcomeReason.code}: ${outcomeReason.message}` : '';
  return `${paint(style, word)} ${printable(`${parts.join(', ') || 'no branch'}${reason}`)}`;
}

function resultOf({ result, reason }: Branch): string {
  if (reason) return `${reason.code}: ${reason.message}`;
  if (result === null || result === undefined) return NOTHING;
  const text = JSON.stringify(result);
  return text.length > DETAIL_LENGTH_MAX ? `${text.slice(0, DETAIL_LENGTH_MAX)}…` : text;
}

const since = (start: string, end: string | null): string =>
  end === null ? NOTHING : `${timeInWords(end)} (+${durationInWords(Date.parse(end) - Date.parse(start))})`;

const stepLines = (terminal: Terminal, { marks, cut, fromBegin }: Timeline): string[] => [
  ...tableLines(
    terminal,
    [
      { title: 'AFTER', right: true, cell: ({ atMs }) => `${atMs.toFixed(2)} ms` },
      { title: 'STEP', cell: ({ step }) => step },
      { title: 'PARTICIPANT', cell: ({ participant }) => orNothing(participant) },
      { title: 'DETAIL', cell: ({ detail }) => orNothing(detail) },
    ],
    marks,
    'The leader remembers no step of it.',
  ),
  ...(fromBegin ? [] : ['Times count from when this leader took it up.']),
  ...(cut ? ['There were more steps than are kept.'] : []),
];
