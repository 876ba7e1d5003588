// npm run verify:dashboard: asks a real Prometheus, which scrapes a running cluster of three replicas under load, every query
// of the dashboard and of the alert rules. Fails on a query that Prometheus refuses, on a rule that it cannot evaluate, and on a
// panel that stays empty although it should not. `-- --picture FILE` draws what the panels show into an SVG. Needs prometheus, or
// Go to build it once; says so where there is neither.
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ensureReady, root } from './lib/setup.mjs';

await ensureReady();
const { findTool } = await import('./lib/built-tools.mjs');
const { dashboard } = await import('./lib/dashboard.mjs');
const { pictureOf } = await import('./lib/dashboard-picture.mjs');
const { freePort } = await import('./lib/ports.mjs');
const { eventually, startProduct } = await import('../test/product/product.mjs');
const { openAccounts, TransferLoops } = await import('../test/product/transfers.mjs');

const MS_PER_S = 1_000;
const LOAD_MS = 60_000;
const CAPTION =
  'A minute of three replicas and three participants under load, as Prometheus answers the queries of the dashboard';
const CLIENTS = 4;
const ACCOUNTS_PER_BANK = 10;
/** Grafana fills these in. */
const VARIABLES = { $namespace: '.*', $__rate_interval: '20s' };
/** Nothing to see while all is well: there are series only once something has gone wrong. */
const EMPTY_AT_BEST = ['Failed requests by route', 'Refused for want of room', 'Sent again', 'Aborts by reason'];

const prometheus = await findTool('prometheus');
if (prometheus) process.exitCode = (await main(prometheus)) ? 0 : 1;
else
  console.log('- not run: the queries of the dashboard, because there is neither prometheus nor Go to build it with');

/** @returns {Promise<boolean>} whether all is well */
async function main(command) {
  const product = await startProduct({ args: ['--replicas', '3'] });
  const directory = await mkdtemp(join(tmpdir(), 'concordat-prometheus-'));
  try {
    const server = await startPrometheus(command, directory, await product.run());
    try {
      const accounts = await openAccounts(product.url, ACCOUNTS_PER_BANK);
      const loops = new TransferLoops(() => product.url, accounts, CLIENTS);
      await pause(LOAD_MS);
      const well = await askAll(server.url);
      await loops.stop();
      return well;
    } finally {
      await server.stop();
    }
  } finally {
    await product.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

async function startPrometheus(command, directory, { coordinators, participants }) {
  const port = await freePort();
  const targets = (processes) => processes.map(({ url }) => new URL(url).host);
  const scrape = (name, processes) => ({
    job_name: name,
    static_configs: [{ targets: targets(processes), labels: { namespace: 'payments' } }],
  });
  const config = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '5s' },
    rule_files: [join(root, 'deploy', 'prometheus', 'alerts.yaml')],
    scrape_configs: [scrape('coordinators', coordinators), scrape('participants', participants)],
  };
  const file = join(directory, 'prometheus.yml');
  await writeFile(file, JSON.stringify(config)); // which is YAML too
  const words = [`--config.file=${file}`, `--storage.tsdb.path=${join(directory, 'data')}`];
  const child = spawn(command, [...words, `--web.listen-address=127.0.0.1:${port}`], {
    cwd: directory,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const url = `http://127.0.0.1:${port}`;
  const ready = async () => {
    if (child.exitCode !== null) throw new Error(`prometheus has ended:\n${said}`);
    return (await fetch(`${url}/-/ready`).catch(() => ({ ok: false }))).ok;
  };
  await eventually(ready, 'Prometheus to be ready');
  const stop = async () => {
    child.kill('SIGTERM');
    await exited;
  };
  return { url, stop };
}

async function askAll(server) {
  const ask = async (path) => {
    const answer = await (await fetch(`${server}/api/v1/${path}`)).json();
    if (answer.status !== 'success') throw new Error(answer.error);
    return answer.data;
  };
  const failures = (await ask('targets')).activeTargets
    .filter(({ health }) => health !== 'up')
    .map(({ scrapeUrl, lastError }) => `${scrapeUrl}: ${lastError}`);
  const drawn = [];
  for (const panel of dashboard().panels.filter(({ type }) => type !== 'row')) {
    drawn.push(await askPanel(ask, panel, failures));
  }
  await askRules(ask, failures);
  for (const failure of failures) console.log(`✗ ${failure}`);
  const picture = process.argv[process.argv.indexOf('--picture') + 1];
  if (process.argv.includes('--picture')) await writeFile(picture, pictureOf(drawn, CAPTION));
  return failures.length === 0;
}

async function askPanel(ask, { title, targets, fieldConfig }, failures) {
  const series = [];
  const end = Date.now() / MS_PER_S;
  for (const { expr, legendFormat } of targets) {
    const query = new URLSearchParams({ query: filledIn(expr), start: end - LOAD_MS / MS_PER_S, end, step: '1' });
    try {
      for (const { metric, values } of (await ask(`query_range?${query}`)).result) {
        const legend = legendFormat.replaceAll(/\{\{(\w+)\}\}/g, (_, label) => metric[label] ?? '');
        series.push({ legend, points: values.map(([at, value]) => [at, Number(value)]) });
      }
    } catch (error) {
      failures.push(`${title}: ${error.message}: ${expr}`);
    }
  }
  const isEmpty = series.length === 0 && !EMPTY_AT_BEST.includes(title);
  if (isEmpty) failures.push(`${title}: it stays empty`);
  console.log(`${isEmpty ? '✗' : '✓'} ${title}: ${series.length} series`);
  return { title, unit: fieldConfig.defaults.unit, series };
}

async function askRules(ask, failures) {
  const rules = (await ask('rules')).groups.flatMap((group) => group.rules);
  const broken = rules.filter(({ health }) => health !== 'ok');
  failures.push(...broken.map(({ name, health, lastError }) => `${name}: ${health} ${lastError ?? ''}`));
  const firing = rules.filter(({ alerts }) => alerts.some(({ state }) => state === 'firing')).map(({ name }) => name);
  const evaluated = `${rules.length - broken.length} of ${rules.length} alert rules were evaluated`;
  console.log(`\n${evaluated}; firing: ${firing.join(', ') || 'none'}`);
}

function filledIn(expression) {
  return Object.entries(VARIABLES).reduce((text, [name, value]) => text.replaceAll(name, value), expression);
}
