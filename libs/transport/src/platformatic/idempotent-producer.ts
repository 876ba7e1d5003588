/**
 * Sends batches so that the broker stores each once: every partition's records are numbered, and a batch that is sent
 * again carries the same numbers and bytes. Owns the producer id and the numbers.
 *
 * Invariants:
 * - P1 One `deliver` runs at a time (the batcher sees to it).
 * - P2 After a failure whose outcome is unknown the producer id is given up, as the numbers are no longer certain.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type ConnectionPool, Producer } from '@platformatic/kafka';
import { partitionOf } from '../partition-of.js';
import type { OutgoingMessage } from '../transport.js';
import { TransportError } from '../transport-error.js';
import { type ClientSettings, type Cluster, isComingUp, notAllowed, silenceErrorEvents } from './cluster.js';
import { encodeRecordBatch, type ProducerIdentity } from './record-batch.js';
import { type PartitionAnswer, type PartitionBatch, produce } from './requests.js';

const retryDelayMs = 50;

/** Stored already, by an attempt whose answer was lost. */
const duplicateSequence = 46;
/** The ACL forbids it. */
const notAuthorized = 29;
/** The broker has lost track of this producer, or has another opinion of its numbers. */
const identityErrors = new Set([45, 47, 49, 59, 90]);
/** Leaders that moved, replicas that are behind, brokers that start or stop. */
const passingErrors = new Set([3, 5, 6, 7, 9, 13, 19, 20, 56, 74, 75]);

interface PendingBatch extends PartitionBatch {
  messages: OutgoingMessage[];
  stored: boolean;
}

interface IdempotentProducerOptions {
  connecting: ClientSettings;
  /** How long a batch is tried. */
  timeoutMs: number;
  onTrouble(error: unknown): void;
}

export class IdempotentProducer {
  readonly #cluster: Cluster;
  readonly #pool: ConnectionPool;
  readonly #identities: Producer;
  readonly #options: IdempotentProducerOptions;
  #identity: ProducerIdentity | undefined;
  /** The number of the next record, by topic and partition. */
  #sequences = new Map<string, number>();

  constructor(cluster: Cluster, options: IdempotentProducerOptions) {
    this.#cluster = cluster;
    this.#pool = cluster.createPool();
    this.#options = options;
    this.#identities = new Producer(options.connecting);
    silenceErrorEvents(this.#identities.connections);
  }

  /** Resolves when every message is stored; rejects with a `TransportError`. */
  async deliver(messages: readonly OutgoingMessage[]): Promise<void> {
    const deadlineMs = performance.now() + this.#options.timeoutMs;
    let unstored = messages;
    let batches: PendingBatch[] | undefined;
    let cause: unknown;
    try {
      do {
        if (cause !== undefined) await delay(retryDelayMs);
        try {
          batches ??= await this.#prepare(unstored);
          await this.#attempt(batches);
          return;
        } catch (error) {
          if (error instanceof TransportError) throw error;
          if (!isComingUp(error)) this.#options.onTrouble(error);
          cause = error;
        }
        if (this.#identity || !batches) continue;
        // What is sent under a new identity is numbered and encoded anew.
        unstored = batches.flatMap(unstoredMessages);
        batches = undefined;
      } while (performance.now() < deadlineMs);
      throw new TransportError('transport-unavailable', 'The broker did not store the batch in time.', { cause });
    } catch (error) {
      this.#identity = undefined;
      throw error;
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#pool.close(), this.#identities.close()]);
  }

  /** Numbers and encodes the messages, by partition. */
  async #prepare(messages: readonly OutgoingMessage[]): Promise<PendingBatch[]> {
    const byPartition = await this.#groupByPartition(messages);
    const identity = this.#identity ?? (await this.#takeIdentity());
    const nowMs = Date.now();
    const batches: PendingBatch[] = [];
    for (const [topic, partitions] of byPartition) {
      for (const [partition, group] of partitions) {
        const place = `${topic}:${partition}`;
        const sequence = this.#sequences.get(place) ?? 0;
        const records = encodeRecordBatch(group, identity, sequence, nowMs);
        // The broker counts in 31 bits and starts again at 0.
        this.#sequences.set(place, (sequence + group.length) % 0x8000_0000);
        batches.push({ topic, partition, records, messages: group, stored: false });
      }
    }
    return batches;
  }

  async #groupByPartition(messages: readonly OutgoingMessage[]): Promise<Map<string, Map<number, OutgoingMessage[]>>> {
    const byPartition = new Map<string, Map<number, OutgoingMessage[]>>();
    for (const message of messages) {
      const known = this.#cluster.layout(message.topic);
      const layout = known instanceof Promise ? await known : known;
      if (!layout) throw new TransportError('transport-topic-unknown', `There is no topic ${message.topic}.`);
      const partitions = byPartition.get(message.topic) ?? new Map<number, OutgoingMessage[]>();
      if (partitions.size === 0) byPartition.set(message.topic, partitions);
      const partition = partitionOf(message.key, layout.leaders.length);
      const group = partitions.get(partition);
      if (group) group.push(message);
      else partitions.set(partition, [message]);
    }
    return byPartition;
  }

  async #takeIdentity(): Promise<ProducerIdentity> {
    const { producerId, producerEpoch } = await this.#identities.initIdempotentProducer({});
    this.#sequences = new Map();
    this.#identity = { id: producerId, epoch: producerEpoch };
    return this.#identity;
  }

