import type { Command, OutcomeEvent, StatusAnswer } from '@concordat/protocol';

/** Unix time in ms. */
export interface Clock {
  now(): number;
}

/** In [0, 1). */
export type Random = () => number;

/** Carries commands and outcome events to Kafka. */
export interface Messenger {
  /** Whether Kafka has been joined since the start. */
  readonly joined: boolean;
  /** False while Kafka cannot be reached. */
  readonly available: boolean;
  /** Whether all that participants send reaches this replica now, so that silence means something. */
  readonly hears: boolean;
  /**
   * Sends and forgets: a command that is lost is sent again by its transaction's resend timer.
   * @param mayWait nobody waits for its answer: it goes along with the next one, or by itself a moment later
   */
  send(command: Command, mayWait?: boolean): void;
  /** Resolves once every event is acknowledged. */
  publish(events: readonly OutcomeEvent[]): Promise<void>;
  /** Makes the participant's topics when they are missing. */
  ensureParticipantTopics(participant: string): Promise<void>;
}

/** Of a transaction on its way to the decision. `prepare`: until the outcome is settled; `decide`: until it is applied. */
export type Phase = 'prepare' | 'decide';

/** What the engine counts. Durations are ms. */
export interface EngineMetrics {
  transactionBegun(): void;
  phaseEnded(phase: Phase, tookMs: number): void;
  transactionDecided(outcome: 'committed' | 'aborted', reasonCode: string | undefined, sinceBeginMs: number): void;
  transactionCompleted(sinceDecisionMs: number): void;
  commandResent(command: string): void;
  hazardRaised(participant: string): void;
  strayReply(type: string): void;
  statusesAnswered(answers: readonly StatusAnswer[]): void;
  persisted(transactions: number, tookMs: number): void;
  /** A begin, or an operation that runs at once, goes on after it has waited for so long. */
  letIn(waitedMs: number): void;
  /** It was refused, by its caller's excess, a participant's lag, or for want of a place. */
  turnedAway(by: 'caller' | 'participant' | 'places', caller: string): void;
}

export interface EngineLogger {
  debug(details: object, message: string): void;
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}
