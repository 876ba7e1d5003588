/** What travels between coordinators, participants and callers: Kafka, REST and status questions in one form. */
import type { Command, Isolation, Reply, StatusesAnswer } from '@concordat/protocol';
import type { TransactionRecord } from '@concordat/transaction';

/** One operation at one participant. */
export interface Operation {
  readonly participant: string;
  readonly operation: string;
  readonly input: unknown;
}

export interface BeginCall {
  readonly type: 'begin';
  readonly isolation: Isolation;
  readonly serializable: boolean;
  readonly timeoutMs: number;
  /** Idempotency-Key of a one-shot transaction; null begins one that stays open. */
  readonly key: string | null;
  readonly operations: readonly Operation[];
}

export type Call =
  | BeginCall
  | { readonly type: 'execute'; readonly id: string; readonly operation: Operation }
  | { readonly type: 'commit' | 'rollback' | 'read'; readonly id: string };

export type CallAnswer =
  | { readonly type: 'begun'; readonly id: string }
  | { readonly type: 'executed'; readonly branchId: string; readonly result: unknown }
  | { readonly type: 'outcome'; readonly record: Pick<TransactionRecord, 'id' | 'outcome' | 'branches'> }
  | { readonly type: 'undecided' }
  /** Not done, and surely not by this call. */
  | { readonly type: 'refused'; readonly code: string };

export type Body =
  | { readonly kind: 'command'; readonly command: Command }
  | { readonly kind: 'reply'; readonly reply: Reply }
  | { readonly kind: 'ask'; readonly number: number; readonly ids: readonly string[]; readonly minCsn: number }
  /** Null: this replica has not applied as much. */
  | { readonly kind: 'statuses'; readonly number: number; readonly answer: StatusesAnswer | null }
  | { readonly kind: 'call'; readonly number: number; readonly call: Call }
  | { readonly kind: 'answer'; readonly number: number; readonly answer: CallAnswer };

export interface Envelope {
  readonly from: number;
  readonly to: number;
  readonly body: Body;
}

/** One line for traces and for the digest of a run. */
export function describe({ from, to, body }: Envelope): string {
  return `${from}>${to} ${describeBody(body)}`;
}

function describeBody(body: Body): string {
  switch (body.kind) {
    case 'command':
      return `${body.command.type} ${body.command.transactionId}`;
    case 'reply':
      return describeReply(body.reply);
    case 'ask':
      return `ask ${body.ids.join(' ')} at ${body.minCsn}`;
    case 'statuses':
      return `statuses ${body.answer?.statuses.map(({ status }) => status).join(' ') ?? 'behind'}`;
    case 'call':
      return `${body.call.type} ${body.call.type === 'begin' ? (body.call.key ?? '') : body.call.id}`;
    case 'answer':
      return describeAnswer(body.answer);
  }
}

function describeReply(reply: Reply): string {
  if (reply.type === 'vote') return `${reply.vote} ${reply.transactionId} ${reply.reason?.code ?? ''}`;
  if (reply.type === 'done') return `done ${reply.transactionId} ${reply.outcome}`;
  if (reply.type === 'executed') return `executed ${reply.transactionId} ${reply.number} ${reply.reason?.code ?? ''}`;
  return reply.type;
}

function describeAnswer(answer: CallAnswer): string {
  if (answer.type === 'outcome') return `outcome ${answer.record.id} ${answer.record.outcome}`;
  if (answer.type === 'begun') return `begun ${answer.id}`;
  return answer.type === 'refused' ? `refused ${answer.code}` : answer.type;
}
