import { HistoryError, type HistoryEvent, type MicroOperation } from './history.js';

export type Outcome = 'committed' | 'aborted' | 'unknown';

/** One transaction of a history: an invocation and what came back. */
export interface Transaction {
  /** Position among the transactions, by invocation; people read it as `T<id>`. */
  readonly id: number;
  readonly process: string | number;
  readonly outcome: Outcome;
  readonly invokedAt: number;
  /** Index of the answer; null when none came. */
  readonly answeredAt: number | null;
  readonly operations: readonly MicroOperation[];
}

/**
 * Pairs invocations with their answers. An invocation without an answer is an unknown outcome.
 * @throws HistoryError when a process answers what it did not ask, or asks twice at once
 */
export function pairTransactions(history: readonly HistoryEvent[]): Transaction[] {
  const transactions: Transaction[] = [];
  const open = new Map<string | number, { event: HistoryEvent; id: number }>();
  for (const event of history) {
    const under = open.get(event.process);
    if (event.type === 'invoke') {
      if (under) {
        throw new HistoryError(
          `index ${event.index}: process ${event.process} invokes while its invocation ${under.event.index} has no answer`,
        );
      }
      open.set(event.process, { event, id: transactions.length });
      transactions.push(transactionOf(transactions.length, event, null));
      continue;
    }
    if (!under) {
      throw new HistoryError(
        `index ${event.index}: process ${event.process} has nothing invoked that this could answer`,
      );
    }
    open.delete(event.process);
    transactions[under.id] = transactionOf(under.id, under.event, event);
  }
  return transactions;
}

const OUTCOMES = { ok: 'committed', fail: 'aborted', info: 'unknown', invoke: 'unknown' } as const;

function transactionOf(id: number, invocation: HistoryEvent, answer: HistoryEvent | null): Transaction {
  const { process, index: invokedAt } = invocation;
  const operations = answer && answer.value.length > 0 ? answer.value : invocation.value;
  if (answer && !operations.every((one, at) => isSameQuestion(one, invocation.value[at]))) {
    throw new HistoryError(`index ${answer.index}: the operations are not those that were invoked at ${invokedAt}`);
  }
  if (answer?.type === 'ok') {
    if (answer.value.length !== invocation.value.length) {
      throw new HistoryError(
        `index ${answer.index}: ${invocation.value.length} operations were invoked at ${invokedAt}`,
      );
    }
    const unread = operations.find(([f, , value]) => f === 'r' && value === null);
    if (unread)
      throw new HistoryError(`index ${answer.index}: committed, yet key ${unread[1]} has no list that was read`);
  }
  return {
    id,
    process,
    outcome: OUTCOMES[answer?.type ?? 'info'],
    invokedAt,
    answeredAt: answer?.index ?? null,
    operations: operations.length < invocation.value.length ? invocation.value : operations,
  };
}

function isSameQuestion(one: MicroOperation, asked: MicroOperation | undefined): boolean {
  if (!asked || one[0] !== asked[0] || one[1] !== asked[1]) return false;
  return one[0] === 'r' || one[2] === asked[2];
}
