import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { checkLinearizability, Operation } from './linearizability.js';

function read(value: number, beginsAt: number, endsAt: number): Operation {
  return { kind: 'read', key: 1, value, beginsAt, endsAt };
}

function write(value: number, beginsAt: number, endsAt = Infinity): Operation {
  return { kind: 'write', key: 1, value, beginsAt, endsAt };
}

/** Tries all orders. */
function isLinearizableByDefinition(operations: readonly Operation[], value = 0): boolean {
  if (operations.every(({ endsAt }) => endsAt === Infinity)) return true;
  return operations.some((one, at) => {
    if (operations.some(({ endsAt }) => endsAt < one.beginsAt)) return false;
    if (one.kind === 'read' && one.value !== value) return false;
    const rest = operations.filter((_, other) => other !== at);
    return isLinearizableByDefinition(rest, one.kind === 'write' ? one.value : value);
  });
}

function verdict(history: readonly Operation[]): boolean {
  try {
    checkLinearizability(history);
    return true;
  } catch {
    return false;
  }
}

describe('the linearizability checker', () => {
  it('accepts what can be put in order, and refuses what cannot', () => {
    expect(verdict([write(1, 0, 1), read(1, 2, 3)])).toBe(true);
    expect(verdict([write(1, 0, 1), read(0, 2, 3)])).toBe(false);
    expect(verdict([write(1, 0, 5), read(1, 1, 2), read(0, 3, 4)])).toBe(false);
    expect(verdict([write(1, 0, 5), read(0, 1, 2), read(1, 3, 4)])).toBe(true);
    expect(verdict([read(7, 0, 1)])).toBe(false);
    expect(verdict([read(1, 0, 1), write(1, 2, 3)])).toBe(false);
  });

  it('takes a write without an answer as done or not done, whichever fits', () => {
    expect(verdict([write(1, 0), read(0, 1, 2), read(1, 3, 4)])).toBe(true);
    expect(verdict([write(1, 0), read(1, 1, 2), read(0, 3, 4)])).toBe(false);
    expect(verdict([write(1, 0), read(0, 1, 2)])).toBe(true);
  });

  it('agrees with trying all orders on small histories', () => {
    const operation = fc.record({
      kind: fc.constantFrom('read' as const, 'write' as const),
      value: fc.nat(3),
      open: fc.nat(4),
    });
    const histories = fc.array(operation, { maxLength: 6 }).chain((operations) =>
      fc
        .shuffledSubarray(
          Array.from({ length: operations.length * 2 }, (_, at) => at),
          { minLength: operations.length * 2 },
        )
        .map((times) =>
          operations.map(({ kind, value, open }, at): Operation => {
            const [a, b] = [times[at * 2] as number, times[at * 2 + 1] as number];
            const endsAt = kind === 'write' && open === 0 ? Infinity : Math.max(a, b);
            return { kind, key: 1, value: kind === 'write' ? at + 1 : value, beginsAt: Math.min(a, b), endsAt };
          }),
        ),
    );
    fc.assert(
      fc.property(histories, (history) => {
        expect(verdict(history)).toBe(isLinearizableByDefinition(history));
      }),
      { numRuns: 2_000 },
    );
  });
});
