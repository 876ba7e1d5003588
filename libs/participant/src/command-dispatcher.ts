import {
  assertNever,
  type Command,
  type CommitCommand,
  decodeCommand,
  type PrepareCommand,
  parseTransactionId,
  type RollbackCommand,
} from '@concordat/protocol';
import type { IncomingMessage } from '@concordat/transport';
import { type BranchReports, isPlausibleReport } from './branch-reports.js';
import { type BranchState, decide } from './decisions.js';
import { type CancelCause, Execution, type PrepareExecution } from './execution.js';
import type { Finalised, IsolationWork } from './isolation.js';
import type { ParticipantState } from './participant-state.js';
import { type PrepareOutcome, reasonOfAction } from './prepare-outcome.js';
import type { PreparedBranches } from './prepared-branches.js';
import type { Replies } from './replies.js';
import type { Surroundings } from './surroundings.js';
import { inCommand, lasting } from './tracing.js';
import type { VoteRepeater } from './vote-repeater.js';
import { encodeVote, ownReason } from './votes.js';

/** What the dispatcher hands its work to. */
export interface DispatcherParts {
  readonly work: IsolationWork;
  readonly prepared: PreparedBranches;
  readonly repeater: VoteRepeater;
  readonly state: ParticipantState;
  readonly replies: Replies;
  readonly reports: BranchReports;
}

/**
 * Receives the commands of one participant and sees each through to its reply.
 *
 * Invariants:
 * - one execution per transaction runs in this process; what memory does not know, the branch row decides;
 * - commits and rollbacks never wait for prepares of other transactions, and a rollback ends the prepare of its own;
 * - no message, however broken, stops the consumer.
 */
export class CommandDispatcher {
  readonly #executions = new Map<string, PrepareExecution>();

  constructor(
    private readonly parts: DispatcherParts,
    private readonly surroundings: Surroundings,
  ) {}

  get executing(): number {
    return this.#executions.size + this.parts.work.executes.executing;
  }

  isExecuting(transactionId: string): boolean {
    return this.#executions.has(transactionId);
  }

  /**
   * Takes a message. The transport delivers those of one transaction one after the other, and a rollback must not wait
   * behind the prepare that it is to end. So a prepare counts as handled as soon as it is accepted; should the process
   * die before it is durable, the coordinator sends it again. Only a full backlog holds the reading up. Decisions count
   * as handled when they are durable.
   */
  accept(message: IncomingMessage): void | Promise<void> {
    const decoded = decodeCommand(message.value);
    if (!decoded.ok) return this.#unreadable(message, decoded.error);
    const command = decoded.message;
    const { participant, metrics } = this.surroundings;
    if (command.participant !== participant) {
      return this.parts.replies.deadLetter(message, 'misdirected', `the command is for "${command.participant}"`);
    }
    const { state } = this.parts;
    const plausible = command.type !== 'report' || isPlausibleReport(command, state);
    if (!plausible || !state.isPlausible(command.transactionId)) {
      return this.parts.replies.deadLetter(
        message,
        'implausible',
        'the incarnation of the transaction lies ahead of time',
      );
    }
    metrics.commands.inc({ type: command.type });
    state.observeHorizon(command.transactionId, command.horizon);
    this.parts.work.hear(command);
    return inCommand(command, message, () => this.#handle(command, message));
  }

  #handle(command: Command, message: IncomingMessage): void | Promise<void> {
    switch (command.type) {
      case 'prepare':
        return this.#prepare(command, message);
      case 'execute':
        return this.parts.work.executes.accept(command, message);
      case 'commit':
        return this.#commit(command);
      case 'rollback':
        return this.#rollback(command);
      case 'report':
        return this.parts.reports.answer(command);
      default:
        return assertNever(command);
    }
  }

