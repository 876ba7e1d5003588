import type { AuditApi, AuditSummary } from '../engine/audit-api.js';
import type { MetricsRegistry } from './metrics-registry.js';

/** What the audits of this replica came to. */
export function exposeAudits(registry: MetricsRegistry, { audits }: { readonly audits: Pick<AuditApi, 'list'> }): void {
  const kept = (): readonly AuditSummary[] => {
    try {
      return audits.list();
    } catch {
      return []; // it is starting or stopping
    }
  };
  const newest = (): AuditSummary | undefined => kept().find(({ status }) => status === 'completed');
  registry.gauges('concordat_audits', 'Audits that this replica keeps, by status.', 'status', () =>
    (['running', 'completed', 'failed'] as const).map((status) => [
      status,
      kept().filter((audit) => audit.status === status).length,
    ]),
  );
  registry.gauge(
    'concordat_audit_violations',
    'Violations that the newest completed audit of this replica has found. Alert on any.',
    () => newest()?.totals.violations ?? 0,
  );
}
