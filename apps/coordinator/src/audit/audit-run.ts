/**
 * One audit from its plan to its report. Whatever is done is on disk: a run that is stopped, in whatever way, goes on
 * where it was, and comes to the same report.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { COUNTED, noRecords } from '@concordat/audit';
import { EVENTS_TOPIC, REPLIES_TOPIC } from '@concordat/protocol';
import { type KafkaSecurity, RangeReader } from '@concordat/transport';
import type { AuditProgress, AuditSummary } from '../engine/audit-api.js';
import type { EngineLogger } from '../engine/ports.js';
import type { AuditFiles, AuditReport, MappedPiece, ReducePlan } from './audit-files.js';
import type { AuditTask, WorkerSetup } from './audit-tasks.js';
import { type AuditPlan, planOf, planRanges } from './plan.js';
import { RecordReader } from './record-reader.js';
import { sumBuckets } from './reduce-bucket.js';
import { WorkerPool } from './worker-pool.js';

/** How long an audit waits for this replica's Postgres to hold what was decided before it began. */
const RECORDS_WAIT_MS = 60_000;
const RECORDS_POLL_MS = 250;

/** What audits are made with. */
export interface AuditSurroundings {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly security?: KafkaSecurity;
  readonly databaseUrl: string | undefined;
  readonly messageKeys?: WorkerSetup['messageKeys'];
  readonly workers: number;
  readonly workerFile: URL;
  /** Everything decided before this call is applied here, up to this index; rejects where no leader answers. */
  readonly confirmApplied: () => Promise<number>;
  readonly logger: EngineLogger;
}

export class AuditRun {
  #plan: AuditPlan | undefined;
  #stage: AuditProgress['stage'] = 'planning';
  /** Records read, by piece. */
  readonly #read = new Map<number, number>();
  #bucketsDone = 0;
  #pool: WorkerPool | undefined;
  #stopped = false;

  constructor(
    readonly summary: AuditSummary,
    private readonly files: AuditFiles,
    private readonly surroundings: AuditSurroundings,
  ) {}

