/** A subscription that shares its topic with the other members of its group and goes on where the group left off. */
import { setTimeout as delay } from 'node:timers/promises';
import { SubscriptionWork } from '../subscription-work.js';
import type { ReadingState, SubscribeOptions, Subscription } from '../transport.js';
import { clientSettings, isComingUp } from './cluster.js';
import { createReader, type SubscriptionParts } from './end-subscription.js';
import { GroupMember, InstanceNameTaken } from './group-member.js';
import type { TopicReader } from './topic-reader.js';

const retryDelayMs = 250;
const commitIntervalMs = 200;

export class CommittedSubscription implements Subscription {
  /** Resolves when the first assignment is known, or the topic is known not to exist yet. */
  readonly positioned: Promise<void>;
  readonly #parts: SubscriptionParts;
  readonly #options: SubscribeOptions;
  readonly #work: SubscriptionWork;
  readonly #reader: TopicReader;
  readonly #positioned = Promise.withResolvers<void>();
  readonly #closing = Promise.withResolvers<void>();
  readonly #running: Promise<void>;
  #instanceId: string | undefined;
  #closed = false;

  constructor(parts: SubscriptionParts, options: SubscribeOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#instanceId = `${parts.context.settings.instanceId}.${options.groupId}`.replaceAll(/\s/g, '_');
    this.#work = new SubscriptionWork(options, parts.context.statistics);
    this.#reader = createReader(parts, options, this.#work);
    this.positioned = this.#positioned.promise;
    this.#running = this.#run();
  }

  reading(): ReadingState {
    return { topic: this.#options.topic, outstanding: this.#work.outstanding, lag: this.#reader.lag() };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#closing.resolve();
    await this.#running;
  }

  /** One membership after the other. Never rejects. */
  async #run(): Promise<void> {
    while (!this.#closed) {
      try {
        if (await this.#parts.cluster.refresh(this.#options.topic)) await this.#beMember();
        else this.#positioned.resolve();
      } catch (error) {
        if (!isComingUp(error)) this.#report(error);
      }
      if (!this.#closed) await Promise.race([delay(retryDelayMs), this.#closing.promise]);
    }
    await this.#reader.close();
    await this.#work.end();
    this.#positioned.resolve();
  }

  async #beMember(): Promise<void> {
    const { settings } = this.#parts.context;
    const { topic, groupId } = this.#options;
    const member = new GroupMember({
      connecting: clientSettings(settings),
      topic,
      groupId,
      instanceId: this.#instanceId,
      sessionTimeoutMs: settings.sessionTimeoutMs,
      onAssigned: (positions) => this.#assign(positions),
    });
    let commit: Promise<void> | undefined;
    const timer = setInterval(() => {
      commit ??= this.#commit(member).finally(() => {
        commit = undefined;
      });
    }, commitIntervalMs);
    try {
      await Promise.race([member.join(), member.failed, this.#closing.promise]);
      this.#positioned.resolve();
      await Promise.race([member.failed, this.#closing.promise]);
      // Orderly: what runs is seen to its end and committed before the partitions are given up.
      await this.#reader.close();
      await this.#work.end();
      clearInterval(timer);
      await commit;
      await this.#commit(member);
    } catch (error) {
      if (error instanceof InstanceNameTaken) this.#goAnonymous();
      throw error;
    } finally {
      clearInterval(timer);
      this.#assign(new Map());
      await member.leave().catch((error) => this.#report(error));
    }
  }

  #assign(positions: Map<number, number>): void {
    this.#work.reassign();
    this.#reader.assign(positions);
  }

  /** Never rejects: what could not be committed now is committed with what follows. */
  async #commit(member: GroupMember): Promise<void> {
    const handled = this.#work.uncommitted;
    if (handled.length === 0) return;
    try {
      await member.commit(handled);
      this.#work.committed(handled);
    } catch (error) {
      this.#report(error);
    }
  }

  /** Another process goes by our name: it may be a second one by mistake, so we go on without a name. */
  #goAnonymous(): void {
    const { logger } = this.#parts.context.settings;
    logger.warn(
      { instanceId: this.#instanceId, groupId: this.#options.groupId },
      'Another process uses the same instance id: after a crash this one will get its partitions back more slowly.',
    );
    this.#instanceId = undefined;
  }

  #report(error: unknown): void {
    this.#parts.context.onTrouble(error);
    this.#options.onError?.(error);
  }
}
