// Writes the documents that are made of the code: docs/errors.md, docs/cli.md, docs/metrics.md, docs/rest.md, docs/kafka.md,
// apps/coordinator/openapi.json and asyncapi.json, the types of the client, which are made of openapi.json, and Grafana's
// dashboard; the chart has copies of it and of the alert rules.
// `node scripts/generate.mjs --check` writes nothing and exits 1, naming the files, when any is stale.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { build } from './build.mjs';
import { clientTypes } from './lib/client-types.mjs';
import { dashboard } from './lib/dashboard.mjs';
import { metricsMarkdown } from './lib/metrics-document.mjs';
import { withShownFiles } from './lib/shown-files.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const check = process.argv.includes('--check');

await build();
const load = (name) => import(new URL(`../apps/coordinator/dist/http/${name}.js`, import.meta.url));
const [
  { openApiDocument },
  { asyncApiDocument },
  { errorsMarkdown },
  { API_VERSION },
  { restMarkdown },
  { kafkaMarkdown },
] = await Promise.all(
  ['openapi', 'asyncapi', 'error-docs', 'version', 'reference/rest-reference', 'reference/kafka-reference'].map(load),
);
const [{ cliMarkdown }, { commands }] = await Promise.all(
  ['help', 'commands'].map((name) => import(new URL(`../apps/cli/dist/${name}.js`, import.meta.url))),
);
const [{ coordinatorMetrics }, { ParticipantMetrics }] = await Promise.all(
  ['apps/coordinator/dist/observability/documented-metrics.js', 'libs/participant/dist/metrics.js'].map(
    (path) => import(new URL(`../${path}`, import.meta.url)),
  ),
);
const json = (document) => `${JSON.stringify(document, null, 2)}\n`;
const openApi = openApiDocument(API_VERSION);
const asyncApi = asyncApiDocument(API_VERSION);

const documents = {
  'docs/errors.md': errorsMarkdown(),
  'docs/cli.md': cliMarkdown(commands),
  'docs/participant-guide.md': await withFilesOf('docs/participant-guide.md'),
  'docs/rest.md': restMarkdown(openApi),
  'docs/kafka.md': kafkaMarkdown(asyncApi),
  'docs/metrics.md': metricsMarkdown(coordinatorMetrics(), participantMetrics()),
  'apps/coordinator/openapi.json': json(openApi),
  'apps/coordinator/asyncapi.json': json(asyncApi),
  'deploy/grafana/concordat.json': json(dashboard()),
  'deploy/helm/concordat/files/dashboard.json': json(dashboard()),
  'deploy/helm/concordat/files/alerts.yaml': await readFile(join(root, 'deploy/prometheus/alerts.yaml'), 'utf8'),
  ...(await typesOfClient()),
};

const stale = [];
for (const [name, content] of Object.entries(documents)) {
  const path = join(root, name);
  const present = await readFile(path, 'utf8').catch(() => undefined);
  if (present === content) continue;
  stale.push(name);
  if (!check) await writeFile(path, content);
}

if (stale.length === 0) console.log('generated documents are fresh');
else if (check) console.error(`stale: ${stale.join(', ')}; run node scripts/generate.mjs and commit the result`);
else console.log(`wrote ${stale.join(', ')}`);
process.exitCode = check && stale.length > 0 ? 1 : 0;

/** What is read at a scrape is not read here: nobody scrapes. */
function participantMetrics() {
  const metrics = new ParticipantMetrics('any');
  metrics.observe({});
  return metrics.descriptions;
}

/** A page written by hand, with the files that it shows. */
async function withFilesOf(page) {
  return withShownFiles(await readFile(join(root, page), 'utf8'), (path) => readFileSync(join(root, path), 'utf8'));
}

async function typesOfClient() {
  const files = Object.entries(clientTypes(openApi)).map(async ([name, source]) => {
    return [`libs/client/src/generated/${name}.ts`, await formatted(source)];
  });
  return Object.fromEntries(await Promise.all(files));
}

/** As `npm run format` would leave it. */
async function formatted(source) {
  const biome = join(root, 'node_modules/@biomejs/biome/bin/biome');
  const child = spawn(process.execPath, [biome, 'format', '--stdin-file-path=libs/client/src/generated/api.ts'], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.end(source);
  const output = await text(child.stdout);
  if (output === '') throw new Error('biome could not read the generated types');
  return output;
}
