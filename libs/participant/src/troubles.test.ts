import { TROUBLE_LENGTH_MAX, TROUBLES_MAX } from '@concordat/protocol';
import { describe, expect, it } from '@jest/globals';
import { Troubles } from './troubles.js';

describe('decisions that cannot be carried out', () => {
  it('are told with their last error, the newest first, until they are carried out', () => {
    const troubles = new Troubles();
    troubles.note('a-1-1', new Error('disk full'));
    troubles.note('a-1-2', 'odd');
    troubles.note('a-1-1', new Error('x'.repeat(TROUBLE_LENGTH_MAX + 1)));
    expect(troubles.latest).toEqual([
      { transactionId: 'a-1-1', message: 'x'.repeat(TROUBLE_LENGTH_MAX) },
      { transactionId: 'a-1-2', message: 'odd' },
    ]);
    troubles.over('a-1-1');
    expect(troubles.latest).toMatchObject([{ transactionId: 'a-1-2' }]);
  });

  it('are told up to a bound', () => {
    const troubles = new Troubles();
    for (let n = 1; n <= TROUBLES_MAX + 1; n += 1) troubles.note(`a-1-${n.toString(36)}`, 'odd');
    expect(troubles.latest).toHaveLength(TROUBLES_MAX);
    expect(troubles.latest.some(({ transactionId }) => transactionId === 'a-1-1')).toBe(false);
  });
});
