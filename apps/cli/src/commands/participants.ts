import type { Participant } from '@concordat/client';
import type { Command, Given } from '../command.js';
import { fieldLines, tableLines } from '../table.js';
import { durationInWords, NOTHING, stateCell, timeInWords } from '../words.js';

export const participantsCommand: Command = {
  words: ['participants'],
  summary: 'Lists the participants with health, lag and what they hold prepared; of one shows its operations too.',
  argument: { name: 'NAME', optional: true },
  options: {},
  calls: true,
  run: participants,
};

async function participants(given: Given): Promise<void> {
  const { terminal, argument: name } = given;
  const { client } = await given.coordinator();
  if (name !== '') {
    const participant = await client.participant(name);
    return terminal.result(participant, oneInWords(given, participant));
  }
  const items = await client.participants();
  terminal.result(
    { items },
    tableLines(
      terminal,
      [
        { title: 'PARTICIPANT', whole: true, cell: (one) => one.name },
        { title: 'HEALTH', cell: (one) => stateCell(one.health) },
        { title: 'SUSPICION', right: true, cell: (one) => one.suspicion?.toFixed(2) ?? NOTHING },
        { title: 'ISOLATION', cell: (one) => one.isolation },
        { title: 'INSTANCES', right: true, cell: (one) => `${one.instances}` },
        { title: 'LAG', right: true, cell: (one) => `${one.lag}` },
        { title: 'PREPARED', right: true, cell: (one) => `${one.preparedCount}` },
        { title: 'OLDEST', right: true, cell: (one) => durationInWords(one.oldestInDoubtMs) },
        { title: 'OPERATIONS', right: true, cell: (one) => `${one.operations.length}` },
      ],
      items,
      'No participant has announced itself.',
    ),
  );
}

function oneInWords({ terminal }: Given, one: Participant): string[] {
  return [
    ...fieldLines(terminal, [
      ['participant', one.name],
      ['health', stateCell(one.health)],
      ['suspicion', one.suspicion?.toFixed(2) ?? NOTHING],
      ['isolation', one.isolation],
      ['instances', `${one.instances}`],
      ['heartbeat', timeInWords(one.lastHeartbeatAt)],
      ['lag', `${one.lag}`],
      ['prepared', `${one.preparedCount}, the oldest for ${durationInWords(one.oldestInDoubtMs)}`],
    ]),
    '',
    ...tableLines(
      terminal,
      [
        { title: 'OPERATION', whole: true, cell: ({ name }) => name },
        { title: 'KIND', cell: ({ readOnly }) => (readOnly ? 'reads' : 'writes') },
        { title: 'INPUT', cell: ({ inputSchema }) => Object.keys(inputSchema.properties ?? {}).join(', ') || NOTHING },
      ],
      one.operations,
      'It offers no operation.',
    ),
  ];
}