  /** @throws Error when it was stopped, or cannot be done */
  async run(): Promise<AuditReport> {
    const plan = (await this.files.plan.find()) ?? (await this.#makePlan());
    this.#plan = plan;
    this.#pool = this.#makePool(plan);
    try {
      if (this.#stopped) throw new Error('the audit was stopped');
      this.#stage = 'map';
      await this.#map(plan, this.#pool);
      this.#stage = 'reduce';
      const reduce = (await this.files.reduce.find()) ?? (await this.#planReduce(plan));
      await this.#reduce(plan, reduce, this.#pool);
      const report = await this.#report(plan, reduce);
      await this.files.report.write(report);
      this.#stage = 'done';
      return report;
    } finally {
      await this.#pool.close();
    }
  }

  /** Ends its workers at once; what they have finished stays. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#pool?.close();
  }

  get progress(): AuditProgress {
    return progressOf(this.#plan, this.#stage, this.#read, this.#bucketsDone);
  }

  async #makePlan(): Promise<AuditPlan> {
    const { brokers, clientId, security, confirmApplied, logger } = this.surroundings;
    const reader = new RangeReader({ brokers: [...brokers], clientId, ...(security && { security }) });
    try {
      const partitions = await planRanges(reader, this.summary);
      const nowMs = Date.now();
      // After the ends are known: every decision that is on Kafka by then is applied at or below this index.
      const appliedIndex = await confirmApplied().catch((error: unknown) => {
        logger.warn({ auditId: this.summary.id, err: error }, 'an audit cannot be compared with the records');
        return null;
      });
      const seed = randomBytes(4).readUInt32LE();
      const plan = planOf(partitions, this.summary, { nowMs, seed, appliedIndex });
      await this.files.plan.write(plan);
      return plan;
    } finally {
      await reader.close();
    }
  }

  #makePool(plan: AuditPlan): WorkerPool {
    const { brokers, clientId, security, databaseUrl, messageKeys, workers, workerFile, logger } = this.surroundings;
    const setup: WorkerSetup = {
      directory: this.files.directory,
      plan,
      brokers: [...brokers],
      clientId,
      ...(security && { security }),
      ...(databaseUrl !== undefined && { databaseUrl }),
      ...(messageKeys && { messageKeys }),
    };
    return new WorkerPool({
      size: workers,
      file: workerFile,
      setup,
      onRead: (piece, records) => this.#read.set(piece, records),
      onRetry: (task, error) => {
        const what = task.kind === 'map' ? `piece ${task.piece.number}` : `bucket ${task.bucket}`;
        logger.warn({ auditId: this.summary.id, what, err: error }, 'a part of an audit is done again');
      },
    });
  }

  async #map(plan: AuditPlan, pool: WorkerPool): Promise<void> {
    const done = new Set(await this.files.done('map'));
    for (const { number, from, end } of plan.pieces) if (done.has(number)) this.#read.set(number, end - from);
    const tasks = plan.pieces
      .filter(({ number }) => !done.has(number))
      .map((piece): AuditTask => ({ kind: 'map', piece }));
    await pool.runAll(tasks, (task) => {
      if (task.kind === 'map') this.#read.set(task.piece.number, task.piece.end - task.piece.from);
    });
  }

  async #planReduce(plan: AuditPlan): Promise<ReducePlan> {
    const mapped = await this.#mapped(plan);
    const fromMs = (topic: string, toMs: number): number | null => {
      const cuts = plan.pieces.flatMap((piece, at) => {
        const { isCut = false, fromMs: cutMs = null } = mapped[at] ?? {};
        return piece.topic === topic && isCut ? [cutMs ?? toMs] : [];
      });
      return cuts.length === 0 ? null : Math.max(...cuts);
    };
    const { repliesToMs, eventsToMs } = plan;
    const reduce: ReducePlan = {
      window: {
        repliesFromMs: fromMs(REPLIES_TOPIC, repliesToMs),
        eventsFromMs: fromMs(EVENTS_TOPIC, eventsToMs),
        repliesToMs,
        eventsToMs,
        settleMs: this.summary.settleMs,
      },
      notCompared: await this.#whyNotCompared(plan),
    };
    await this.files.reduce.write(reduce);
    return reduce;
  }

  #mapped(plan: AuditPlan): Promise<MappedPiece[]> {
    return Promise.all(plan.pieces.map(({ number }) => this.files.mapped(number).read()));
  }

  /** A record that is not stored yet would look like none. @returns null once everything is stored */
  async #whyNotCompared({ appliedIndex }: AuditPlan): Promise<string | null> {
    const { databaseUrl } = this.surroundings;
    if (databaseUrl === undefined) return 'no records were given to compare with';
    if (appliedIndex === null) return 'no leader said how far the decision log is';
    const records = new RecordReader(databaseUrl);
    try {
      let why = '';
      for (const until = performance.now() + RECORDS_WAIT_MS; performance.now() < until && !this.#stopped; ) {
        try {
          if ((await records.appliedIndex()) >= appliedIndex) return null;
          why = 'this replica has not stored everything that was decided';
        } catch (error) {
          why = `the records could not be asked for: ${(error as Error).message}`;
        }
        await delay(RECORDS_POLL_MS);
      }
      if (this.#stopped) throw new Error('the audit was stopped');
      return why;
    } finally {
      await records.close();
    }
  }

  async #reduce(plan: AuditPlan, reduce: ReducePlan, pool: WorkerPool): Promise<void> {
    const done = new Set(await this.files.done('reduce'));
    this.#bucketsDone = done.size;
    const buckets = Array.from({ length: plan.buckets }, (_, bucket) => bucket).filter((bucket) => !done.has(bucket));
    await pool.runAll(
      buckets.map((bucket): AuditTask => ({ kind: 'reduce', bucket, reduce })),
      () => {
        this.#bucketsDone += 1;
      },
    );
  }

  async #report(plan: AuditPlan, reduce: ReducePlan): Promise<AuditReport> {
    const records = noRecords();
    for (const piece of await this.#mapped(plan)) for (const name of COUNTED) records[name] += piece.records[name];
    const buckets = [];
    for (let bucket = 0; bucket < plan.buckets; bucket += 1) buckets.push(await this.files.reduced(bucket).read());
    return { plan, reduce, records, ...sumBuckets(buckets) };
  }
}

/** Numbers for people; `plan` is undefined as long as there is none. */
export function progressOf(
  plan: AuditPlan | undefined,
  stage: AuditProgress['stage'],
  read: ReadonlyMap<number, number>,
  bucketsDone: number,
): AuditProgress {
  const partitions = (plan?.partitions ?? []).map(({ topic, partition, from, end }) => {
    const own = plan?.pieces.filter((piece) => piece.topic === topic && piece.partition === partition) ?? [];
    const count = stage === 'done' ? end - from : own.reduce((sum, { number }) => sum + (read.get(number) ?? 0), 0);
    return { topic, partition, from, end, read: count };
  });
  return {
    stage,
    recordsRead: partitions.reduce((sum, one) => sum + one.read, 0),
    recordsTotal: partitions.reduce((sum, { from, end }) => sum + end - from, 0),
    partitions,
    bucketsDone: stage === 'done' ? (plan?.buckets ?? 0) : bucketsDone,
    bucketsTotal: plan?.buckets ?? 0,
  };
}
