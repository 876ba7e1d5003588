import { ConcordatError } from '@concordat/protocol';
import type { AuditApi, AuditRequest, AuditSummary, AuditView } from '../src/engine/audit-api.js';

/** Audits at their port, in memory: they hold what a test puts there. */
export class FakeAudits implements AuditApi {
  readonly requests: AuditRequest[] = [];
  readonly kept = new Map<string, AuditView>();

  constructor(readonly nodeId = 1) {}

  /** A running audit; `more` makes it another one. */
  make(more: Partial<AuditView> = {}): AuditView {
    const number = (this.kept.size + 1).toString(16).padStart(8, '0');
    const view: AuditView = {
      id: `a-${this.nodeId.toString(36)}-mi1-${number}`,
      status: 'running',
      nodeId: this.nodeId,
      actor: 'anonymous',
      createdAtMs: 1_763_700_000_000 + this.kept.size,
      endedAtMs: null,
      fromMs: null,
      toMs: null,
      settleMs: 900_000,
      failure: null,
      totals: {
        records: { facts: 0, duplicates: 0, other: 0, unreadable: 0, unverifiable: 0 },
        transactions: 0,
        verdicts: { mixed: 0, contradicting: 0, orphaned: 0, incomplete: 0, complete: 0 },
        incomplete: {},
        compared: 0,
        violations: 0,
      },
      progress: { stage: 'map', recordsRead: 5, recordsTotal: 10, partitions: [], bucketsDone: 0, bucketsTotal: 1 },
      window: null,
      notCompared: null,
      violations: [],
      next: null,
      ...more,
    };
    this.kept.set(view.id, view);
    return view;
  }

  async start(request: AuditRequest): Promise<AuditView> {
    this.requests.push(request);
    const running = this.list().find(({ status }) => status === 'running');
    if (running) throw new ConcordatError('audit-running', 'One is running.', { auditId: running.id, retryAfterMs: 1 });
    return this.make(request);
  }

  async read(id: string, { limit, offset }: { limit: number; offset: number }): Promise<AuditView> {
    const view = this.kept.get(id);
    if (!view) throw new ConcordatError('audit-not-found', 'No such audit.');
    const violations = view.violations.slice(offset, offset + limit);
    const end = offset + violations.length;
    return { ...view, violations, next: end < view.violations.length && violations.length > 0 ? end : null };
  }

  list(): AuditSummary[] {
    return [...this.kept.values()].reverse();
  }
}
