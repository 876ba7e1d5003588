import type { Timeline, Transaction, TransactionList } from '@concordat/client';
import { ConcordatError } from '@concordat/client';
import { type Command, type Given, type Option, YES } from '../command.js';
import { usage } from '../failure.js';
import { tableLines } from '../table.js';
import { orNothing, outcomeOf, stateCell, timeInWords } from '../words.js';
import { showLines, watchLine } from './transaction-words.js';

const STATUSES = [
  'active',
  'preparing',
  'committed',
  'aborted',
  'completed',
] as const satisfies readonly Transaction['status'][];

const ID = { name: 'ID' };
const WAIT: Option = {
  value: 'HOW-FAR',
  summary: 'decided: the outcome is durable; completed: every branch is finalised as well',
  choices: ['decided', 'completed'],
};

export const transactionCommands: readonly Command[] = [
  {
    words: ['transactions', 'list'],
    summary: 'Lists transactions, newest first.',
    options: {
      status: { value: 'STATUS', summary: 'only of this status', choices: STATUSES },
      participant: { value: 'NAME', summary: 'only with a branch there' },
      label: { value: 'TEXT', summary: 'only with this label' },
      limit: { value: 'N', summary: 'how many at most, up to 200; 20 when left out' },
      cursor: { value: 'TEXT', summary: 'the next page, as the one before named it' },
    },
    calls: true,
    run: list,
  },
  {
    words: ['transactions', 'show'],
    summary: 'Shows a transaction, its branches, and its steps while the leader remembers them.',
    argument: ID,
    options: { wait: WAIT },
    calls: true,
    run: show,
  },
  {
    words: ['transactions', 'watch'],
    summary: 'Shows the states of a transaction as they come, until it is completed.',
    argument: ID,
    options: {},
    calls: true,
    run: watch,
  },
  {
    words: ['transactions', 'commit'],
    summary: 'Commits a transaction: all branches or none.',
    argument: ID,
    options: { wait: WAIT },
    calls: true,
    run: (given) => end(given, 'commit'),
  },
  {
    words: ['transactions', 'rollback'],
    summary: 'Rolls a transaction back: no branch takes effect.',
    argument: ID,
    options: { wait: WAIT },
    calls: true,
    run: (given) => end(given, 'rollback'),
  },
  {
    words: ['transactions', 'resolve'],
    summary: 'Ends what is in doubt, as an operator; see docs/in-doubt.md for what that may be.',
    argument: ID,
    options: {
      outcome: {
        value: 'OUTCOME',
        summary: 'what is decided, or aborted where nothing is',
        choices: ['committed', 'aborted'],
      },
      reason: { value: 'TEXT', summary: 'why, for the audit trail' },
      yes: YES,
    },
    calls: true,
    run: resolve,
  },
];

const LIST_LIMIT_DEFAULT = 20;

async function list(given: Given): Promise<void> {
  const { terminal, one, number } = given;
  const { get } = await given.coordinator();
  const page = await get<TransactionList>('/v1/transactions', {
    status: one('status'),
    participant: one('participant'),
    label: one('label'),
    limit: number('limit') ?? LIST_LIMIT_DEFAULT,
    cursor: one('cursor'),
  });
  terminal.result(page, [
    ...tableLines(
      terminal,
      [
        { title: 'TRANSACTION', whole: true, cell: ({ id }) => id },
        { title: 'STATUS', cell: ({ status }) => status },
        { title: 'OUTCOME', cell: (transaction) => stateCell(orNothing(outcomeOf(transaction))) },
        { title: 'CREATED', cell: ({ createdAt }) => timeInWords(createdAt) },
        { title: 'PARTICIPANTS', cell: ({ branches }) => orNothing(participantsOf(branches)) },
        { title: 'REASON', cell: ({ outcomeReason }) => orNothing(outcomeReason?.code) },
        { title: 'LABEL', cell: ({ label }) => orNothing(label) },
      ],
      page.items,
      'There is no such transaction.',
    ),
    ...(page.nextCursor === null ? [] : ['', `more with --cursor ${page.nextCursor}`]),
  ]);
}

const participantsOf = (branches: Transaction['branches']): string =>
  [...new Set(branches.map(({ participant }) => participant))].join(', ');

async function show(given: Given): Promise<void> {
  const { terminal, argument: id } = given;
  const { client, get } = await given.coordinator();
  const wait = waitOf(given);
  const transaction = await client.get(id, wait ? { wait } : {});
  if (terminal.json) return terminal.result(transaction, []);
  const timeline = await get<Timeline>(`${pathOf(id)}/timeline`).catch((error: unknown) => {
    if (error instanceof ConcordatError) return undefined; // the steps are an extra
    throw error;
  });
  terminal.result(transaction, showLines(terminal, transaction, timeline));
}

async function watch(given: Given): Promise<void> {
  const { terminal, argument: id } = given;
  const { client } = await given.coordinator();
  await client.get(id); // a coordinator that does not answer is told, where watching would wait for it
  for await (const transaction of client.watch(id)) {
    terminal.result(transaction, [watchLine(terminal, transaction)]);
  }
}

async function end(given: Given, how: 'commit' | 'rollback'): Promise<void> {
  const { terminal, argument: id } = given;
  const { send } = await given.coordinator();
  const body = { wait: waitOf(given) };
  const transaction = await send<Transaction>({ method: 'POST', path: `${pathOf(id)}/${how}`, body, repeatable: true });
  terminal.result(transaction, showLines(terminal, transaction));
}

async function resolve(given: Given): Promise<void> {
  const { terminal, argument: id, one } = given;
  const [outcome, reason] = [one('outcome'), one('reason')];
  if (outcome === undefined) throw usage('Say with --outcome how it is to end: committed or aborted.');
  if (reason === undefined) throw usage('Say why with --reason; the audit trail keeps it.');
  const { client, send } = await given.coordinator();
  const present = await client.get(id).catch((error: unknown) => {
    if (error instanceof ConcordatError && error.code === 'transaction-not-found') return undefined; // an orphan
    throw error;
  });
  const state = present
    ? `${present.status}, at ${orNothing(participantsOf(present.branches))}`
    : 'of which only participants know';
  await given.confirm(`Resolve ${id} (${state}) as ${outcome}? What participants have not done by then is given up.`);
  const body = { outcome, reason };
  const resolved = await send<Transaction>({ method: 'POST', path: `${pathOf(id)}/resolve`, body, repeatable: true });
  terminal.result(resolved, showLines(terminal, resolved));
}

const pathOf = (id: string): string => `/v1/transactions/${encodeURIComponent(id)}`;

const waitOf = ({ one }: Given): 'decided' | 'completed' | undefined =>
  one('wait') as 'decided' | 'completed' | undefined; // one of its choices