  /** Waits until nothing is executing, and cancels what still is after the grace period. */
  async drain(graceMs: number): Promise<void> {
    const timer = setTimeout(() => this.#cancelAll('stopping'), graceMs);
    const { executes } = this.parts.work;
    await Promise.all([executes.drain(graceMs), ...[...this.#executions.values()].map(({ done }) => done)]);
    clearTimeout(timer);
  }

  #cancelAll(cause: CancelCause): void {
    for (const execution of this.#executions.values()) void execution.cancel(cause);
  }

  #prepare(command: PrepareCommand, message: IncomingMessage): void | Promise<void> {
    const { prepared, replies } = this.parts;
    const { transactionId } = command;
    const known = prepared.get(transactionId);
    const local: BranchState = this.isExecuting(transactionId) ? 'executing' : known ? 'prepared' : 'absent';
    const action = decide('prepare', local, this.#circumstances(command));
    if (local !== 'absent') this.surroundings.metrics.duplicates.inc({ state: local });
    const reason = reasonOfAction(action);
    if (reason) return replies.refuse(transactionId, reason);
    if (action === 'repeat-vote' && known) return replies.repeatVote(transactionId, known.vote);
    if (action !== 'execute') return undefined;
    const execution = new Execution(command, message, this.surroundings.clock.nowMs());
    this.#executions.set(transactionId, execution);
    const ended = this.#execute(execution);
    lasting(ended);
    return this.#executions.size > this.surroundings.limits.prepareBacklogMax ? ended : undefined;
  }

  async #execute(execution: PrepareExecution): Promise<void> {
    const { logger, metrics, clock } = this.surroundings;
    const { transactionId, arrivedMs } = execution;
    try {
      const outcome = await this.parts.work.executor.run(execution);
      metrics.prepareSeconds.observe({ outcome: outcome.kind }, (clock.nowMs() - arrivedMs) / 1000);
      logger.debug({ transactionId, outcome: outcome.kind }, 'prepare ended');
      this.#answer(execution, outcome);
    } catch (error) {
      logger.error({ transactionId, err: error }, 'a prepare failed inside the participant');
    } finally {
      this.#executions.delete(transactionId);
      execution.finish();
    }
  }

  #answer(execution: PrepareExecution, outcome: PrepareOutcome): void {
    const { prepared, replies } = this.parts;
    const { transactionId, message } = execution;
    switch (outcome.kind) {
      case 'prepared':
        this.#remember(transactionId, outcome.vote);
        // A rollback that waits for the end of this execution will find the branch prepared: no vote is needed.
        if (execution.cancelledBy !== 'rollback') replies.vote(transactionId, 'prepared', outcome.vote);
        return;
      case 'prepared-elsewhere':
        // Whoever prepared it votes with the results; should nobody, we repeat the vote without them.
        if (!prepared.get(transactionId)) {
          this.#remember(transactionId, encodeVote(this.surroundings.participant, transactionId, 'prepared', null));
        }
        return;
      case 'read-only':
        return replies.vote(transactionId, 'read-only', outcome.vote);
      case 'refused':
        replies.refuse(transactionId, outcome.reason);
        if (outcome.poison !== undefined) {
          void replies.deadLetter(
            message,
            'operation-failed',
            String((outcome.poison as Error)?.stack ?? outcome.poison),
          );
        }
        return;
      case 'silent':
        return;
      default:
        assertNever(outcome);
    }
  }

  #remember(transactionId: string, vote: string): void {
    const nowMs = this.surroundings.clock.nowMs();
    this.parts.prepared.add(transactionId, vote, nowMs, this.parts.repeater.firstDueMs(nowMs));
  }

  async #commit(command: CommitCommand): Promise<void> {
    const knownPrepared = this.parts.prepared.get(command.transactionId) !== undefined;
    this.#finalised(command, await this.parts.work.finaliser.commit(command, knownPrepared));
  }

  async #rollback(command: RollbackCommand): Promise<void> {
    const { transactionId } = command;
    await this.#executions.get(transactionId)?.cancel('rollback');
    const knownPrepared = this.parts.prepared.get(transactionId) !== undefined;
    this.#finalised(command, await this.parts.work.finaliser.rollback(command, knownPrepared));
  }

  /** D7: DONE only after the finalisation is durable; without one nothing is said, and the decision comes again. */
  #finalised(command: Command, finalised: Finalised | undefined): void {
    if (finalised === undefined) return;
    const { transactionId } = command;
    const { outcome, detail } = finalised;
    this.parts.prepared.forget(transactionId);
    this.surroundings.logger.debug({ transactionId, outcome }, 'done');
    this.parts.replies.done(transactionId, outcome, detail);
  }

  #circumstances(command: Command) {
    const { state } = this.parts;
    return {
      belowHorizon: state.isBelowHorizon(command.transactionId, command.horizon),
      staleIncarnation: state.isStale(command.transactionId),
      presumed: command.type === 'rollback' && command.presumed,
    };
  }

  /** A poison prepare votes no, where it can be told that it is one; in any case the message is kept. */
  #unreadable(message: IncomingMessage, error: string): Promise<void> {
    const transactionId = transactionIdOfBrokenPrepare(message.value, this.surroundings.participant);
    if (transactionId !== undefined) {
      const text = `The participant could not read the prepare message: ${error}`;
      this.parts.replies.refuse(transactionId, ownReason('message-invalid', text, false));
    }
    return this.parts.replies.deadLetter(message, 'unreadable', error);
  }
}

/** The id of a message that is a prepare for this participant in all but some detail. */
function transactionIdOfBrokenPrepare(value: Buffer, participant: string): string | undefined {
  try {
    const { type, transactionId, participant: addressee } = JSON.parse(value.toString('utf8')) ?? {};
    const isPrepare = type === 'prepare' && addressee === participant && typeof transactionId === 'string';
    return isPrepare && parseTransactionId(transactionId) !== undefined ? transactionId : undefined;
  } catch {
    return undefined; // no JSON at all
  }
}
