import { describe, expect, it } from '@jest/globals';
import { checkLockHistory } from './lock-history.mjs';

const grant = (token, calledAt, answeredAt, holder = `h${token}`, lock = 'a') => {
  return { kind: 'grant', lock, token, holder, calledAt, answeredAt };
};
const write = (token, accepted = true, holder = `h${token}`, lock = 'a') => ({
  kind: 'write',
  lock,
  token,
  holder,
  accepted,
});

describe('the checker of lock histories', () => {
  it.each([
    ['nothing', []],
    ['one after the other', [grant(1, 0, 1), write(1), grant(2, 2, 3), write(2), write(2)]],
    ['a late write that is refused', [grant(1, 0, 1), grant(2, 2, 3), write(2), write(1, false)]],
    ['calls at the same time, answered in either order', [grant(2, 0, 5), grant(1, 1, 6)]],
    [
      'tokens of another lock in between',
      [grant(1, 0, 1), grant(2, 2, 3, 'h2', 'b'), write(2, true, 'h2', 'b'), write(1)],
    ],
  ])('accepts %s', (_what, history) => {
    expect(checkLockHistory(history)).toEqual([]);
  });

  it.each([
    ['a token given twice', [grant(1, 0, 1), grant(1, 0, 1, 'other')], 'given to h1 and to other'],
    ['a token that is older than one given before', [grant(2, 0, 1), grant(1, 2, 3)], 'asked for after 2'],
    [
      'a resource that takes an older token',
      [grant(1, 0, 1), grant(2, 0, 1), write(2), write(1)],
      'took token 1 after 2',
    ],
    [
      'two holders that take turns',
      [grant(1, 0, 1), grant(2, 0, 1), write(1), write(2), write(1)],
      'took token 1 after 2',
    ],
    ['a write with a token that nobody was given', [write(3)], 'was not given'],
    ['a write with the token of another', [grant(1, 0, 1), write(1, true, 'thief')], 'thief wrote'],
  ])('rejects %s', (_what, history, said) => {
    expect(checkLockHistory(history).join()).toContain(said);
  });
});
