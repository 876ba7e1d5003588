import { describe, expect, it } from '@jest/globals';
import { ReadBatcher } from './reads.js';

function batcher({ leaderless = false } = {}) {
  const asked: Uint8Array[] = [];
  const outcomes: string[] = [];
  const state = { leaderless };
  const ask = (context: Uint8Array) => {
    if (!state.leaderless) asked.push(context);
    return state.leaderless;
  };
  const reads = new ReadBatcher(ask, 2, 5);
  const add = (name: string) =>
    reads.add((outcome) => outcomes.push(`${name} ${outcome.outcome === 'ready' ? outcome.index : outcome.reason}`));
  return { reads, asked, outcomes, add, state };
}

describe('the batcher of reads', () => {
  it('shares one round among reads that wait together, and starts the next for those that come later', () => {
    const { reads, asked, outcomes, add } = batcher();
    add('a');
    add('b');
    reads.begin();
    add('late');
    reads.begin();
    expect(asked).toHaveLength(1);
    reads.confirmed(asked[0] as Uint8Array, 7, 7);
    expect(outcomes).toEqual(['a 7', 'b 7']);
    expect(asked).toHaveLength(2);
    expect(asked[1]).not.toEqual(asked[0]);
  });

  it('answers only once the confirmed index is applied', () => {
    const { reads, asked, outcomes, add } = batcher();
    add('a');
    reads.begin();
    reads.confirmed(asked[0] as Uint8Array, 9, 5);
    reads.applied(8);
    expect(outcomes).toEqual([]);
    reads.applied(9);
    expect(outcomes).toEqual(['a 9']);
  });

  it('asks again when no answer comes, and gives up in the end', () => {
    const { reads, asked, outcomes, add } = batcher();
    add('a');
    reads.begin();
    for (let tick = 0; tick < 4; tick++) reads.tick();
    expect(asked).toHaveLength(3);
    expect(asked[2]).toEqual(asked[0]);
    reads.tick();
    expect(outcomes).toEqual(['a timeout']);
    reads.confirmed(asked[0] as Uint8Array, 3, 3);
    expect(outcomes).toHaveLength(1);
  });

  it('ignores confirmations that are not its own', () => {
    const { reads, asked, outcomes, add } = batcher();
    const other = batcher();
    other.add('x');
    other.reads.begin();
    add('a');
    reads.begin();
    reads.confirmed(other.asked[0] as Uint8Array, 3, 3);
    expect(outcomes).toEqual([]);
    reads.confirmed(asked[0] as Uint8Array, 3, 3);
    expect(outcomes).toEqual(['a 3']);
  });

  it('says at once when there is no leader, and settles what waits when closed', () => {
    const { reads, outcomes, add, state } = batcher({ leaderless: true });
    add('a');
    reads.begin();
    expect(outcomes).toEqual(['a no-leader']);
    state.leaderless = false;
    add('b');
    reads.begin();
    add('c');
    reads.close();
    expect(outcomes.slice(1)).toEqual(['c closed', 'b closed']);
  });
});
