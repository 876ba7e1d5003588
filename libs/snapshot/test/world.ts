import { setTimeout as pause } from 'node:timers/promises';
import { collect } from '../src/collect.js';
import { type Decision, finalise } from '../src/finalise.js';
import { prepareBranch } from '../src/prepare.js';
import type { Mark } from '../src/prepare-request.js';
import { type ReadContext, readKeys } from '../src/read.js';
import { scan } from '../src/scan.js';
import { encodeKey, type Row } from '../src/table.js';
import { WriteSet } from '../src/write-set.js';
import { ACCOUNT } from './bank.js';
import { Coordinator } from './coordinator.js';
import { type Connection, createTestDatabase, PARTICIPANT, type TestDatabase } from './test-database.js';

const ATTEMPTS_MAX = 4;
const DELAY_MS_MAX = 4;

/** One participant's database, with a connection for each worker and one for what runs beside them. */
class Site {
  readonly decisions: Decision[] = [];
  constructor(
    readonly database: TestDatabase,
    readonly workers: readonly Connection[],
    readonly background: Connection,
  ) {}
}

/** A transaction under way: it reads at its snapshot and writes into memory. */
export class Session {
  readonly writes: WriteSet[];
  readonly marks: Mark[][];
  constructor(
    readonly world: World,
    readonly worker: number,
    readonly snapshot: number,
    readonly serializable: boolean,
  ) {
    this.writes = world.sites.map(() => new WriteSet());
    this.marks = world.sites.map(() => []);
  }

  async read(site: number, id: string): Promise<Row> {
    this.marks[site]?.push({ table: ACCOUNT, key: [id] });
    const visible = (await readKeys(this.world.context(site, this.snapshot), ACCOUNT, [[id]])).get(
      encodeKey(ACCOUNT, [id]),
    );
    const row = this.writes[site]?.overlay(ACCOUNT, [id], visible);
    if (!row) throw new Error(`the snapshot ${this.snapshot} shows no ${id}`);
    return row;
  }

  async change(site: number, id: string, change: (row: Row) => Row): Promise<void> {
    const row = await this.read(site, id);
    this.writes[site]?.update(ACCOUNT, row, change(row), new Map());
  }
}

/**
 * Two participants and a coordinator that is honest and slow: answers about outcomes are late, finalisation comes some
 * time after the decision, what is finalised everywhere is forgotten, and garbage is collected all the while.
 */
export class World {
  readonly coordinator = new Coordinator();
  /** What every decision changed, in the order of decisions: the truth that all snapshots are held against. */
  readonly history: { csn: number; rows: { site: number; row: Row }[] }[] = [];
  readonly #snapshots = new Map<symbol, number>();
  readonly #finalised = new Map<string, number>();
  readonly #refusals = new Map<string, number>();

  constructor(
    readonly sites: readonly Site[],
    readonly random: () => number,
  ) {}

  static async create(workers: number, random: () => number): Promise<World> {
    const sites = [1, 2].map(async () => {
      const database = await createTestDatabase([ACCOUNT]);
      const connections = await Promise.all(Array.from({ length: workers }, () => database.connect()));
      return new Site(database, connections, await database.connect());
    });
    return new World(await Promise.all(sites), random);
  }

