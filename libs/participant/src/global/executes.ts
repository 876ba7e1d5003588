import { randomUUID } from 'node:crypto';
import type { ExecuteCommand, Reason } from '@concordat/protocol';
import type { IncomingMessage } from '@concordat/transport';
import type { ConcurrencyLimit } from '../concurrency-limit.js';
import { decide } from '../decisions.js';
import { Execution } from '../execution.js';
import type { ExecuteHandler } from '../isolation.js';
import { resolveCalls } from '../operation-calls.js';
import type { OperationRegistry } from '../operation-registry.js';
import type { ParticipantState } from '../participant-state.js';
import { cancelled, type Refused, reasonOfAction, type Silent } from '../prepare-outcome.js';
import type { Replies } from '../replies.js';
import type { Surroundings } from '../surroundings.js';
import { lasting } from '../tracing.js';
import { ownReason, ResultsTooLargeError } from '../votes.js';
import { type Session, SessionData } from './session.js';
import type { Sessions } from './sessions.js';
import type { SnapshotOperations } from './snapshot-operations.js';

type Outcome = { readonly kind: 'done'; readonly result: unknown } | Refused | Silent;

export interface ExecuteParts {
  readonly registry: OperationRegistry;
  readonly operations: SnapshotOperations;
  readonly sessions: Sessions;
  readonly places: ConcurrencyLimit;
  readonly state: ParticipantState;
  readonly replies: Replies;
}

/**
 * Executes operations at once, in the session of their transaction.
 *
 * Invariants:
 * - the executes of a session run in the order of their numbers, each once; the last one's answer is given again
 *   should it come again, earlier ones were heard by whoever sent the next;
 * - a number that does not follow, or another nonce, means that this is not the session the coordinator knows: what
 *   went before is lost, and so is the transaction.
 */
export class Executes implements ExecuteHandler {
  #executing = 0;
  readonly #ends = new Set<Promise<void>>();

  constructor(
    private readonly parts: ExecuteParts,
    private readonly surroundings: Surroundings,
  ) {}

  get executing(): number {
    return this.#executing;
  }

  accept(command: ExecuteCommand, message: IncomingMessage): void | Promise<void> {
    const { sessions, replies } = this.parts;
    const { transactionId, number, nonce, remainingMs } = command;
    const refuse = (reason: Reason) => {
      replies.executed(command, nonce ?? randomUUID(), { reason });
    };
    const reason = this.#reasonAgainst(command);
    if (reason) return refuse(reason);
    const known = sessions.get(transactionId);
    const lost = ownReason('participant-restarted', 'The session of this transaction is gone.', true);
    if (known === undefined && number > 1) return refuse(lost);
    if (known !== undefined) {
      if (number > 1 ? nonce !== known.nonce : nonce !== null) return refuse(lost);
      if (known.running?.command.number === number) return undefined; // its answer is on the way
      if (known.lastReply?.number === number) return replies.repeatExecuted(transactionId, known.lastReply.encoded);
      if (number <= known.executed) return undefined;
      if (known.running || known.outcome || number !== known.executed + 1) return refuse(lost);
      sessions.extend(transactionId, remainingMs);
    }
    const session = known ?? sessions.open(dataOf(command), remainingMs);
    if (!session) return refuse(ownReason('participant-busy', 'There is no room for another session.', true));
    return this.#start(session, command, message);
  }

  async drain(graceMs: number): Promise<void> {
    const timer = setTimeout(() => void this.parts.sessions.endAll('stopping'), graceMs);
    await Promise.all(this.#ends);
    clearTimeout(timer);
    await this.parts.sessions.endAll('stopping');
  }

  #start(session: Session, command: ExecuteCommand, message: IncomingMessage): void | Promise<void> {
    const execution = new Execution(command, message, this.surroundings.clock.nowMs());
    session.running = execution;
    this.#executing += 1;
    const ended = this.#run(session, execution).finally(() => {
      this.#executing -= 1;
      this.#ends.delete(ended);
    });
    this.#ends.add(ended);
    lasting(ended);
    return this.#executing > this.surroundings.limits.prepareBacklogMax ? ended : undefined;
  }

  async #run(session: Session, execution: Execution<ExecuteCommand>): Promise<void> {
    const { command } = execution;
    try {
      this.#answer(session, execution, await this.#outcome(session, execution));
    } catch (error) {
      const { transactionId } = command;
      this.surroundings.logger.error({ transactionId, err: error }, 'an execute failed inside the participant');
      const reason = ownReason(
        'operation-failed',
        error instanceof ResultsTooLargeError ? error.message : 'The operation could not be answered.',
        false,
        command.call.branchId,
      );
      this.parts.replies.executed(command, session.nonce, { reason });
    } finally {
      session.running = undefined;
      execution.finish();
    }
  }

  async #outcome(session: Session, execution: Execution<ExecuteCommand>): Promise<Outcome> {
    const { operations, registry, places } = this.parts;
    const { data } = session;
    const calls = resolveCalls([execution.command.call], registry);
    if (!Array.isArray(calls)) return { kind: 'refused', reason: calls.reason };
    if (data === undefined || !(await places.acquire(execution.signal))) return cancelled(execution);
    try {
      const [result] = await operations.run(execution, data, calls);
      execution.throwIfCancelled();
      return { kind: 'done', result: result?.result ?? null };
    } catch (error) {
      return operations.refusalOf(error, execution);
    } finally {
      places.release();
    }
  }

  #answer(session: Session, { command, message }: Execution<ExecuteCommand>, outcome: Outcome): void {
    const { replies } = this.parts;
    if (outcome.kind === 'silent') return;
    const answer = outcome.kind === 'done' ? { result: outcome.result } : { reason: outcome.reason };
    const encoded = replies.executed(command, session.nonce, answer);
    session.lastReply = { number: command.number, encoded };
    if (outcome.kind === 'done') {
      session.executed = command.number;
      return;
    }
    session.conclude(outcome); // the transaction is lost, and what it wrote here with it
    if (outcome.poison === undefined) return;
    const text = String((outcome.poison as Error)?.stack ?? outcome.poison);
    void replies.deadLetter(message, 'operation-failed', text);
  }

  /** An execute begins nothing where a prepare would not. */
  #reasonAgainst({ transactionId, horizon }: ExecuteCommand): Reason | undefined {
    const { state } = this.parts;
    const action = decide('prepare', 'absent', {
      belowHorizon: state.isBelowHorizon(transactionId, horizon),
      staleIncarnation: state.isStale(transactionId),
      presumed: false,
    });
    return reasonOfAction(action);
  }
}

const dataOf = ({ transactionId, snapshot, serializable }: ExecuteCommand): SessionData =>
  new SessionData(transactionId, snapshot, serializable);
