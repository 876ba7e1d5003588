import type { InDoubt } from '@concordat/client';
import type { Command, Given } from '../command.js';
import { tableLines } from '../table.js';
import { durationInWords, NOTHING, orNothing, stateCell } from '../words.js';

/** Checked against the types made of openapi.json. */
const CAUSES = [
  'hazard',
  'orphan',
  'reconciling',
  'participant-down',
  'finalising',
  'voting',
  'unconfirmed',
] as const satisfies readonly InDoubt['items'][number]['cause'][];

export const inDoubtCommand: Command = {
  words: ['in-doubt'],
  summary: 'Lists what is in doubt, hazards first, then the oldest; see docs/in-doubt.md.',
  options: {
    participant: { value: 'NAME', summary: 'only what waits for this one' },
    cause: { value: 'CAUSE', summary: 'only of this cause', choices: CAUSES },
    'min-age-ms': { value: 'MS', summary: 'leaves out what is younger, but for hazards; 1000 when left out' },
    limit: { value: 'N', summary: 'how many at most, up to 200; 50 when left out' },
  },
  calls: true,
  run: inDoubt,
};

async function inDoubt(given: Given): Promise<void> {
  const { terminal, one, number } = given;
  const { get } = await given.coordinator();
  const found = await get<InDoubt>('/v1/in-doubt', {
    participant: one('participant'),
    cause: one('cause'),
    minAgeMs: number('min-age-ms'),
    limit: number('limit'),
  });
  terminal.result(found, [
    ...tableLines(
      terminal,
      [
        { title: 'TRANSACTION', whole: true, cell: (item) => item.transactionId },
        { title: 'CAUSE', cell: (item) => stateCell(item.cause) },
        { title: 'OUTCOME', cell: (item) => (item.outcome ? stateCell(item.outcome) : NOTHING) },
        { title: 'AGE', right: true, cell: (item) => durationInWords(item.ageMs) },
        { title: 'WAITS FOR', cell: (item) => orNothing(item.branches.map(waitOf).join('; ')) },
        { title: 'LABEL', cell: (item) => orNothing(item.label) },
      ],
      found.items,
      'Nothing is in doubt.',
    ),
    ...(found.items.length < found.total ? ['', `the first ${found.items.length} of ${found.total}`] : []),
    ...found.participants.flatMap(holdings),
  ]);
}

const waitOf = ({ participant, awaits, health, error }: InDoubt['items'][number]['branches'][number]): string =>
  `${awaits} of ${participant} (${health})${error ? `: ${error}` : ''}`;

const holdings = (one: InDoubt['participants'][number]): string[] => [
  `${one.participant} (${one.health}) holds ${one.preparedCount} prepared, the oldest for ${durationInWords(one.oldestInDoubtMs)}` +
    (one.foreignPrepared > 0 ? `, and ${one.foreignPrepared} of no transaction` : ''),
];