  get refusals(): Record<string, number> {
    return Object.fromEntries(this.#refusals);
  }

  context(site: number, snapshot: number): ReadContext {
    const at: ReadContext['statuses']['at'] = async (ids, minCsn) => {
      await this.#delay(); // the intents were read; the world goes on before the question arrives
      const answers = await this.coordinator.at(ids, minCsn);
      await this.#delay();
      return answers;
    };
    return { db: (this.sites[site] as Site).database.pool, statuses: { at }, participant: PARTICIPANT, snapshot };
  }

  /** Runs work at the newest snapshot, which is not collected meanwhile. */
  async atSnapshot<T>(work: (snapshot: number) => Promise<T>): Promise<T> {
    const lease = Symbol();
    const snapshot = this.coordinator.applied;
    this.#snapshots.set(lease, snapshot);
    try {
      return await work(snapshot);
    } finally {
      this.#snapshots.delete(lease);
    }
  }

  /** A whole transaction. Answers whether it committed. */
  async transact(worker: number, serializable: boolean, work: (session: Session) => Promise<void>): Promise<boolean> {
    return this.atSnapshot(async (snapshot) => {
      const id = this.coordinator.begin();
      const session = new Session(this, worker, snapshot, serializable);
      await work(session);
      const votes = await Promise.all(this.sites.map((_site, site) => this.#prepare(session, site, id)));
      const committed = votes.every((vote) => vote === 'prepared');
      for (const vote of votes) this.#refusals.set(vote, (this.#refusals.get(vote) ?? 0) + 1);
      const csn = committed ? this.coordinator.commit(id) : null;
      if (csn === null) this.coordinator.abort(id);
      else this.history.push({ csn, rows: this.#changes(session) });
      for (const site of this.sites) site.decisions.push({ transactionId: id, csn });
      return committed;
    });
  }

  async #prepare(session: Session, site: number, transactionId: string): Promise<string> {
    const { workers } = this.sites[site] as Site;
    const { snapshot, serializable } = session;
    const request = {
      participant: PARTICIPANT,
      transactionId,
      snapshot,
      serializable,
      writes: session.writes[site]?.toWrites() ?? [],
      marks: serializable ? (session.marks[site] ?? []) : [],
      vote: '{}',
      lockTimeoutMs: 10_000,
      statementTimeoutMs: 10_000,
    };
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      await this.#delay();
      const result = await prepareBranch(workers[session.worker] as Connection, request);
      if (result.kind !== 'conflict') return result.kind;
      const settled = result.transactionIds.flatMap((id) => this.#decisionOf(id));
      if (settled.length < result.transactionIds.length) return 'conflict';
      await finalise(workers[session.worker] as Connection, PARTICIPANT, [ACCOUNT], settled);
    }
    return 'conflict';
  }

  /** What is known of another's outcome; undecided and unknown are no outcome (D6). */
  #decisionOf(transactionId: string): Decision[] {
    const answer = this.coordinator.statusOf(transactionId);
    if (answer.status === 'committed') return [{ transactionId, csn: answer.csn }];
    return answer.status === 'aborted' ? [{ transactionId, csn: null }] : [];
  }

  #changes(session: Session) {
    return session.writes.flatMap((writes, site) => writes.toWrites().map(({ row }) => ({ site, row: row as Row })));
  }

  /** Finalises, forgets and collects until it is told to stop and nothing is left to do. */
  async runBackground(stopped: () => boolean): Promise<number> {
    let collected = 0;
    while (!stopped() || this.sites.some(({ decisions }) => decisions.length > 0)) {
      await this.#delay();
      for (const site of this.sites) {
        const some = site.decisions.splice(0, Math.ceil(this.random() * 8));
        if (some.length > 0) await finalise(site.background, PARTICIPANT, [ACCOUNT], some);
        for (const { transactionId } of some) this.#countDone(transactionId);
        const watermark = Math.min(this.coordinator.applied, ...this.#snapshots.values());
        collected += await collect(site.background, PARTICIPANT, [ACCOUNT], watermark, 50);
      }
    }
    return collected;
  }

  #countDone(transactionId: string): void {
    const done = (this.#finalised.get(transactionId) ?? 0) + 1;
    this.#finalised.set(transactionId, done);
    if (done === this.sites.length) this.coordinator.forget(transactionId);
  }

  /** Everything that a snapshot shows, through scans. */
  async readAll(snapshot: number): Promise<Record<string, Row>> {
    const all = this.sites.map(async (_site, site) => {
      const rows = await scan(this.context(site, snapshot), ACCOUNT, {}, 1000);
      return rows.map((row) => [`${site} ${row.id}`, comparable(row)] as const);
    });
    return Object.fromEntries((await Promise.all(all)).flat());
  }

  /** Everything that it has to show. */
  expectedAt(snapshot: number): Record<string, Row> {
    const state: Record<string, Row> = {};
    for (const { csn, rows } of this.history) {
      if (csn <= snapshot) for (const { site, row } of rows) state[`${site} ${row.id}`] = comparable(row);
    }
    return state;
  }

  async #delay(): Promise<void> {
    const delayMs = Math.floor(this.random() * (DELAY_MS_MAX + 1));
    if (delayMs > 0) await pause(delayMs);
  }

  async drop(): Promise<void> {
    await Promise.all(this.sites.map(({ database }) => database.drop()));
  }
}

const comparable = (row: Row): Row => ({ ...row, balance: Number(row.balance) });
