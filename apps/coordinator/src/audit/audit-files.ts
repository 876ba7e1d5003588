/**
 * One audit on disk. A file is there whole or not at all, and its being there is the checkpoint: whoever goes on does
 * what has no file yet.
 */
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuditWindow, RecordCounts } from '@concordat/audit';
import type { AuditSummary, AuditTotals, ViolationView } from '../engine/audit-api.js';
import type { AuditPlan } from './plan.js';

/** What a mapped piece says of itself, beside its facts. */
export interface MappedPiece {
  readonly records: RecordCounts;
  /** Time of the first record that follows a gap, Unix ms; null where there is no gap, or nothing after it. */
  readonly fromMs: number | null;
  readonly isCut: boolean;
  /** Where each bucket begins in the file of facts, and where the last one ends. */
  readonly offsets: readonly number[];
}

/** What all workers that reduce go by. */
export interface ReducePlan {
  /** Infinities are null, as JSON knows none. */
  readonly window: { readonly [K in keyof AuditWindow]: number | null };
  /** Why the records are not compared; null where they are. */
  readonly notCompared: string | null;
}

export type ReducedBucket = Omit<AuditTotals, 'records'> & { readonly violationsKept: readonly ViolationView[] };
export type AuditReport = { readonly plan: AuditPlan; readonly reduce: ReducePlan } & ReducedBucket &
  Pick<AuditTotals, 'records'>;

const NAMES = { summary: 'audit.json', plan: 'plan.json', reduce: 'reduce.json', report: 'report.json' } as const;

export class AuditFiles {
  readonly #work: string;

  constructor(readonly directory: string) {
    this.#work = join(directory, 'work');
  }

  async create(): Promise<void> {
    await mkdir(this.#work, { recursive: true });
  }

  readonly summary = this.#whole<AuditSummary>(() => join(this.directory, NAMES.summary));
  readonly report = this.#whole<AuditReport>(() => join(this.directory, NAMES.report));
  readonly plan = this.#whole<AuditPlan>(() => join(this.#work, NAMES.plan));
  readonly reduce = this.#whole<ReducePlan>(() => join(this.#work, NAMES.reduce));
  mapped = (piece: number) => this.#whole<MappedPiece>(() => join(this.#work, `map-${piece}.json`));
  reduced = (bucket: number) => this.#whole<ReducedBucket>(() => join(this.#work, `reduce-${bucket}.json`));
  facts = (piece: number): string => join(this.#work, `map-${piece}.facts`);

  /** Numbers of the pieces, or buckets, that have their file. */
  async done(kind: 'map' | 'reduce'): Promise<number[]> {
    const pattern = new RegExp(`^${kind}-(\\d+)\\.json$`);
    const names = await readdir(this.#work).catch(() => []);
    return names.flatMap((name) => pattern.exec(name)?.[1] ?? []).map(Number);
  }

  /** Facts of one bucket, as a piece has written them: lines. */
  async readBucket(piece: number, { offsets }: MappedPiece, bucket: number): Promise<string> {
    const from = offsets[bucket] ?? 0;
    const length = (offsets[bucket + 1] ?? from) - from;
    if (length === 0) return '';
    const file = await open(this.facts(piece), 'r');
    try {
      const buffer = Buffer.allocUnsafe(length);
      const { bytesRead } = await file.read(buffer, 0, length, from);
      if (bytesRead !== length) throw new Error(`${this.facts(piece)} is shorter than it was`);
      return buffer.toString('utf8');
    } finally {
      await file.close();
    }
  }

  /** What only the making needed. */
  async removeWork(): Promise<void> {
    await rm(this.#work, { recursive: true, force: true });
  }

  async remove(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }

  #whole<T>(path: () => string): WholeFile<T> {
    return new WholeFile<T>(path);
  }
}

/** A file of JSON that is replaced as a whole. */
export class WholeFile<T> {
  constructor(private readonly path: () => string) {}

  async write(content: T): Promise<void> {
    await writeWhole(this.path(), [JSON.stringify(content)]);
  }

  async read(): Promise<T> {
    return JSON.parse(await readFile(this.path(), 'utf8')) as T;
  }

  /** @returns undefined where there is none */
  async find(): Promise<T | undefined> {
    return this.read().catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
  }
}

/** Written beside, made durable, then renamed: also after a power cut the name stands for all of it. */
export async function writeWhole(path: string, chunks: Iterable<string>): Promise<void> {
  const beside = `${path}.new`;
  const file = await open(beside, 'w');
  try {
    for (const chunk of chunks) await file.write(chunk);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(beside, path);
}
