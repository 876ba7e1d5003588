// npm run trace:picture: makes one transfer with every process traced, and draws what was received into docs/trace.svg.
// Look at it: docs/trace.png is made only for that, with `-- --png`.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sayError } from './lib/say-error.mjs';
import { ensureReady, root } from './lib/setup.mjs';
import { drawWaterfall } from './lib/waterfall.mjs';

await ensureReady();
const { startTelemetry } = await import('@concordat/telemetry');
const { ConcordatClient } = await import('@concordat/client');
const { openTelemetry } = await import('@concordat/client/opentelemetry');
const { transfer } = await import('../test/product/api.mjs');
const { eventually, startProduct } = await import('../test/product/product.mjs');
const { collectSpans, linesOf, linesOfTransfer, spansOfTransaction } = await import('../test/product/spans.mjs');

const CALLER = 'shop';
const FROM = { participant: 'accounts-east', account: 'alice', operation: 'debit' };
const TO = { participant: 'accounts-west', account: 'bob', operation: 'credit' };
/** Made before, so that nothing is done for the first time; of the others the one of median duration is drawn. */
const TRANSFERS_BEFORE = 50;
const TRANSFERS = 25;

async function main() {
  const collector = await collectSpans();
  const product = await startProduct({ env: collector.environment });
  try {
    const spans = await oneTransfer(product.url, collector);
    const svg = drawWaterfall(spans, `One transfer: ${spans.length} spans of ${servicesOf(spans)} services, one trace`);
    await writeFile(join(root, 'docs', 'trace.svg'), svg);
    console.log('docs/trace.svg');
    if (process.argv.includes('--png')) await photograph(svg);
  } finally {
    await product.stop();
    await collector.close();
  }
}

/** @returns {Promise<import('../test/product/spans.mjs').Span[]>} of one of some transfers, when all of them are there */
async function oneTransfer(url, { spans, environment }) {
  const telemetry = await startTelemetry({ serviceName: CALLER, environment, logger: console });
  const client = new ConcordatClient({ urls: [url], tracing: openTelemetry() });
  const made = [];
  for (let count = 0; count < TRANSFERS_BEFORE + TRANSFERS; count += 1) {
    const branches = /** @type {any} */ (transfer({ from: FROM, to: TO, amount: 1, reference: `trace-${count}` }));
    const startedAt = performance.now();
    const { id } = await client.run({ branches, wait: 'completed' });
    if (count >= TRANSFERS_BEFORE) made.push({ id, tookMs: performance.now() - startedAt });
  }
  await telemetry.stop();
  const { id } = made.toSorted((a, b) => a.tookMs - b.tookMs)[TRANSFERS >> 1];
  const expected = linesOfTransfer({ caller: CALLER, from: FROM, to: TO });
  return eventually(async () => {
    const found = spansOfTransaction(spans, id);
    return linesOf(found).length >= expected.length && found;
  }, 'all spans');
}

const servicesOf = (spans) => new Set(spans.map(({ service }) => service)).size;

async function photograph(svg) {
  const { launchBrowser } = await import('./lib/browser.mjs');
  const browser = await launchBrowser();
  const page = await browser.newPage({ viewport: { width: 1160, height: 900 } });
  await page.setContent(svg);
  await page.screenshot({ path: join(root, 'docs', 'trace.png'), fullPage: true });
  await browser.close();
  console.log('docs/trace.png');
}

await main().catch((error) => {
  console.error(`\n${sayError(error)}`);
  process.exitCode = 1;
});
