import {
  assertNever,
  type BranchesReply,
  COORDINATOR_DEAD_LETTERS_TOPIC,
  type DeadLetter,
  type Done,
  decodeReply,
  type Executed,
  encodeMessage,
  type Heartbeat,
  REPLIES_TOPIC,
  type Reply,
  type Vote,
  WIRE_VERSION,
} from '@concordat/protocol';
import type { IncomingMessage, Subscription, Transport } from '@concordat/transport';
import type { EngineLogger } from '../engine/ports.js';
import type { TransactionTracing } from '../engine/tracing.js';
import { pause } from '../engine/within.js';
import { ReplyTrust } from './reply-trust.js';

/**
 * A replica that does not lead decides nothing by what it reads. Reading it in larger pieces costs a fraction of the requests,
 * and after a change of leaders this much, once. Far below any silence that is suspected. In ms.
 */
const FOLLOWER_PAUSE_MS = 50;

/** A dead letter keeps at most this much of the message. */
const DEAD_LETTER_VALUE_BYTES_MAX = 256 * 1024;

export interface ReplyHandler {
  onVote(vote: Vote): void;
  onExecuted(reply: Executed): void;
  onDone(done: Done): void;
  onHeartbeat(heartbeat: Heartbeat): void;
  onBranches(reply: BranchesReply): void;
  /** Whether replies are waited for here: this replica leads. */
  readonly isLeading: boolean;
}

/**
 * Reads every reply of every participant, from the end at start: prepared branches repeat themselves (D6), so nothing
 * that matters is missed. What cannot be read or believed goes to the dead letters and never stops the reader.
 */
export class ReplyReader {
  #subscription: Subscription | undefined;
  readonly #trust = new ReplyTrust(() => performance.now());
  #readAt = Number.NEGATIVE_INFINITY;

  /** @param onDeadLetter counts dead letters, for the alert */
  constructor(
    private readonly transport: Transport,
    private readonly handler: ReplyHandler,
    private readonly logger: EngineLogger,
    private readonly tracing: Pick<TransactionTracing, 'received'>,
    private readonly onDeadLetter: () => void,
  ) {}

  /** @param memberId each replica reads everything, under a group of its own */
  async start(memberId: string): Promise<void> {
    this.#subscription = await this.transport.subscribe({
      topic: REPLIES_TOPIC,
      groupId: `concordat-coordinator-${memberId}`,
      from: 'end',
      onMessage: (message) => this.#onMessage(message),
      onRead: () => {
        this.#readAt = performance.now();
      },
      pause: () => (this.handler.isLeading ? undefined : pause(FOLLOWER_PAUSE_MS)),
      onError: (error, message) => {
        if (message) this.#refuse(message, (error as Error).message);
        else this.logger.warn({ err: error }, 'reading replies');
      },
    });
  }

  /** How long ago all brokers had answered a read, in ms; endless before the first. */
  get unreadMs(): number {
    return performance.now() - this.#readAt;
  }

  async stop(): Promise<void> {
    await this.#subscription?.close();
  }

  #onMessage(message: IncomingMessage): void {
    const decoded = decodeReply(message.value);
    if (!decoded.ok) return this.#refuse(message, decoded.error);
    const reply = decoded.message;
    this.#trust.check(message, reply); // what it throws comes back through onError
    const endSpan = this.tracing.received(reply, message.headers);
    this.#handle(reply);
    endSpan?.();
  }

  #handle(reply: Reply): void {
    switch (reply.type) {
      case 'vote':
        return this.handler.onVote(reply);
      case 'executed':
        return this.handler.onExecuted(reply);
      case 'done':
        return this.handler.onDone(reply);
      case 'heartbeat':
        return this.handler.onHeartbeat(reply);
      case 'branches':
        return this.handler.onBranches(reply);
      default:
        return assertNever(reply);
    }
  }

  #refuse(message: IncomingMessage, error: string): void {
    this.onDeadLetter();
    const { topic, partition, offset, key } = message;
    this.logger.warn({ topic, partition, offset, error }, 'a reply went to the dead letters');
    const letter: DeadLetter = {
      v: WIRE_VERSION,
      topic,
      partition,
      offset,
      key,
      valueBase64: Buffer.from(message.value.subarray(0, DEAD_LETTER_VALUE_BYTES_MAX)).toString('base64'),
      error: error.slice(0, 2000),
      at: new Date(message.timestampMs).toISOString(),
    };
    this.transport
      .send({ topic: COORDINATOR_DEAD_LETTERS_TOPIC, key, value: encodeMessage(letter) })
      .catch((cause: unknown) => this.logger.error({ topic, partition, offset, err: cause }, 'a dead letter was lost'));
  }
}
