import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { generator } from '../product/generator.mjs';
import { checkLinearizability } from './linearizability.mjs';
import { seen, seenAbsent, told, transactionModel } from './transaction-model.mjs';

const UNKNOWN = Infinity;
const begin = { call: 'begin', branches: 2 };
const enlist = { call: 'enlist' };
const wantCommit = { call: 'want-commit' };
const view = (status, csn = null, branches = 2) =>
  seen({ status, csn, outcomeReason: null, branches: Array.from({ length: branches }) });
const [active, preparing, committed, completed] = [
  view('active'),
  view('preparing'),
  view('committed', 7),
  view('completed', 7),
];
const aborted = seen({ status: 'aborted', csn: null, outcomeReason: { code: 'timeout' }, branches: [] });

/** @param {[object, number, number][]} calls input, beginning, end */
const history = (calls, key = 'one') => calls.map(([input, beginsAt, endsAt]) => ({ key, input, beginsAt, endsAt }));
const check = (...calls) => checkLinearizability(transactionModel, history(calls));

const BEGUN = [begin, 0, 1];
const COMMITTED = [
  [wantCommit, 2, 9],
  [committed, 2, 9],
];

describe('histories of a transaction that are linearizable', () => {
  it.each([
    [
      'one step after the other',
      [BEGUN, [active, 2, 3], [wantCommit, 4, 9], [preparing, 5, 6], [committed, 7, 8], [completed, 10, 11]],
    ],
    [
      'reads that overlap a commit, in any order',
      [BEGUN, ...COMMITTED, [committed, 3, 5], [active, 3, 6], [preparing, 4, 7]],
    ],
    ['steps that nobody saw', [BEGUN, [wantCommit, 2, 3], [completed, 4, 5]]],
    ['an abort that nobody asked for', [BEGUN, [active, 2, 3], [aborted, 4, 5], [view('completed'), 6, 7]]],
    [
      'a commit of unknown outcome that took effect late',
      [BEGUN, [wantCommit, 2, UNKNOWN], [active, 50, 51], [preparing, 60, 61], [committed, 90, 91]],
    ],
    [
      'a commit of unknown outcome that never took effect',
      [BEGUN, [wantCommit, 2, UNKNOWN], [active, 50, 51], [aborted, 60, 61]],
    ],
    [
      'a begin of unknown outcome and its repetition',
      [
        [begin, 0, UNKNOWN],
        [begin, 5, 6],
        [active, 7, 8],
      ],
    ],
    [
      'a begin of unknown outcome that is seen',
      [
        [begin, 0, UNKNOWN],
        [seenAbsent, 1, 2],
        [active, 3, 4],
      ],
    ],
    [
      'an enlistment of unknown outcome',
      [BEGUN, [enlist, 2, UNKNOWN], [active, 3, 4], [view('active', null, 3), 5, 6]],
    ],
    [
      'an outcome told without a CSN, before and after it is read',
      [BEGUN, ...COMMITTED, [told('committed'), 3, 4], [completed, 10, 11], [told('committed'), 12, 13]],
    ],
  ])('%s', (_, calls) => {
    expect(check(...calls)).toEqual({ keys: 1, operations: calls.length, violations: [] });
  });
});

