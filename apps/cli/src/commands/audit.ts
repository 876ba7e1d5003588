import { setTimeout as sleep } from 'node:timers/promises';
import type { Audit, AuditList } from '@concordat/client';
import type { Command, Given } from '../command.js';
import type { Coordinator } from '../coordinator.js';
import { CommandFailure, usage } from '../failure.js';
import { fieldLines, tableLines } from '../table.js';
import { countInWords, durationInWords, NOTHING, orNothing, stateCell, timeInWords } from '../words.js';

const PATH = '/v1/audits';
const LOOK_EVERY_MS = 300;
const VIOLATIONS_SHOWN_MAX = 100;

export const auditCommands: readonly Command[] = [
  {
    words: ['audit'],
    summary: 'Audits what Kafka holds of all transactions, waits for the end, and ends with 7 if there are violations.',
    options: {
      from: { value: 'TIME', summary: 'what participants said from this time on, such as 2026-11-21T00:00:00Z' },
      to: { value: 'TIME', summary: '… and before this time' },
      'settle-ms': {
        value: 'MS',
        summary: 'how long a transaction may be on its way before what is missing counts; 900000 when left out',
      },
      'no-wait': { summary: 'starts it and says its id' },
    },
    calls: true,
    run: start,
  },
  {
    words: ['audit', 'list'],
    summary: 'Lists the audits that the replicas keep, newest first.',
    options: {},
    calls: true,
    run: list,
  },
  {
    words: ['audit', 'show'],
    summary: 'Shows how far an audit is and what it has found.',
    argument: { name: 'ID' },
    options: {},
    calls: true,
    run: async (given) => {
      const coordinator = await given.coordinator();
      const audit = await read(coordinator, given.argument);
      given.terminal.result(audit, inWords(given, audit));
    },
  },
];

async function start(given: Given): Promise<void> {
  const { one, number, flag, terminal } = given;
  const coordinator = await given.coordinator();
  const body = { from: timeOf('from', one('from')), to: timeOf('to', one('to')), settleMs: number('settle-ms') };
  let audit = await coordinator.send<Audit>({ method: 'POST', path: PATH, body });
  if (flag('no-wait')) return terminal.result(audit, [`It runs. Next: concordat audit show ${audit.id}`]);
  while (audit.status === 'running') {
    const { stage, fraction, recordsRead, recordsTotal } = audit.progress;
    terminal.progress(`${stage}: ${recordsRead} of ${countInWords(recordsTotal, 'record')}`, fraction);
    await sleep(LOOK_EVERY_MS);
    audit = await read(coordinator, audit.id);
  }
  terminal.result(audit, inWords(given, audit));
  if (audit.status === 'failed') {
    throw new CommandFailure('failed', `The audit failed: ${audit.failure}.`, 'Mend that, and audit again.');
  }
  if (audit.violationsTotal > 0) {
    throw new CommandFailure(
      'violations',
      `The audit has found ${countInWords(audit.violationsTotal, 'violation')}.`,
      'docs/audit.md says what each means and what to do.',
    );
  }
}

function timeOf(name: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) throw usage(`--${name} is a time such as 2026-11-21T00:00:00Z.`);
  return time.toISOString();
}

const read = ({ get }: Coordinator, id: string): Promise<Audit> =>
  get<Audit>(`${PATH}/${encodeURIComponent(id)}`, { limit: VIOLATIONS_SHOWN_MAX });

async function list(given: Given): Promise<void> {
  const { get } = await given.coordinator();
  const found = await get<AuditList>(PATH);
  given.terminal.result(found, [
    ...tableLines(
      given.terminal,
      [
        { title: 'AUDIT', whole: true, cell: ({ id }) => id },
        { title: 'STATUS', cell: ({ status }) => stateCell(status) },
        { title: 'NODE', right: true, cell: ({ nodeId }) => `${nodeId}` },
        { title: 'STARTED', cell: ({ createdAt }) => timeInWords(createdAt) },
        { title: 'TRANSACTIONS', right: true, cell: ({ transactions }) => `${transactions}` },
        { title: 'VIOLATIONS', right: true, cell: ({ violationsTotal }) => countCell(violationsTotal) },
        { title: 'BY', cell: ({ actor }) => actor },
      ],
      found.items,
      'No audit is kept. Next: concordat audit',
    ),
    ...(found.unreachable.length > 0
      ? ['', `not asked, since they did not answer: nodes ${found.unreachable.join(', ')}`]
      : []),
  ]);
}

const countCell = (count: number) => ({ text: `${count}`, style: count > 0 ? ('bad' as const) : ('good' as const) });

function inWords({ terminal }: Given, audit: Audit): string[] {
  const { verdicts, records, progress } = audit;
  const took = audit.endedAt === null ? null : Date.parse(audit.endedAt) - Date.parse(audit.createdAt);
  const counts = (of: Readonly<Record<string, number>>) =>
    Object.entries(of)
      .map(([name, count]) => `${count} ${name}`)
      .join(', ');
  return [
    ...fieldLines(terminal, [
      ['audit', audit.id],
      ['status', stateCell(audit.status)],
      ...(audit.failure ? [['failure', audit.failure] as const] : []),
      ...(audit.status === 'running' ? [['progress', `${Math.floor(progress.fraction * 100)} %`] as const] : []),
      ['took', took === null ? NOTHING : durationInWords(took)],
      ['window', `${orNothing(audit.window?.repliesFrom)} to ${orNothing(audit.window?.repliesTo)}`],
      ['records', counts(records)],
      ['transactions', `${audit.transactions}, of which ${audit.compared} compared with the coordinator's record`],
      ['verdicts', counts(verdicts)],
      ...(audit.notCompared ? [['not compared', audit.notCompared] as const] : []),
      ['violations', countCell(audit.violationsTotal)],
    ]),
    ...(audit.violations.length > 0 ? ['', ...violationLines(terminal, audit)] : []),
  ];
}

const violationLines = (terminal: Given['terminal'], { violations, violationsTotal }: Audit): string[] => [
  ...tableLines(
    terminal,
    [
      { title: 'TRANSACTION', whole: true, cell: ({ transactionId }) => transactionId },
      { title: 'VERDICT', cell: ({ verdict }) => ({ text: verdict, style: 'bad' }) },
      { title: 'CAUSES', cell: ({ causes }) => causes.join(', ') },
      {
        title: 'SAID',
        cell: ({ participants }) => participants.map(({ name, said }) => `${name} ${said.join('+')}`).join('; '),
      },
    ],
    violations,
    '',
  ),
  ...(violations.length < violationsTotal ? [`the first ${violations.length} of ${violationsTotal}`] : []),
];
