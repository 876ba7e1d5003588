import type { CommitCommand, PrepareCommand, Vote } from '@concordat/protocol';
import { Column, Entity, PrimaryColumn } from 'typeorm';
import { VersionedEntity } from '../src/global/versioned-entity.decorator.js';
import { FakeCoordinator } from './fake-coordinator.js';
import { createTestDatabase, type TestDatabase } from './test-database.js';
import { type Handler, TestCoordinator, TestParticipant, type TestParticipantOptions } from './test-participant.js';

@Entity('thing')
@VersionedEntity({ indexes: [['colour']], uniques: [{ name: 'code', columns: ['code'] }] })
export class Thing {
  @PrimaryColumn('text')
  id!: string;

  @Column('bigint', { transformer: { from: Number, to: (value: number) => value } })
  n!: number;

  @Column('text', { nullable: true })
  colour!: string | null;

  @Column('text', { nullable: true })
  code!: string | null;
}

/** Counts a thing up, made where there was none. */
export const count: Handler = async ({ id }, { store }) => {
  const found = await store.get(Thing, { id });
  if (found) return { n: (await store.update(Thing, { id }, { n: found.n + 1 })).n };
  await store.insert(Thing, { id, n: 1, colour: null, code: null });
  return { n: 1 };
};
const look: Handler = async ({ id }, { store, snapshot }) => {
  const found = await store.get(Thing, { id });
  return { n: found?.n ?? null, snapshot };
};

/** A database, a coordinator that is told what became of transactions, and participants with global isolation. */
export class GlobalTest {
  readonly commands = new TestCoordinator();
  readonly #participants: TestParticipant[] = [];

  private constructor(
    readonly database: TestDatabase,
    readonly coordinator: FakeCoordinator,
  ) {}

  static async start(): Promise<GlobalTest> {
    return new GlobalTest(await createTestDatabase(), await FakeCoordinator.start());
  }

  async participant(options: Partial<TestParticipantOptions> = {}): Promise<TestParticipant> {
    const global = { coordinators: [this.coordinator.url], entities: [Thing] };
    const { operations, readOnlyOperations, ...rest } = options;
    const participant = await TestParticipant.start({
      url: this.database.url,
      global,
      operations: { count, ...operations },
      readOnlyOperations: { look, ...readOnlyOperations },
      ...rest,
    });
    this.#participants.push(participant);
    return participant;
  }

  /** A prepare at the newest snapshot. */
  prepare(id: string, calls: [string, string][], further: Partial<PrepareCommand> = {}): PrepareCommand {
    const { appliedCsn } = this.coordinator;
    return this.commands.prepare(id, calls, { isolation: 'global', snapshot: appliedCsn, appliedCsn, ...further });
  }

  /** Decides in the log; nobody but who asks hears of it. */
  decide(id: string): CommitCommand {
    this.coordinator.appliedCsn += 1;
    const { appliedCsn } = this.coordinator;
    this.coordinator.outcomes.set(id, { status: 'committed', csn: appliedCsn });
    return { ...this.commands.commit(id), csn: appliedCsn };
  }

  /** Runs a whole transaction of one participant. */
  async run(participant: TestParticipant, ...calls: [string, string][]): Promise<Vote> {
    const id = this.commands.id();
    const vote = await participant.prepare(this.prepare(id, calls));
    if (vote.vote === 'prepared') await participant.decide(this.decide(id));
    return vote;
  }

  async stop(participant: TestParticipant): Promise<void> {
    this.#participants.splice(this.#participants.indexOf(participant), 1);
    await participant.stop();
  }

  async stopAll(): Promise<void> {
    for (const participant of this.#participants.splice(0)) await participant.stop();
  }

  async close(): Promise<void> {
    await this.stopAll();
    await this.coordinator.stop();
    await this.database.drop();
  }
}