  /** Resolves when everything is stored; rejects when it has to be tried again, or with a `TransportError` if not. */
  async #attempt(batches: PendingBatch[]): Promise<void> {
    const byLeader = new Map<number, PendingBatch[]>();
    for (const batch of batches) {
      if (batch.stored) continue;
      const known = this.#cluster.layout(batch.topic);
      const layout = known instanceof Promise ? await known : known;
      const leader = layout?.leaders[batch.partition] ?? -1;
      const group = byLeader.get(leader);
      if (group) group.push(batch);
      else byLeader.set(leader, [batch]);
    }
    // All of them are seen to their end before anything is sent again.
    const outcomes = await Promise.allSettled([...byLeader].map(([leader, group]) => this.#sendTo(leader, group)));
    const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
    if (failures.length > 0) throw failures.find((failure) => failure instanceof TransportError) ?? failures[0];
  }

  async #sendTo(leader: number, batches: PendingBatch[]): Promise<void> {
    let answers: PartitionAnswer[];
    try {
      const connection = await this.#cluster.connect(this.#pool, leader);
      answers = await produce(connection, batches, this.#options.timeoutMs);
    } catch (error) {
      // Whether the batch arrived is unknown, so it goes again under the same numbers, to whoever leads then.
      for (const { topic } of batches) this.#cluster.forget(topic);
      throw error;
    }
    let failure: Error | undefined;
    for (const answer of answers) {
      const batch = batches.find(({ topic, partition }) => topic === answer.topic && partition === answer.partition);
      if (!batch) continue;
      const refusal = this.#refusal(answer);
      batch.stored = refusal === undefined;
      if (refusal instanceof TransportError || !failure) failure = refusal;
    }
    if (failure) throw failure;
  }

  /** @returns why a batch was not stored: a `TransportError` if it never will be */
  #refusal({ topic, partition, errorCode }: PartitionAnswer): Error | undefined {
    if (errorCode === 0 || errorCode === duplicateSequence) return undefined;
    const text = `The broker refused a batch for partition ${partition} of ${topic} (code ${errorCode}).`;
    if (identityErrors.has(errorCode)) this.#identity = undefined;
    else if (passingErrors.has(errorCode)) this.#cluster.forget(topic);
    else if (errorCode === notAuthorized) return new TransportError('transport-unauthorized', notAllowed(topic));
    else return new TransportError('transport-message-rejected', text);
    return new Error(text);
  }
}

function unstoredMessages(batch: PendingBatch): OutgoingMessage[] {
  return batch.stored ? [] : batch.messages;
}
