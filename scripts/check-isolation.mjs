// Checks a history of list-append transactions: `node scripts/check-isolation.mjs FILE [--model snapshot-isolation]`.
// Exit code: 0 nothing forbidden, 1 something forbidden, 2 the history cannot be read.
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { sayError } from './lib/say-error.mjs';
import { ensureReady } from './lib/setup.mjs';

await ensureReady();
const { checkHistory, HistoryError, isModelName, MODELS, parseHistory } = await import('@concordat/isolation');
const { printReport } = await import('./lib/isolation-report.mjs');

process.exitCode = await main().catch((error) => {
  console.error(error instanceof HistoryError ? error.message : sayError(error));
  return 2;
});

async function main() {
  const { values, positionals } = parseArgs({
    options: { model: { type: 'string', default: 'snapshot-isolation' } },
    allowPositionals: true,
  });
  const [file] = positionals;
  if (positionals.length !== 1 || !isModelName(values.model)) {
    console.error(`usage: node scripts/check-isolation.mjs FILE [--model ${Object.keys(MODELS).join(' | ')}]`);
    return 2;
  }
  const startedAt = performance.now();
  const report = checkHistory(parseHistory(await readFile(file, 'utf8')), values.model);
  printReport(report, performance.now() - startedAt);
  return report.valid ? 0 : 1;
}
