// What the checker of histories found, for people.
import { meaningOf } from '@concordat/isolation';
import { seconds } from './one-line-progress.mjs';

/** How many anomalies are explained; all are counted. */
const EXPLAINED_MAX = 5;

/**
 * @param {import('@concordat/isolation').IsolationReport} report
 * @param {number} tookMs
 */
export function printReport(report, tookMs) {
  const { transactions, keys, edges, forbidden, allowed, model, valid } = report;
  const { committed, aborted, unknown, unknownSeen } = transactions;
  console.log(
    `${committed} committed, ${aborted} aborted, ${unknown} unknown (${unknownSeen} of them seen in reads), ` +
      `${keys} keys, ${edges} dependencies; checked in ${seconds(tookMs)}`,
  );
  printKinds('forbidden', forbidden);
  printKinds('allowed', allowed);
  for (const { kind, explanation } of forbidden.slice(0, EXPLAINED_MAX)) {
    console.log(`\n${kind}: ${explanation.join('\n  ')}`);
  }
  if (forbidden.length > EXPLAINED_MAX) console.log(`\n… and ${forbidden.length - EXPLAINED_MAX} more`);
  console.log(`\n${valid ? '✓ nothing' : `✗ ${forbidden.length} found`} that ${model} forbids`);
}

function printKinds(title, anomalies) {
  const counts = new Map();
  for (const { kind } of anomalies) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  for (const [kind, count] of counts) {
    console.log(`  ${title.padEnd(9)} ${String(count).padStart(4)} × ${kind.padEnd(18)} ${meaningOf(kind)}`);
  }
}