describe('histories of a transaction that are not linearizable', () => {
  it.each([
    ['a read that goes back', [BEGUN, [wantCommit, 2, UNKNOWN], [preparing, 3, 4], [active, 5, 6]]],
    ['a read that goes back behind the decision', [BEGUN, ...COMMITTED, [committed, 3, 4], [preparing, 5, 6]]],
    ['a read that goes back from completed', [BEGUN, ...COMMITTED, [completed, 3, 4], [committed, 5, 6]]],
    ['a stale read after an acknowledged commit', [BEGUN, ...COMMITTED, [preparing, 10, 11]]],
    ['a read of the future: of a commit before anybody asked for it', [BEGUN, [committed, 2, 3], [wantCommit, 4, 5]]],
    [
      'a read of the future: of a transaction before it was begun',
      [
        [active, 0, 1],
        [begin, 2, 3],
      ],
    ],
    ['an outcome that nobody asked for', [BEGUN, [preparing, 2, 3]]],
    ['two outcomes', [BEGUN, ...COMMITTED, [told('aborted'), 10, 11]]],
    ['two outcomes, read by two who overlap', [BEGUN, [wantCommit, 2, 3], [aborted, 4, 9], [committed, 4, 9]]],
    [
      'two outcomes, one of them of a commit of unknown outcome',
      [BEGUN, [wantCommit, 2, UNKNOWN], [aborted, 4, 5], [committed, 6, 7]],
    ],
    ['two CSNs', [BEGUN, ...COMMITTED, [view('completed', 8), 10, 11]]],
    ['an acknowledged transaction that is not there', [BEGUN, [seenAbsent, 2, 3]]],
    ['an acknowledged enlistment that is not there', [BEGUN, [enlist, 2, 3], [active, 4, 5]]],
    ['an acknowledged enlistment that is not part of the commit', [BEGUN, [enlist, 1.2, 1.4], ...COMMITTED]],
    ['an enlistment that is acknowledged after the end', [BEGUN, [aborted, 2, 3], [enlist, 4, 5]]],
  ])('%s', (_, calls) => {
    const { violations } = check(...calls);
    expect(violations).toEqual([
      expect.stringMatching(/^one is not linearizable: after \d+ calls in order, at .*, nothing explains /),
    ]);
  });

  it('are found among others that are', () => {
    const good = history([BEGUN, ...COMMITTED], 'good');
    const bad = history([BEGUN, ...COMMITTED, [active, 10, 11]], 'bad');
    const { keys, operations, violations } = checkLinearizability(transactionModel, [...bad, ...good]);
    expect({ keys, operations }).toEqual({ keys: 2, operations: 7 });
    expect(violations).toEqual([
      expect.stringMatching(/^bad is not .* at committed committed at 7 2 branches .*see active 2/),
    ]);
  });
});

describe('the search', () => {
  /** A register: writes need not be told apart by what they write. */
  const register = {
    initial: 0,
    step: (state, { write, read }) => (write !== undefined ? write : read === state ? state : undefined),
    describe: String,
    describeInput: JSON.stringify,
  };

  /** Tries all orders. */
  function isLinearizableByDefinition(operations, state = 0) {
    if (operations.every(({ endsAt }) => endsAt === UNKNOWN)) return true;
    return operations.some((one, at) => {
      if (operations.some(({ endsAt }) => endsAt < one.beginsAt)) return false;
      const next = register.step(state, one.input);
      return next !== undefined && isLinearizableByDefinition(operations.toSpliced(at, 1), next);
    });
  }

  const operation = fc.record({
    input: fc.oneof(fc.record({ write: fc.nat(2) }), fc.record({ read: fc.nat(2) })),
    beginsAt: fc.nat(12),
    lasts: fc.oneof(fc.nat(6), fc.constant(UNKNOWN)),
  });
  const histories = fc
    .array(operation, { maxLength: 6 })
    .map((operations) =>
      operations.map(({ input, beginsAt, lasts }) => ({ key: 'r', input, beginsAt, endsAt: beginsAt + lasts })),
    );

  it('agrees with trying all orders on small histories', () => {
    const verdicts = new Set();
    fc.assert(
      fc.property(histories, (operations) => {
        const { violations } = checkLinearizability(register, operations);
        verdicts.add(violations.length);
        expect(violations.length === 0).toBe(isLinearizableByDefinition(operations));
      }),
      { numRuns: 3000 },
    );
    expect(verdicts).toEqual(new Set([0, 1]));
  });

  it('accepts what really was one order, whatever overlaps, at lengths where trying all orders is out of the question', () => {
    const random = generator(5);
    let value = 0;
    const operations = Array.from({ length: 200 }, (_, at) => {
      const isWrite = random() < 0.4;
      if (isWrite) value = Math.floor(random() * 3);
      const input = isWrite ? { write: value } : { read: value };
      return { key: 'r', input, beginsAt: at - random() * 8, endsAt: at + random() * 8 };
    });
    expect(checkLinearizability(register, operations).violations).toEqual([]);
    const wrong = { key: 'r', input: { read: 9 }, beginsAt: 150, endsAt: 151 };
    expect(checkLinearizability(register, [...operations, wrong]).violations).toHaveLength(1);
  });
});
