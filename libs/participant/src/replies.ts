import {
  type BranchesReply,
  type DeadLetter,
  type Done,
  deadLettersTopic,
  type ExecuteCommand,
  encodeMessage,
  type Heartbeat,
  REPLIES_TOPIC,
  type Reason,
  type Vote,
  WIRE_VERSION,
} from '@concordat/protocol';
import type { IncomingMessage, Transport } from '@concordat/transport';
import type { DEAD_LETTER_CAUSES } from './metrics.js';
import type { Surroundings } from './surroundings.js';
import { commandTrace, noteAnswer, noteRefusal, outsideOfCommands } from './tracing.js';
import { encodeDone, encodeExecuted, encodeRefusal } from './votes.js';

/** A dead letter of a full-size message must itself fit into a message, in base 64. */
const DEAD_LETTER_VALUE_BYTES_MAX = 600_000;
const DEAD_LETTER_ERROR_MAX = 2000;

export type DeadLetterCause = (typeof DEAD_LETTER_CAUSES)[number];

/**
 * Sends what a participant has to say. Nothing here throws or is waited for: a reply that is lost is made good by the
 * coordinator, which sends its command again, and by prepared branches, which repeat their votes.
 */
export class Replies {
  constructor(
    private readonly transport: Transport,
    private readonly surroundings: Surroundings,
  ) {}

  /** An encoded yes vote, for the first time or again. */
  vote(transactionId: string, kind: Vote['vote'], encoded: string): void {
    this.surroundings.metrics.votes.inc({ vote: kind, reason: '' });
    noteAnswer({ 'concordat.vote': kind });
    this.#reply('vote', transactionId, encoded);
  }

  repeatVote(transactionId: string, encoded: string): void {
    this.surroundings.metrics.voteRepeats.inc();
    this.#reply('vote', transactionId, encoded);
  }

  refuse(transactionId: string, reason: Reason): void {
    const { metrics, logger, participant } = this.surroundings;
    metrics.votes.inc({ vote: 'refused', reason: metrics.reasonLabel(reason.code) });
    logger.info({ transactionId, reason }, 'refused');
    noteAnswer({ 'concordat.vote': 'refused' });
    noteRefusal(reason);
    this.#reply('vote', transactionId, encodeRefusal(participant, transactionId, reason));
  }

  done(transactionId: string, outcome: Done['outcome'], detail: string | null): void {
    noteAnswer({ 'concordat.outcome': outcome });
    if (outcome === 'hazard') noteRefusal({ code: outcome, message: detail ?? outcome });
    const encoded = encodeDone(this.surroundings.participant, transactionId, outcome, detail);
    this.#reply('done', transactionId, encoded);
  }

  /** Answers an execute. What was encoded is returned, to be sent again should the command come again. */
  executed(
    { transactionId, number, call }: ExecuteCommand,
    nonce: string,
    outcome: { readonly result: unknown } | { readonly reason: Reason },
  ): string {
    const { participant, metrics, logger } = this.surroundings;
    const reason = 'reason' in outcome ? outcome.reason : null;
    metrics.executes.inc({ reason: reason ? metrics.reasonLabel(reason.code) : '' });
    if (reason) logger.info({ transactionId, number, reason }, 'an operation was refused');
    if (reason) noteRefusal(reason);
    const encoded = encodeExecuted(participant, { transactionId, number, branchId: call.branchId, nonce }, outcome);
    this.#reply('executed', transactionId, encoded);
    return encoded;
  }

  repeatExecuted(transactionId: string, encoded: string): void {
    this.#reply('executed', transactionId, encoded);
  }

  branches(reply: BranchesReply): void {
    this.#reply('branches', reply.transactionId, encodeMessage(reply));
  }

  /** Resolves when sent or given up. */
  async heartbeat(heartbeat: Heartbeat): Promise<void> {
    await this.#send('heartbeat', REPLIES_TOPIC, heartbeat.participant, encodeMessage(heartbeat));
  }

  /** Keeps a message that could not be read or handled, for people to look at. Resolves when sent or given up. */
  async deadLetter(message: IncomingMessage, cause: DeadLetterCause, error: string): Promise<void> {
    const { metrics, logger, participant, clock } = this.surroundings;
    const { topic, partition, offset, key, value } = message;
    metrics.deadLetters.inc({ cause });
    logger.error(
      { topic, partition, offset, key: key.slice(0, 200), cause, error },
      'a message went to the dead letters',
    );
    const cut = value.byteLength > DEAD_LETTER_VALUE_BYTES_MAX;
    const letter: DeadLetter = {
      v: WIRE_VERSION,
      topic,
      partition,
      offset,
      key,
      valueBase64: value.subarray(0, DEAD_LETTER_VALUE_BYTES_MAX).toString('base64'),
      error: `${cause}: ${error}${cut ? ` (cut from ${value.byteLength} bytes)` : ''}`.slice(0, DEAD_LETTER_ERROR_MAX),
      at: new Date(clock.nowMs()).toISOString(),
    };
    await this.#send('dead-letter', deadLettersTopic(participant), key, encodeMessage(letter));
  }

  #reply(type: string, transactionId: string, value: string): void {
    void this.#send(type, REPLIES_TOPIC, transactionId, value);
  }

  async #send(type: string, topic: string, key: string, value: string): Promise<void> {
    const trace = commandTrace();
    try {
      const message = trace ? { topic, key, value, headers: { ...trace } } : { topic, key, value };
      await outsideOfCommands(() => this.transport.send(message)); // what is sent together is of many commands
    } catch (error) {
      this.surroundings.metrics.sendFailures.inc({ type });
      // While the broker is away every reply fails, which the transport's own log and metrics tell once.
      const level = this.transport.available ? 'warn' : 'debug';
      this.surroundings.logger[level]({ err: error, key, type }, 'a reply could not be sent');
    }
  }
}
