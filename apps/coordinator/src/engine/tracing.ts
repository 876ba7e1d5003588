import type { Reply, TraceHeaders } from '@concordat/protocol';
import type { Coordination, CoordinationEvent, Effect } from '@concordat/transaction';

/**
 * Follows transactions for whoever looks at traces, and keeps which trace each belongs to. What it knows is in the memory of
 * the leader that began a transaction: it decides nothing, is bounded, and is lost with the leadership.
 */
export interface TransactionTracing {
  /** A call begins the transaction or moves it on: what follows belongs to the trace of the call, where it has one. */
  join(id: string, trace: TraceHeaders | undefined): void;
  /** One step of the transition table: what came, and what is about to leave because of it. */
  stepped(t: Coordination, event: CoordinationEvent, effects: readonly Effect[]): void;
  completed(id: string): void;
  /** Leadership is lost: nothing more is heard of what is under way. */
  deposed(): void;
  /** What a message about the transaction carries; one to a participant that works for it continues from what it was told to do. */
  headersOf(id: string, participant?: string): TraceHeaders | undefined;
  /** A reply has come. @returns what ends the span of its handling, where there is one */
  received(reply: Reply, headers: Readonly<Record<string, string>>): (() => void) | undefined;
}

/** Where nothing is traced and nobody is told. */
export const UNTRACED: TransactionTracing = {
  join: () => undefined,
  stepped: () => undefined,
  completed: () => undefined,
  deposed: () => undefined,
  headersOf: () => undefined,
  received: () => undefined,
};
