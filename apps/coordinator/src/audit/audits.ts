/**
 * The audits of this replica: one at a time, kept in its data directory, gone on with after a restart. Any replica
 * answers for them by asking this one: the id names it.
 */
import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { noRecords } from '@concordat/audit';
import { ConcordatError } from '@concordat/protocol';
import type { AuditApi, AuditRequest, AuditSummary, AuditView } from '../engine/audit-api.js';
import { unavailable } from '../engine/errors.js';
import { AuditFiles, type AuditReport } from './audit-files.js';
import { AuditRun, type AuditSurroundings, progressOf } from './audit-run.js';
import { noTotals, windowOf } from './reduce-bucket.js';

const ID_PATTERN = /^a-[0-9a-z]+-[0-9a-z]+-[0-9a-f]{8}$/;
/** Audits kept by one replica; beyond it the oldest is removed when another begins. */
const AUDITS_KEPT_MAX = 20;
/** When a running audit may have ended, for who wants to start another. */
const RUNNING_RETRY_MS = 10_000;

export class Audits implements AuditApi {
  readonly #summaries = new Map<string, AuditSummary>();
  #running: { readonly run: AuditRun; readonly ended: Promise<void> } | undefined;
  #starting: string | undefined;
  #ready = false;
  #stopping = false;

  /** @param directory of all audits of this replica @param keptMax how many of them are kept, one that runs included */
  constructor(
    private readonly directory: string,
    readonly nodeId: number,
    private readonly surroundings: AuditSurroundings,
    private readonly keptMax = AUDITS_KEPT_MAX,
  ) {}

  /** Finds what is there, and goes on with what was running. */
  async open(): Promise<void> {
    for (const name of await readdir(this.directory).catch(() => [])) {
      if (!ID_PATTERN.test(name)) continue; // not ours
      const files = this.#files(name);
      try {
        const summary = await files.summary.find();
        if (summary) this.#summaries.set(name, summary);
        else await files.remove(); // it died before anybody was told of it
        if (summary && summary.status !== 'running') await files.removeWork();
      } catch (error) {
        this.surroundings.logger.error({ auditId: name, err: error }, 'an audit cannot be read');
      }
    }
    this.#ready = true;
    const unfinished = this.list().find(({ status }) => status === 'running');
    if (unfinished && !this.#stopping) this.#begin(unfinished);
  }

  async start(request: AuditRequest): Promise<AuditView> {
    this.#checkReady();
    const running = this.#running?.run.summary.id ?? this.#starting;
    if (running !== undefined) {
      throw new ConcordatError('audit-running', `Audit ${running} is running on this replica.`, {
        auditId: running,
        retryAfterMs: RUNNING_RETRY_MS,
      });
    }
    const createdAtMs = Date.now();
    const id = `a-${this.nodeId.toString(36)}-${createdAtMs.toString(36)}-${randomBytes(4).toString('hex')}`;
    const summary: AuditSummary = {
      ...request,
      id,
      status: 'running',
      nodeId: this.nodeId,
      createdAtMs,
      endedAtMs: null,
      failure: null,
      totals: { ...noTotals(), records: noRecords() },
    };
    this.#starting = id;
    try {
      await this.#removeOld();
      await this.#files(id).create();
      await this.#files(id).summary.write(summary);
      this.#begin(summary);
    } finally {
      this.#starting = undefined;
    }
    return this.read(id, { limit: 0, offset: 0 });
  }

  async read(id: string, { limit, offset }: { limit: number; offset: number }): Promise<AuditView> {
    this.#checkReady();
    const summary = this.#summaries.get(id);
    if (!summary) throw notFound(id);
    if (this.#running?.run.summary.id === id) {
      return { ...summary, progress: this.#running.run.progress, ...NOTHING_FOUND };
    }
    const report = await this.#files(id).report.find();
    const progress = progressOf(report?.plan, report ? 'done' : 'planning', new Map(), 0);
    if (!report) return { ...summary, progress, ...NOTHING_FOUND };
    const violations = report.violationsKept.slice(offset, offset + limit);
    const end = offset + violations.length;
    const next = violations.length > 0 && end < report.violationsKept.length ? end : null;
    const { notCompared } = report.reduce;
    return { ...summary, progress, window: windowOf(report.reduce), notCompared, violations, next };
  }

  list(): AuditSummary[] {
    this.#checkReady();
    return [...this.#summaries.values()].sort((a, b) => b.createdAtMs - a.createdAtMs);
  }

  /** Stops what runs; a restart goes on with it. */
  async close(): Promise<void> {
    this.#stopping = true;
    await this.#running?.run.stop();
    await this.#running?.ended;
  }

  #checkReady(): void {
    if (this.#stopping) throw unavailable('stopping', 'This coordinator is stopping.');
    if (!this.#ready) throw unavailable('not-ready', 'This coordinator is still starting.');
  }

  #files(id: string): AuditFiles {
    return new AuditFiles(join(this.directory, id));
  }

  #begin(summary: AuditSummary): void {
    this.#summaries.set(summary.id, summary);
    const run = new AuditRun(summary, this.#files(summary.id), this.surroundings);
    this.#running = { run, ended: this.#see(run) };
  }

  /** Sees a run to its end. Never rejects. */
  async #see(run: AuditRun): Promise<void> {
    const { logger } = this.surroundings;
    const { id } = run.summary;
    try {
      await this.#files(id).create();
      const report = await run.run();
      await this.#end({ ...run.summary, status: 'completed', endedAtMs: Date.now(), totals: totalsOf(report) });
      const { violations, transactions } = report;
      logger[violations > 0 ? 'error' : 'info']({ auditId: id, violations, transactions }, 'an audit has ended');
    } catch (error) {
      if (this.#stopping) return; // a restart goes on with it
      logger.error({ auditId: id, err: error }, 'an audit has failed');
      const failure = (error as Error).message;
      await this.#end({ ...run.summary, status: 'failed', endedAtMs: Date.now(), failure });
    }
  }

  /** On disk first; then, at once, for everybody who asks. Never rejects. */
  async #end(summary: AuditSummary): Promise<void> {
    const files = this.#files(summary.id);
    try {
      await files.summary.write(summary);
      await files.removeWork();
    } catch (error) {
      this.surroundings.logger.error({ auditId: summary.id, err: error }, 'the end of an audit could not be stored');
    }
    this.#summaries.set(summary.id, summary);
    this.#running = undefined;
  }

  async #removeOld(): Promise<void> {
    for (const { id } of this.list().slice(this.keptMax - 1)) {
      this.#summaries.delete(id);
      await this.#files(id).remove();
    }
  }
}

const NOTHING_FOUND = { window: null, notCompared: null, violations: [], next: null } as const;

const totalsOf = ({ records, transactions, verdicts, incomplete, compared, violations }: AuditReport) => ({
  records,
  transactions,
  verdicts,
  incomplete,
  compared,
  violations,
});

const notFound = (id: string): ConcordatError =>
  new ConcordatError('audit-not-found', `There is no audit ${JSON.stringify(id.slice(0, 100))} on its replica.`, {});
