/** The report of an audit as a page of its own: nothing is loaded, nothing is run, everything is escaped. */
import type { AuditView, ViolationView } from '../engine/audit-api.js';
import { fractionOf, summaryJson } from './audit-json.js';

/** What a browser may do with it: show it. */
export const AUDIT_PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

const STYLE = `:root{color-scheme:light dark;--line:#8884;--bad:#b3261e;--good:#1b7f3b;--soft:#8881}
@media(prefers-color-scheme:dark){:root{--bad:#ff8a80;--good:#7bd88f}}
body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}code{font-size:.9em}
table{border-collapse:collapse;width:100%;margin:.5rem 0}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}
td.number{text-align:right;font-variant-numeric:tabular-nums}thead th{background:var(--soft)}
.verdict{font-size:1.25rem;font-weight:600}.bad{color:var(--bad)}.good{color:var(--good)}.wide{overflow-x:auto}`;

const MEANINGS: Readonly<Record<string, string>> = {
  mixed: 'one branch committed, another rolled back',
  contradicting: 'facts against each other, or against the coordinator’s own record',
  orphaned: 'prepared or finalised, and nobody decided',
  incomplete: 'still under way, not finalised everywhere, or cut by retention',
  complete: 'ended as decided, everywhere',
};

export function auditPage(audit: AuditView): string {
  const summary = summaryJson(audit);
  const rows = (table: object): string =>
    Object.entries(table)
      .map(([name, value]) => `<tr><th>${escapeHtml(name)}</th><td>${escapeHtml(textOf(value))}</td></tr>`)
      .join('');
  const { id, status, failure, from, to, createdAt, endedAt, settleMs, nodeId, actor, transactions, compared } =
    summary;
  const facts = { status, failure, 'made by replica': nodeId, 'asked for by': actor, begun: createdAt, ended: endedAt };
  const scope = { from: from ?? 'all that is kept', to: to ?? 'the beginning of the audit', 'patience (ms)': settleMs };
  return (
    '<!doctype html><html lang="en"><head><meta charset="utf-8">' +
    '<meta name="viewport" content="width=device-width,initial-scale=1">' +
    `<title>Audit ${escapeHtml(id)}</title><style>${STYLE}</style></head><body><main>` +
    `<h1>Audit <code>${escapeHtml(id)}</code></h1>${headline(audit)}` +
    `<h2>What was audited</h2><table><tbody>${rows({ ...facts, ...scope, ...coverage(audit) })}</tbody></table>` +
    `<h2>Verdicts</h2>${verdicts(audit)}` +
    `<p>${transactions} transactions, ${compared} of them compared with the coordinator’s own record` +
    `${audit.notCompared === null ? '' : ` (${escapeHtml(audit.notCompared)})`}.</p>` +
    `<h2>Records read</h2><table><tbody>${rows(summary.records)}</tbody></table>` +
    `<h2>Violations</h2>${violations(audit)}</main></body></html>`
  );
}

function headline(audit: AuditView): string {
  const { violations, transactions } = audit.totals;
  if (audit.status === 'failed') return `<p class="verdict bad">It failed: ${escapeHtml(audit.failure ?? '')}</p>`;
  if (audit.status === 'running') {
    return `<p class="verdict">Running: ${Math.floor(fractionOf(audit) * 100)} %. Load the page again for more.</p>`;
  }
  if (violations > 0) return `<p class="verdict bad">${violations} of ${transactions} transactions are violations.</p>`;
  return `<p class="verdict good">No violation among ${transactions} transactions: none ended mixed.</p>`;
}

function coverage({ window }: AuditView): Record<string, string> {
  if (!window) return {};
  const time = (ms: number) => (Number.isFinite(ms) ? new Date(ms).toISOString() : 'the beginning, nothing is cut');
  return {
    'replies of participants': `${time(window.repliesFromMs)} to ${time(window.repliesToMs)}`,
    'outcome events': `${time(window.eventsFromMs)} to ${time(window.eventsToMs)}`,
  };
}

function verdicts({ totals }: AuditView): string {
  const rows = Object.entries(totals.verdicts).map(([verdict, count]) => {
    const isBad = count > 0 && verdict !== 'complete' && verdict !== 'incomplete';
    const why = verdict === 'incomplete' ? causesOf(totals.incomplete) : '';
    const meaning = `${escapeHtml(MEANINGS[verdict] ?? '')}${escapeHtml(why)}`;
    return `<tr><th>${escapeHtml(verdict)}</th><td class="number${isBad ? ' bad' : ''}">${count}</td><td>${meaning}</td></tr>`;
  });
  return `<table><thead><tr><th>verdict</th><th>transactions</th><th></th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

function causesOf(causes: AuditView['totals']['incomplete']): string {
  const listed = Object.entries(causes).map(([cause, count]) => `${cause} ${count}`);
  return listed.length === 0 ? '' : `: ${listed.join(', ')}`;
}

function violations({ violations: page, totals }: AuditView): string {
  if (totals.violations === 0) return '<p>None.</p>';
  const heads = ['transaction', 'verdict', 'causes', 'participants said', 'events', 'own record'];
  const more = totals.violations > page.length ? `<p>The first ${page.length} of ${totals.violations}.</p>` : '';
  const rows = page.map(
    (one) =>
      `<tr>${cellsOf(one)
        .map((cell) => `<td>${cell}</td>`)
        .join('')}</tr>`,
  );
  const head = heads.map((name) => `<th>${name}</th>`).join('');
  return `${more}<div class="wide"><table><thead><tr>${head}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

function cellsOf({
  transactionId,
  verdict,
  kafkaVerdict,
  causes,
  participants,
  events,
  record,
}: ViolationView): string[] {
  const byKafka = kafkaVerdict === verdict ? '' : ` (by Kafka alone: ${kafkaVerdict})`;
  const lines = (texts: string[]): string => texts.map(escapeHtml).join('<br>') || '–';
  return [
    `<code>${escapeHtml(transactionId)}</code>`,
    escapeHtml(`${verdict}${byKafka}`),
    lines([...causes]),
    lines(participants.map(({ name, said }) => `${name}: ${said.join(', ')}`)),
    lines(events.map(({ outcome, csn }) => (csn === null ? outcome : `${outcome} ${csn}`))),
    escapeHtml(
      record === null
        ? 'none'
        : record === 'unknown'
          ? 'unknown'
          : `${record.outcome ?? 'undecided'} ${record.csn ?? ''}`,
    ),
  ];
}

const textOf = (value: unknown): string => (value === null || value === undefined ? '–' : String(value));

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escapeHtml = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => ESCAPES[character] as string);
