import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { branchIdSchema, participantNameSchema, transactionIdSchema } from './names.js';
import { compareTransactionIds, formatTransactionId, isBelow, parseTransactionId } from './transaction-id.js';

const part = fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }));
const parts = fc.record({ incarnation: part, term: part, sequence: part }, { noNullPrototype: true });

describe('transaction ids', () => {
  it('read back as they were written', () => {
    fc.assert(fc.property(parts, (id) => expect(parseTransactionId(formatTransactionId(id))).toEqual(id)));
  });

  it('are canonical: no other text reads as the same id', () => {
    const alike = fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-z]{1,12}-[0-9a-z]{1,12}-[0-9a-z]{1,12}$/));
    fc.assert(
      fc.property(alike, (text) => {
        const id = parseTransactionId(text);
        if (id !== undefined) expect(formatTransactionId(id)).toBe(text);
        expect(transactionIdSchema.safeParse(text).success).toBe(id !== undefined);
      }),
    );
  });

  it.each([
    '',
    '1-1',
    '1-1-1-1',
    '0-1-1',
    '1-01-1',
    '1-1-',
    '-1-1',
    'A-1-1',
    '1-1-1 ',
    '1-1-1\n',
    '1_1_1',
    'zzzzzzzzzzz-1-1',
  ])('%j is no id', (text) => expect(parseTransactionId(text)).toBeUndefined());

  it('D1: are ordered by incarnation, then term, then sequence, never as text', () => {
    const ordered = ['1-1-2', '1-1-z', '1-1-10', '1-2-1', '1-10-1', '2-1-1', '10-1-1'].map((id) =>
      parseTransactionId(id),
    );
    for (let i = 1; i < ordered.length; i += 1) {
      const [a, b] = [ordered[i - 1], ordered[i]];
      if (!a || !b) throw new Error('not an id');
      expect(compareTransactionIds(a, b)).toBeLessThan(0);
      expect(compareTransactionIds(b, a)).toBeGreaterThan(0);
      expect(compareTransactionIds(a, a)).toBe(0);
    }
  });

  it('D7: one that is a textual prefix of another is below it, and not the other way round', () => {
    expect(isBelow('1-1-1', '1-1-10')).toBe(true);
    expect(isBelow('1-1-10', '1-1-1')).toBe(false);
    expect(isBelow('1-1-1', '1-1-1')).toBe(false);
  });

  it('what is no id is below nothing', () => {
    expect(isBelow('nonsense', '1-1-1')).toBe(false);
    expect(isBelow('1-1-1', 'nonsense')).toBe(false);
  });
});

describe('names', () => {
  it('of participants are safe in topics, identifiers and URLs', () => {
    for (const good of ['a', 'accounts-east', `a${'b'.repeat(62)}`])
      expect(participantNameSchema.safeParse(good).success).toBe(true);
    for (const bad of ['', 'A', '1a', 'a_b', 'a:b', 'a.b', 'a%', 'é', 'a\n', `a${'b'.repeat(63)}`]) {
      expect(participantNameSchema.safeParse(bad).success).toBe(false);
    }
  });

  it('of branches are small numbers', () => {
    for (const good of ['1', '999999']) expect(branchIdSchema.safeParse(good).success).toBe(true);
    for (const bad of ['', '0', '01', '1000000', '-1', '1\n', 'x'])
      expect(branchIdSchema.safeParse(bad).success).toBe(false);
  });
});
