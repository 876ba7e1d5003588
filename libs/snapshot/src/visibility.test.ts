import type { StatusAnswer } from '@concordat/protocol';
import { describe, expect, it } from '@jest/globals';
import { chooseVisible, type Found, type Version } from './visibility.js';

const SNAPSHOT = 5;
const version = (transactionId: string, row: Version['row'] = { by: transactionId }): Version => ({
  row,
  transactionId,
  matches: true,
});
const old = version('old');

/** Chooses for one row: what each read finds, what each question is answered with. */
async function choose(reads: readonly Found[], answers: Record<string, StatusAnswer>) {
  const asked: string[] = [];
  const [first = {}, ...later] = reads;
  const visible = await chooseVisible(new Map([['k', first]]), {
    snapshot: SNAPSHOT,
    statuses: {
      at: async (ids, minCsn) => {
        expect(minCsn).toBe(SNAPSHOT);
        asked.push(...ids);
        return new Map(ids.map((id) => [id, answers[id] ?? { status: 'unknown' }]));
      },
    },
    readAgain: async (keys) => new Map(keys.map((key) => [key, later.shift() ?? {}])),
  });
  return { by: visible.get('k')?.transactionId, asked };
}

describe('what a snapshot shows of a row with an intent', () => {
  it('S1: an intent whose transaction committed at or below the snapshot', async () => {
    const { by } = await choose([{ intent: version('t'), version: old }], { t: { status: 'committed', csn: 5 } });
    expect(by).toBe('t');
  });

  it.each<StatusAnswer>([{ status: 'committed', csn: 6 }, { status: 'undecided' }, { status: 'aborted' }])(
    'S1: the version before it, if the answer is %j',
    async (answer) => {
      expect((await choose([{ intent: version('t'), version: old }], { t: answer })).by).toBe('old');
    },
  );

  it('S1: nothing where the intent that is visible is a deletion', async () => {
    const found = { intent: version('t', null), version: old };
    expect((await choose([found], { t: { status: 'committed', csn: 5 } })).by).toBeUndefined();
  });

  it('asks about nobody where there is no intent', async () => {
    expect(await choose([{ version: old }], {})).toEqual({ by: 'old', asked: [] });
  });

  it('S1: what is there now, if the intent of an unknown transaction is gone', async () => {
    const { by } = await choose([{ intent: version('t'), version: old }, { version: version('t') }], {});
    expect(by).toBe('t');
  });

  it('S1: nothing, if the row is gone with the intent of an unknown transaction', async () => {
    expect((await choose([{ intent: version('t') }, {}], {})).by).toBeUndefined();
  });

  it('S1: the version before it, if the very same intent of an unknown transaction remains; it is not asked again', async () => {
    const found = { intent: version('t'), version: old };
    expect(await choose([found, found], {})).toEqual({ by: 'old', asked: ['t'] });
  });

  it('S1: asks about another intent in the place of the unknown one', async () => {
    const reads = [
      { intent: version('t'), version: old },
      { intent: version('u'), version: version('t') },
    ];
    expect(await choose(reads, { u: { status: 'committed', csn: 4 } })).toEqual({ by: 'u', asked: ['t', 'u'] });
    expect((await choose(reads, { u: { status: 'committed', csn: 9 } })).by).toBe('t');
  });

  it('gives up, retryably, on a row that has another unknown writer each time', async () => {
    const reads = Array.from({ length: 100 }, (_, index) => ({ intent: version(`t${index}`) }));
    await expect(choose(reads, {})).rejects.toMatchObject({ code: 'snapshot-unavailable', retryable: true });
  });
});
