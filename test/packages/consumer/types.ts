// Compiled in an empty project, against the declarations in the tarballs. A type that were lost on the way would be
// `any`, and what is marked as wrong here would be right.
import { ConcordatClient, type ConcordatClientOptions, type Transaction } from '@concordat/client';
import type { ParticipantOptions, Refusal, SnapshotStore } from '@concordat/participant';
import { type Command, ERRORS, type ErrorCode, type OutcomeEvent, participantNameSchema } from '@concordat/protocol';
import { type ProposalOutcome, RaftNode, type StateMachine } from '@concordat/raft';
import type { SeededRandom } from '@concordat/raft/simulator';

export const options: ConcordatClientOptions = { urls: ['http://127.0.0.1:8080'], timeoutMs: 1_000 };
export const client = new ConcordatClient(options);
export const csnOf = ({ csn }: Transaction): number | null => csn;
// @ts-expect-error: URLs are a list
export const wrongOptions: ConcordatClientOptions = { urls: 'http://127.0.0.1:8080' };

export const isolation: ParticipantOptions['isolation'] = 'local';
// @ts-expect-error: there is no such isolation
export const wrongIsolation: ParticipantOptions['isolation'] = 'none';
export const refuse = (refusal: Refusal): string => refusal.code;
export const read = (store: SnapshotStore) => store.get(class Seat {}, { seat: '12A' });

export const status: number = ERRORS['transaction-not-found'].status;
// @ts-expect-error: there is no such code
export const wrongCode: ErrorCode = 'no-such-code';
export const isPrepare = (command: Command): boolean => command.type === 'prepare';
// @ts-expect-error: there is no such command
export const isWrong = (command: Command): boolean => command.type === 'no-such-command';
export const positionOf = ({ index }: OutcomeEvent): number => index;
export const name: string = participantNameSchema.parse('seats');

let count = 0;
export const counter: StateMachine = {
  apply: (entries) => entries.map(() => ++count),
  snapshot: () => [Buffer.from(String(count))],
  restore: async (chunks) => {
    for await (const chunk of chunks) count = Number(chunk.toString());
  },
};
// @ts-expect-error: a state machine can restore itself
export const wrongCounter: StateMachine = { apply: () => [], snapshot: () => [] };
export const start: typeof RaftNode.start = (...words) => RaftNode.start(...words);
export const isCommitted = (outcome: ProposalOutcome): boolean => outcome.outcome === 'committed';
// @ts-expect-error: a proposal cannot come to that
export const isLost = (outcome: ProposalOutcome): boolean => outcome.outcome === 'lost';
export const roll = (random: SeededRandom): SeededRandom => random;
