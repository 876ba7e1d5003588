import { type BranchResult, ConcordatError } from '@concordat/protocol';
import { type Execution, ExecutionCancelled } from '../execution.js';
import { OperationError, type ResolvedCall, refusedByError, runCalls } from '../operation-calls.js';
import { contextOf, type OperationContext } from '../operation-context.js';
import type { ParticipantState } from '../participant-state.js';
import { cancelled, type Refused, refused, refusedByCancel, type Silent } from '../prepare-outcome.js';
import { classifyDatabaseError } from '../sql-state.js';
import type { Surroundings } from '../surroundings.js';
import type { SessionData } from './session.js';
import { SessionStore } from './session-store.js';
import type { ReadSources } from './snapshot-reader.js';
import type { StatusClient } from './status-client.js';

/** A read of an operation failed, whatever the operation made of it. */
class ReadFailed extends Error {
  override readonly name = 'ReadFailed';
}

/** Runs operations at the snapshot of their transaction, whether at once or within its prepare. */
export class SnapshotOperations {
  constructor(
    private readonly sources: ReadSources,
    private readonly statuses: StatusClient,
    private readonly state: ParticipantState,
    private readonly surroundings: Surroundings,
  ) {}

  /** Throws what ended them; `refusalOf` tells what that means. */
  async run(execution: Execution, data: SessionData, calls: readonly ResolvedCall[]): Promise<BranchResult[]> {
    await this.state.admitIncarnationOf(execution.transactionId);
    // S2: nothing is read at a snapshot before everything up to it is known to be applied somewhere.
    await execution.unlessCancelled(() => this.statuses.awaitApplied(data.snapshot));
    return runCalls({ runOperation: (call, operation) => this.#run(execution, data, call, operation) }, calls);
  }

  /** The answer to a failure of `run`, or of whatever came after it. */
  refusalOf(error: unknown, execution: Execution): Refused | Silent {
    if (execution.cancelledBy !== undefined || error instanceof ExecutionCancelled) return cancelled(execution);
    const inner = error instanceof OperationError ? error.cause : error;
    const own = inner instanceof ReadFailed ? inner.cause : inner;
    const isOurs = inner instanceof ReadFailed || !(error instanceof OperationError);
    if (isOurs && own instanceof ConcordatError) {
      if (own.code === 'snapshot-too-old') return refused('snapshot-too-old', own.message);
      if (own.code === 'snapshot-unavailable') return refused('snapshot-in-future', own.message);
    }
    const failure = isOurs ? classifyDatabaseError(own) : 'other';
    if (failure === 'cancelled') return refusedByCancel('deadline');
    if (failure === 'connection') {
      return refused('prepare-not-possible', 'The database of the participant cannot be reached.');
    }
    const { logger } = this.surroundings;
    const shown =
      inner instanceof ReadFailed && error instanceof OperationError ? new OperationError(error.call, own) : error;
    return refusedByError(shown, execution.transactionId, logger);
  }

  async #run<T>(
    execution: Execution,
    data: SessionData,
    { call, operation: { options } }: ResolvedCall,
    operation: (context: OperationContext) => Promise<T>,
  ): Promise<T> {
    const store = new SessionStore(this.sources, data, options.readOnly === true);
    const { snapshot } = data;
    const context = contextOf(call, execution, this.surroundings.participant, { store, snapshot });
    const ended = execution.unlessCancelled(() => operation(context));
    await Promise.allSettled([ended]);
    store.close();
    if (store.failure !== undefined) throw new ReadFailed('a read failed', { cause: store.failure });
    return ended;
  }
}
