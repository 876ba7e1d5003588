import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { UNLIMITED } from '../core/messages.js';
import { changeMembership, changeSimply, enterJoint, leaveJoint, Membership, restoreMembership } from './changer.js';
import { ClusterConfig } from './cluster-config.js';
import {
  ConfChangeSingle,
  ConfChangeTransition,
  ConfChangeType,
  confChange,
  decodeConfChange,
  encodeConfChange,
} from './conf-change.js';

const terms = { lastIndex: 5, inflightMessagesMax: 10, inflightBytesMax: UNLIMITED };
const nobody: Membership = { config: ClusterConfig.empty, progress: new Map() };

const single: fc.Arbitrary<ConfChangeSingle> = fc.record({
  type: fc.constantFrom(...Object.values(ConfChangeType)),
  nodeId: fc.integer({ min: 1, max: 6 }),
});
const changes = fc.array(single, { maxLength: 5 });

function cluster(...voters: number[]): Membership {
  return voters.reduce(
    (current, nodeId) => changeSimply(current, [{ type: ConfChangeType.AddNode, nodeId }], terms),
    nobody,
  );
}

/** What it comes to, for comparison: everyone's role, without their progress. */
function summary({ config, progress }: Membership) {
  const learners = [...progress].filter(([, peer]) => peer.isLearner).map(([id]) => id);
  return { ...config.confState(), members: [...progress.keys()], learners };
}

describe('configuration changes', () => {
  it('give the same result through a joint configuration as one at a time', () => {
    fc.assert(
      fc.property(changes, (given) => {
        let oneByOne: Membership = cluster(1, 2, 3);
        try {
          for (const one of given) oneByOne = changeSimply(oneByOne, [one], terms);
          const joint = leaveJoint(enterJoint(cluster(1, 2, 3), given, false, terms), terms);
          expect(summary(joint)).toEqual(summary(oneByOne));
        } catch (error) {
          // One at a time may pass through a cluster without voters where the joint way does not.
          expect((error as Error).message).toBe('removed all voters');
        }
      }),
    );
  });

  it('leave no trace when refused', () => {
    const before = cluster(1, 2);
    const snapshot = JSON.stringify(summary(before));
    const remove = [1, 2].map((nodeId) => ({ type: ConfChangeType.RemoveNode, nodeId }));
    expect(() => changeSimply(before, remove.slice(0, 1).concat(remove), terms)).toThrow('removed all voters');
    expect(() =>
      changeSimply(
        before,
        [3, 4].map((nodeId) => ({ type: ConfChangeType.AddNode, nodeId })),
        terms,
      ),
    ).toThrow('more than one voter');
    expect(JSON.stringify(summary(before))).toBe(snapshot);
  });

  it('restore from what a snapshot says, joint or not', () => {
    fc.assert(
      fc.property(changes, fc.boolean(), fc.boolean(), (given, autoLeave, leave) => {
        let current: Membership;
        try {
          current = enterJoint(cluster(1, 2, 3), given, autoLeave, terms);
        } catch {
          return; // removed all voters
        }
        if (leave) current = leaveJoint(current, terms);
        expect(summary(restoreMembership(current.config.confState(), terms))).toEqual(summary(current));
      }),
    );
  });

  it('keep the voters of the outgoing half until it is left, also those that become learners', () => {
    const demote = confChange([{ type: ConfChangeType.AddLearnerNode, nodeId: 3 }], ConfChangeTransition.JointExplicit);
    const joint = changeMembership(cluster(1, 2, 3), demote, terms);
    expect(joint.config.confState()).toEqual({
      voters: [1, 2],
      votersOutgoing: [1, 2, 3],
      learners: [],
      learnersNext: [3],
      autoLeave: false,
    });
    const left = changeMembership(joint, confChange([]), terms);
    expect(left.config.confState()).toMatchObject({ voters: [1, 2], votersOutgoing: [], learners: [3] });
    expect(left.progress.get(3)?.isLearner).toBe(true);
  });

  it('survive their encoding', () => {
    const change = fc.record({
      transition: fc.constantFrom(...Object.values(ConfChangeTransition)),
      changes: fc.array(fc.record({ type: single.map(({ type }) => type), nodeId: fc.maxSafeNat() }), { maxLength: 4 }),
      context: fc.uint8Array({ maxLength: 300 }),
    });
    fc.assert(
      fc.property(change, (given) => {
        expect(decodeConfChange(2, encodeConfChange(given))).toEqual(given);
      }),
    );
  });

  it('are refused when their bytes make no sense', () => {
    for (const bytes of [[0x08], [0x12, 5, 1], [0x0d, 0, 0, 0, 0], [0x08, 9]]) {
      expect(() => decodeConfChange(2, Uint8Array.from(bytes))).toThrow('malformed configuration change');
    }
  });
});
