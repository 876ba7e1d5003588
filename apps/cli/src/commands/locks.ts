import type { Lock, LockList } from '@concordat/client';
import type { Command, Given } from '../command.js';
import { tableLines } from '../table.js';
import { durationInWords, NOTHING, orNothing, timeInWords } from '../words.js';

export const locksCommand: Command = {
  words: ['locks'],
  summary: 'Lists the locks that are held, with who holds them; of one shows all holders and who waits.',
  argument: { name: 'NAME', optional: true },
  options: {
    prefix: { value: 'TEXT', summary: 'only names that begin with this' },
    limit: { value: 'N', summary: 'how many at most, up to 200; 50 when left out' },
    cursor: { value: 'TEXT', summary: 'the next page, as the one before named it' },
  },
  calls: true,
  run: locks,
};

async function locks(given: Given): Promise<void> {
  const { terminal, argument: name, one, number } = given;
  const { get } = await given.coordinator();
  if (name !== '') {
    const lock = await get<Lock>(`/v1/locks/${encodeURIComponent(name)}`);
    return terminal.result(
      lock,
      lock.holders.length === 0 ? [`Nobody holds it, ${orNothing(lock.waiting)} wait.`] : inWords(given, [lock]),
    );
  }
  const page = await get<LockList>('/v1/locks', {
    prefix: one('prefix'),
    limit: number('limit'),
    cursor: one('cursor'),
  });
  terminal.result(page, [
    ...inWords(given, page.items),
    ...(page.nextCursor === null ? [] : ['', `more with --cursor ${page.nextCursor}`]),
  ]);
}

function inWords({ terminal }: Given, items: readonly Lock[]): string[] {
  const holds = items.flatMap((lock) => lock.holders.map((holder) => ({ lock, holder })));
  return tableLines(
    terminal,
    [
      { title: 'LOCK', whole: true, cell: ({ lock }) => lock.name },
      { title: 'MODE', cell: ({ holder }) => holder.mode },
      { title: 'OWNER', cell: ({ holder }) => holder.owner },
      { title: 'TOKEN', right: true, cell: ({ holder }) => `${holder.fencingToken}` },
      { title: 'SINCE', cell: ({ holder }) => timeInWords(holder.grantedAt) },
      { title: 'LEFT', right: true, cell: ({ holder }) => durationInWords(holder.ttlRemainingMs) },
      { title: 'SESSION', cell: ({ holder }) => holder.session ?? NOTHING },
      { title: 'WAITING', right: true, cell: ({ lock }) => orNothing(lock.waiting) },
    ],
    holds,
    'No lock is held.',
  );
}
