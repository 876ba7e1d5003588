/** What the leader records of the members, and whom it takes in. Raft itself is tested elsewhere: here it only says who votes. */
import { type Entry, FORMAT_VERSION, Ledger, type MemberRecord } from '@concordat/transaction';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { RecordingLogger } from '../../test/engine.js';
import type { Identity } from './identity.js';
import { identitySchema } from './identity.js';
import { isRecorded, Membership } from './membership.js';
import type { RaftLog } from './raft-log.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const identity = (nodeId: number, formatVersion = FORMAT_VERSION): Identity => ({
  nodeId,
  raftId: nodeId,
  address: `replica-${nodeId}:9000`,
  url: `http://replica-${nodeId}:8080`,
  initialVoters: [1, 2, 3],
  leaderId: 1,
  appliedIndex: 0,
  persistedIndex: 0,
  formatVersion,
});

const recordOf = ({ raftId, nodeId, address, url, formatVersion }: Identity): MemberRecord => ({
  raftId,
  nodeId,
  address,
  url,
  removed: false,
  formatVersion,
});

/** Replica 1 leads 2 and 3; what it proposes is applied at once. */
function leading(members: readonly MemberRecord[], heard: readonly Identity[] = []) {
  const ledger = new Ledger(
    {
      appliedIndex: 0,
      appliedTerm: 1,
      incarnation: 1,
      publishedIndex: 0,
      transactions: [],
      participants: [],
      members,
      keys: [],
    },
    10,
  );
  const proposed: Entry[] = [];
  const log = { leads: true, confState: () => ({ voters: [1, 2, 3] }), status: () => undefined };
  const membership = new Membership({
    log: log as unknown as RaftLog,
    members: () => ledger.members,
    propose: (entry) => {
      proposed.push(entry);
      ledger.apply(ledger.appliedIndex + 1, 1, entry);
    },
    own: () => identity(1),
    heard: (raftId) => heard.find((one) => one.raftId === raftId),
    logger: new RecordingLogger(),
  });
  return { membership, ledger, proposed };
}

const { formatVersion: _, ...silent } = recordOf(identity(2));

describe('what members understand', () => {
  it('is 1 where they do not say', () => {
    const { formatVersion: _, ...earlier } = identity(2);
    expect(identitySchema.parse(earlier).formatVersion).toBe(1);
    expect(isRecorded(identity(2, 1), silent)).toBe(true);
    expect(isRecorded(identity(2), silent)).toBe(false);
  });

  it('is recorded when an upgraded replica announces itself, once, though it runs where it ran', async () => {
    const { membership, ledger, proposed } = leading([recordOf(identity(1)), silent]);
    expect(ledger.formatVersion).toBe(1);
    await membership.admit(identity(2));
    await membership.admit(identity(2));
    expect(proposed).toEqual([{ type: 'member', member: recordOf(identity(2)) }]);
    expect(ledger.formatVersion).toBe(FORMAT_VERSION);
  });

  it('is recorded by a leader that knows less than the others, of itself and of those it has heard', async () => {
    const gone = { ...recordOf(identity(3, 1)), removed: true };
    const members = [recordOf(identity(1, 1)), silent, gone];
    const { membership, ledger, proposed } = leading(members, [identity(2), identity(3)]);
    membership.start();
    await jest.advanceTimersByTimeAsync(2_000);
    membership.stop();
    expect(proposed).toEqual([1, 2].map((id) => ({ type: 'member', member: recordOf(identity(id)) })));
    expect(ledger.formatVersion).toBe(FORMAT_VERSION);
  });

  it('M3: is enough, or the replica is not taken in; a voter is heard whatever it understands', async () => {
    const { membership, ledger, proposed } = leading([recordOf(identity(1)), recordOf(identity(2))]);
    await expect(membership.admit(identity(4, 1))).rejects.toThrow('replica 4 runs an older version');
    expect(proposed).toEqual([]);
    await membership.admit(identity(3, 1));
    expect(ledger.formatVersion).toBe(1);
  });
});
