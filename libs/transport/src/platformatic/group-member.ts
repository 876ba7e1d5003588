/**
 * One membership of a consumer group, from joining until it fails or is left. Says which partitions are ours and from
 * where to read them, and stores how far we came. Reads nothing itself.
 *
 * The member has the name of the process (static membership): a process that was killed and started again takes the
 * place of its predecessor without waiting for the session timeout and without a rebalance.
 */
import { Consumer } from '@platformatic/kafka';
import type { HandledOffset } from '../subscription-work.js';
import { type ClientSettings, silenceErrorEvents } from './cluster.js';

const earliestTimestamp = -2n;
/** Losing the membership twice within this many session timeouts means that somebody else takes it. */
const takeoverSessions = 5;

/** Another process goes by our name: the broker gives the membership to one and then to the other. */
export class InstanceNameTaken extends Error {
  override readonly name = 'InstanceNameTaken';
}

interface GroupMemberOptions {
  connecting: ClientSettings;
  topic: string;
  groupId: string;
  /** Undefined: an anonymous member. */
  instanceId: string | undefined;
  sessionTimeoutMs: number;
  /** These partitions are ours now, from these offsets on. Called at every change. */
  onAssigned(positions: Map<number, number>): void;
}

export class GroupMember {
  readonly #options: GroupMemberOptions;
  readonly #consumer: Consumer<Buffer, Buffer, Buffer, Buffer>;
  readonly #failure = Promise.withResolvers<never>();
  #committing: Promise<void> = Promise.resolve();
  #positioning: Promise<void> | undefined;
  #assignments = 0;
  #memberId: string | undefined;
  #lostAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: GroupMemberOptions) {
    this.#options = options;
    const { connecting, groupId, instanceId, sessionTimeoutMs } = options;
    this.#consumer = new Consumer({
      ...connecting,
      groupId,
      ...(instanceId === undefined ? {} : { groupInstanceId: instanceId }),
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: sessionTimeoutMs * 2,
      heartbeatInterval: Math.floor(sessionTimeoutMs / 6),
      heartbeatStallTimeout: sessionTimeoutMs * 2,
    });
    silenceErrorEvents(this.#consumer.connections);
    this.#failure.promise.catch(() => {});
    const fail = (error: unknown) => this.#failure.reject(error);
    this.#consumer.on('error' as never, fail as never);
    this.#consumer.on('consumer:heartbeat:stalled', ({ lastError }) => fail(lastError ?? new Error('No heartbeat.')));
    this.#consumer.on('consumer:group:join', ({ memberId }) => {
      if (this.#isTakenOver(memberId)) fail(new InstanceNameTaken(`Somebody else is ${instanceId}.`));
      this.#positioning = this.#position();
      this.#positioning.catch(fail);
    });
  }

  /** Rejects when this membership can go on no longer. */
  get failed(): Promise<never> {
    return this.#failure.promise;
  }

  /** Joins, and resolves when the first assignment was told. */
  async join(): Promise<void> {
    this.#consumer.topics.trackAll(this.#options.topic);
    await this.#consumer.joinGroup({});
    await this.#positioning;
  }

  /** Stores how far we came. Calls queue behind one another. */
  async commit(handled: readonly HandledOffset[]): Promise<void> {
    const { topic } = this.#options;
    const offsets = handled.map(({ partition, offset }) => ({
      topic,
      partition,
      offset: BigInt(offset),
      leaderEpoch: -1,
    }));
    const before = this.#committing;
    this.#committing = before.catch(() => {}).then(() => this.#consumer.commit({ offsets }));
    await this.#committing;
  }

  /** Gives the partitions up at once, so that others, or our successor, need not wait. */
  async leave(): Promise<void> {
    this.#assignments += 1;
    await this.#committing.catch(() => {});
    await this.#consumer.close(true);
  }

  async #position(): Promise<void> {
    this.#assignments += 1;
    const assignment = this.#assignments;
    const { topic } = this.#options;
    const partitions = this.#consumer.assignments?.find((one) => one.topic === topic)?.partitions ?? [];
    const positions = new Map<number, number>();
    if (partitions.length > 0) {
      const committed = await this.#consumer.listCommittedOffsets({ topics: [{ topic, partitions }] });
      const earliest = await this.#consumer.listOffsets({
        topics: [topic],
        partitions: { [topic]: partitions },
        timestamp: earliestTimestamp,
      });
      for (const partition of partitions) {
        const offset = committed.get(topic)?.[partition] ?? -1n;
        positions.set(partition, Number(offset >= 0n ? offset : (earliest.get(topic)?.[partition] ?? 0n)));
      }
    }
    if (assignment === this.#assignments) this.#options.onAssigned(positions);
  }

  /** The library takes a lost membership back by itself; this tells a lost one from one that is taken away. */
  #isTakenOver(memberId: string): boolean {
    const lost = this.#memberId !== undefined && this.#memberId !== memberId;
    this.#memberId = memberId;
    if (!lost || this.#options.instanceId === undefined) return false;
    const sinceMs = performance.now() - this.#lostAtMs;
    this.#lostAtMs = performance.now();
    return sinceMs < takeoverSessions * this.#options.sessionTimeoutMs;
  }
}
