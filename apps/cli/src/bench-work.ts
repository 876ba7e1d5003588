/** What the transactions of a bench do. */
import { randomUUID } from 'node:crypto';
import type { BranchRequest, ConcordatClient } from '@concordat/client';
import { CommandFailure, usage } from './failure.js';

/** The branches of the next transaction of a client. */
export type Work = (client: number, turn: number) => readonly BranchRequest[];

const OPERATIONS = ['open', 'debit', 'credit'];
const OPENING_BALANCE = 1_000_000;
/** Accounts that are opened at the same time. */
const OPENING_AT_ONCE = 8;
const PLACEHOLDER = '{{id}}';

/** @throws CommandFailure */
export function parseTemplate(text: string, file: string): readonly BranchRequest[] {
  const wanted =
    'It is to be a JSON list like [{"participant": "orders", "operation": "book", "input": {"id": "{{id}}"}}].';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw usage(`${file} is no JSON.`, wanted);
  }
  const isBranch = (one: unknown): one is BranchRequest => {
    const { participant, operation, input } = (one ?? {}) as Partial<Record<keyof BranchRequest, unknown>>;
    return typeof participant === 'string' && typeof operation === 'string' && input !== undefined;
  };
  if (Array.isArray(value) && value.length > 0 && value.every(isBranch)) return value;
  throw usage(`${file} is no list of branches.`, wanted);
}

/** `{{id}}` is the same in all branches of a transaction, and another in each. */
export function templateWork(branches: readonly BranchRequest[]): Work {
  const text = JSON.stringify(branches);
  return () => JSON.parse(text.replaceAll(PLACEHOLDER, randomUUID())) as BranchRequest[];
}

/**
 * Opens two accounts for each client, so that no two transactions want the same rows, and moves money back and forth between
 * them.
 * @throws CommandFailure where no participant keeps accounts
 */
export async function prepareTransfers(
  client: ConcordatClient,
  clients: number,
  onProgress: (opened: number) => void,
): Promise<Work> {
  const offering = (await client.participants()).filter(
    ({ health, operations }) =>
      health !== 'down' && OPERATIONS.every((wanted) => operations.some(({ name }) => name === wanted)),
  );
  const [first, second = first] = offering.map(({ name }) => name);
  if (first === undefined || second === undefined) {
    throw new CommandFailure(
      'refused',
      'No participant that is up keeps accounts.',
      'Say with --branches FILE what the transactions are to do.',
    );
  }
  const run = randomUUID().slice(0, 8);
  const from = (index: number) => ({ participant: first, account: `bench-${run}-${index}-a` });
  const to = (index: number) => ({ participant: second, account: `bench-${run}-${index}-b` });
  let opened = 0;
  const open = async (index: number): Promise<void> => {
    const branches = [from(index), to(index)].map(({ participant, account }) => ({
      participant,
      operation: 'open',
      input: { account, balance: OPENING_BALANCE },
    }));
    await client.run({ branches, wait: 'completed', label: 'concordat bench' });
    opened += 1;
    onProgress(opened);
  };
  for (let index = 0; index < clients; index += OPENING_AT_ONCE) {
    const some = Array.from({ length: Math.min(OPENING_AT_ONCE, clients - index) }, (_, offset) => index + offset);
    await Promise.all(some.map(open));
  }
  return (index, turn) => {
    const [source, target] = turn % 2 === 0 ? [from(index), to(index)] : [to(index), from(index)];
    const reference = `bench-${run}-${index}-${turn}`;
    return [
      { participant: source.participant, operation: 'debit', input: { account: source.account, amount: 1, reference } },
      {
        participant: target.participant,
        operation: 'credit',
        input: { account: target.account, amount: 1, reference },
      },
    ];
  };
}
