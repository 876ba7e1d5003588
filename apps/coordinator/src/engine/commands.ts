import { type Command, type Vote, WIRE_VERSION } from '@concordat/protocol';
import type { Coordination, Effect, TransactionRecord } from '@concordat/transaction';

/** What every command says of the coordinator as a whole; see libs/protocol. */
export interface CommandFrame {
  readonly horizon: string;
  readonly appliedCsn?: number;
  readonly watermark?: number;
}

/** The command that an effect asks for. @param now Unix ms */
export function commandOf(
  t: Coordination,
  { command, participant }: Extract<Effect, { type: 'send' }>,
  frame: CommandFrame,
  now: number,
): Command {
  const { id: transactionId, isolation, serializable, snapshot, deadlineAt } = t.header;
  const base = { v: WIRE_VERSION, transactionId, participant, ...frame } as const;
  if (command === 'commit') return { ...base, type: command, csn: t.csn as number };
  if (command === 'rollback') return { ...base, type: command, presumed: false };
  const { operations = [], session = null } = t.works.get(participant) ?? {};
  const remainingMs = Math.max(0, deadlineAt - now);
  if (command === 'prepare') {
    const prepare = { ...base, type: command, isolation, serializable, snapshot, remainingMs, operations };
    if (!session || session.nonce === null) return prepare;
    return { ...prepare, session: { nonce: session.nonce, executed: session.executed } };
  }
  const call = session?.queue[0];
  if (!session || !call || snapshot === null) throw new Error(`nothing of ${transactionId} is to be executed`);
  const { nonce, executed } = session;
  return { ...base, type: command, serializable, snapshot, remainingMs, number: executed + 1, nonce, call };
}

/**
 * What a prepared branch is told of a transaction that nobody drives any more.
 * @param record undefined where nothing is left of it: then it was aborted (D6)
 */
export function outcomeFor(
  { transactionId, participant }: Vote,
  record: TransactionRecord | undefined,
  frame: CommandFrame,
): Command {
  const base = { v: WIRE_VERSION, transactionId, participant, ...frame } as const;
  const named = record?.branches.some((branch) => branch.participant === participant && branch.status !== 'refused');
  if (record?.outcome === 'committed' && named) return { ...base, type: 'commit', csn: record.csn as number };
  return { ...base, type: 'rollback', presumed: record === undefined };
}
