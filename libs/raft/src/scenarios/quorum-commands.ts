/** The commands of scenario files that compute what a quorum commits and how a vote ends. */
import { describeId } from '../core/format.js';
import { JointQuorum } from '../quorum/joint.js';
import { AckedIndexer, MajorityQuorum, VoteResult } from '../quorum/majority.js';
import { number } from './commands.js';
import { Directive } from './data-file.js';

const resultNames: Record<VoteResult, string> = { pending: 'VotePending', lost: 'VoteLost', won: 'VoteWon' };

export function isQuorumCommand({ command }: Directive): boolean {
  return command === 'committed' || command === 'vote';
}

/**
 * `cfg` and, for a joint quorum, `cfgj` (`zero` for an empty one) name the voters; `idx` or `votes` give what each voter
 * says, in that order, each voter once, `_` for nothing.
 */
export function runQuorumCommand({ command, args }: Directive): string {
  const list = (key: string) => args.find((arg) => arg.key === key)?.values;
  const outgoing = list('cfgj');
  const ids = (list('cfg') ?? []).map(number);
  const outgoingIds = (outgoing ?? []).filter((one) => one !== 'zero').map(number);
  const voters = [...new Set([...ids, ...outgoingIds])];
  const said = list(command === 'vote' ? 'votes' : 'idx') ?? [];
  if (said.length !== voters.length) return `error: mismatched input (explicit or _) for voters ${voters}: ${said}`;
  const answers = new Map<number, string>();
  for (const [at, voter] of voters.entries()) if (said[at] !== '_') answers.set(voter, said[at] as string);

  const quorum = new JointQuorum(new MajorityQuorum(ids), new MajorityQuorum(outgoingIds));
  const mirrored = new JointQuorum(quorum.outgoing, quorum.incoming);
  if (command === 'vote') {
    const votes = new Map([...answers].map(([id, vote]) => [id, vote === 'y']));
    const result = quorum.voteResult(votes);
    if (mirrored.voteResult(votes) !== result) return `${resultNames[result]} <-- via symmetry`;
    return resultNames[result];
  }
  const acked: AckedIndexer = { ackedIndex: (id) => (answers.has(id) ? number(answers.get(id)) : undefined) };
  const index = quorum.committedIndex(acked);
  if (mirrored.committedIndex(acked) !== index) return `${index} <-- via symmetry`;
  return plot(quorum.ids, acked) + (index === Infinity ? '∞' : String(index));
}

/** One bar per voter, the longer the more voters it is ahead of. */
function plot(ids: readonly number[], acked: AckedIndexer): string {
  if (ids.length === 0) return '<empty majority quorum>';
  const indices = ids.map((id) => acked.ackedIndex(id) ?? 0);
  const lines = [`${' '.repeat(ids.length)}    idx`];
  for (const [at, id] of ids.entries()) {
    const index = indices[at] as number;
    const ahead = indices.filter((other) => other < index).length;
    const rest = ' '.repeat(ids.length - ahead);
    const bar = acked.ackedIndex(id) === undefined ? `?${' '.repeat(ids.length)}` : `${'x'.repeat(ahead)}>${rest}`;
    lines.push(`${bar} ${String(index).padStart(5)}    (id=${describeId(id)})`);
  }
  return `${lines.join('\n')}\n`;
}
