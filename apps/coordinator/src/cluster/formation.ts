/**
 * How a replica with a new log finds its cluster. Pure: who answered what goes in, what to do comes out.
 *
 * - F1 Exactly one replica decides who begins a cluster: the one with the lowest node id, and only once every peer has
 *   answered that its log is new too. All others adopt its list.
 * - F2 A log that the list names may begin as a voter, because an id that is new has never voted; an id that the list does
 *   not name joins as a learner. So a wiped disk, which has a new id, can never vote a second time under an old one.
 */
import type { Identity } from './identity.js';

/** `voters`: those that the cluster began with, or begins with. */
export type Formation =
  | { readonly kind: 'bootstrap'; readonly voters: readonly number[] }
  | { readonly kind: 'join'; readonly voters: readonly number[] }
  | { readonly kind: 'wait'; readonly reason: string };

/**
 * @param own the replica that asks; its log is new
 * @param peers the node ids of all others
 * @param answers what those said that answered
 */
export function chooseFormation(
  own: Pick<Identity, 'nodeId' | 'raftId'>,
  peers: readonly number[],
  answers: readonly Identity[],
): Formation {
  const begun = answers.find(({ initialVoters }) => initialVoters !== null);
  if (begun?.initialVoters) {
    const voters = begun.initialVoters;
    return { kind: voters.includes(own.raftId) ? 'bootstrap' : 'join', voters };
  }
  const silent = peers.filter((nodeId) => !answers.some((answer) => answer.nodeId === nodeId));
  if (silent.length > 0) return { kind: 'wait', reason: `replica ${silent.join(', ')} has not answered yet` };
  const lowest = Math.min(own.nodeId, ...peers);
  if (lowest !== own.nodeId) return { kind: 'wait', reason: `replica ${lowest} begins the cluster` };
  return { kind: 'bootstrap', voters: [own.raftId, ...answers.map(({ raftId }) => raftId)].sort((a, b) => a - b) };
}
