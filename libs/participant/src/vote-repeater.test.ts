import { describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { MemoryTransport } from '../test/memory-transport.js';
import { DEFAULT_LIMITS } from './limits.js';
import { ParticipantMetrics } from './metrics.js';
import { PreparedBranches } from './prepared-branches.js';
import { Replies } from './replies.js';
import { VoteRepeater } from './vote-repeater.js';

function repeaterAt(random: number) {
  const surroundings = {
    participant: 'accounts',
    limits: { ...DEFAULT_LIMITS, voteRepeatBaseMs: 1000, voteRepeatCapMs: 5000 },
    clock: { nowMs: () => 0 },
    random: () => random,
    metrics: new ParticipantMetrics('accounts'),
    logger: pino({ level: 'silent' }),
  };
  const transport = new MemoryTransport();
  const prepared = new PreparedBranches();
  return {
    transport,
    prepared,
    repeater: new VoteRepeater(prepared, new Replies(transport, surroundings), surroundings),
  };
}

describe('the repetition of votes', () => {
  it('goes on until a decision is heard, slower and slower up to the cap', () => {
    const { transport, prepared, repeater } = repeaterAt(1);
    prepared.add('id', 'the vote', 0, repeater.firstDueMs(0));
    const sentAt: number[] = [];
    for (let now = 0; now <= 25_000; now += 100) if (repeater.turn(now) > 0) sentAt.push(now);
    expect(sentAt).toEqual([1000, 3000, 7000, 12_000, 17_000, 22_000]);
    expect(transport.sent).toHaveLength(sentAt.length);
    expect(transport.sent.every(({ value, key }) => value === 'the vote' && key === 'id')).toBe(true);
    prepared.forget('id');
    expect(repeater.turn(1_000_000)).toBe(0);
  });

  it('is spread by chance over half of each pause', () => {
    expect(repeaterAt(0).repeater.firstDueMs(0)).toBe(500);
    expect(repeaterAt(0.5).repeater.firstDueMs(0)).toBe(750);
  });
});
