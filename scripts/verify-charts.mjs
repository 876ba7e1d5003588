// npm run verify:charts: renders the Helm charts, holds them to their schemas, to Kubernetes' own and to those of the Prometheus
// operator, compares them with the renderings that are kept, and runs the unit tests of the alert rules. `-- --write` keeps new
// renderings. Needs helm 3 and promtool, or Go to build them once, and Python for the schemas of Kubernetes; says what it could
// not do, and counts it as not run.
import { execFile } from 'node:child_process';
import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensureReady, root } from './lib/setup.mjs';

await ensureReady();
const { chartCases, renderedObjects, withDigest } = await import('./lib/charts.mjs');
const { cache, findTool, works } = await import('./lib/built-tools.mjs');
const { checkCustomResources } = await import('./lib/custom-resources.mjs');

const run = promisify(execFile);
const VALIDATOR = 'kubernetes-validate==1.37.0';
/** The oldest that the charts allow, and the last three minors that the validator knows. */
const KUBERNETES_VERSIONS = ['1.29.0', '1.35.0', '1.36.0', '1.37.0'];
/** Values that the schemas are to refuse. */
const REFUSED = [
  ['concordat', 'kafka.brokers=null', 'no brokers'],
  ['concordat', 'replicas=0', 'no replicas'],
  ['concordat', 'replicas=x', 'a number in words'],
  ['concordat', 'postgres.sidecar.enabled=false', 'neither sidecar nor secret'],
  ['concordat', 'electionTimeout=5', 'a value that does not exist'],
  ['concordat-participant', 'participant=Accounts East', 'a name that is none'],
  ['concordat-participant', 'database.existingSecret=', 'no database'],
];

const write = process.argv.includes('--write');
const counts = { passed: 0, failed: 0, notRun: 0 };

await main();

async function main() {
  await ensureReady();
  await mkdir(cache, { recursive: true });
  const [helm, validator, promtool] = await Promise.all([findTool('helm'), findValidator(), findTool('promtool')]);
  if (!helm) notRun('rendering', 'there is neither helm nor Go to build it with');
  if (!validator) notRun('the schemas of Kubernetes', 'there is no Python with venv and pip');
  const cases = await chartCases();
  if (helm) {
    for (const one of cases) await checkRendering(helm, one);
    for (const [chart, setting, what] of REFUSED) await checkRefusal(helm, cases, chart, setting, what);
  }
  if (validator) for (const one of cases) await checkObjects(validator, one);
  for (const one of cases) await checkOperatorObjects(one);
  if (promtool) await checkAlerts(promtool);
  else notRun('the unit tests of the alert rules', 'there is neither promtool nor Go to build it with');
  const { passed, failed, notRun: missing } = counts;
  console.log(`\ncharts: ${passed} passed, ${failed} failed${missing > 0 ? `, ${missing} not run` : ''}`);
  process.exitCode = failed > 0 ? 1 : 0;
}

async function checkRendering(helm, one) {
  await check(`${one.name}: lint`, () => run(helm, ['lint', '--strict', '--quiet', one.chart, '--values', one.values]));
  await check(`${one.name}: as it is kept`, async () => {
    const words = ['--namespace', 'payments', '--values', one.values, '--kube-version', '1.33.0'];
    const { stdout } = await run(helm, ['template', 'concordat', one.chart, ...words]);
    const text = await withDigest(one, stdout);
    if (write) await writeFile(one.rendering, text);
    const kept = await readFile(one.rendering, 'utf8').catch(() => '');
    if (kept !== text) throw new Error('the rendering is another one: look at it, and keep it with -- --write');
  });
}

async function checkRefusal(helm, cases, chart, setting, what) {
  await check(`${chart}: refuses ${what}`, async () => {
    const { chart: directory, values } = cases.find(({ name }) => name === `${chart}.default`);
    const outcome = await run(helm, ['template', 'x', directory, '--values', values, '--set', setting]).catch(String);
    if (typeof outcome !== 'string') throw new Error(`${setting} was taken`);
    if (!outcome.includes("don't meet the specifications of the schema")) throw new Error(outcome);
  });
}

async function checkObjects(validator, one) {
  for (const version of KUBERNETES_VERSIONS) {
    await check(`${one.name}: Kubernetes ${version}`, () =>
      run(validator, ['--strict', '--quiet', '--no-warn', '--kubernetes-version', version, one.rendering]),
    );
  }
}

async function checkOperatorObjects(one) {
  await check(`${one.name}: the Prometheus operator`, async () => {
    const { faults } = await checkCustomResources(await renderedObjects(one.name));
    if (faults.length > 0) throw new Error(faults.join('\n'));
  });
}

async function checkAlerts(promtool) {
  const directory = join(root, 'deploy', 'prometheus');
  await check('alerts: rules', () =>
    run(promtool, ['check', 'rules', '--lint=all', 'alerts.yaml'], { cwd: directory }),
  );
  await check('alerts: unit tests', () => run(promtool, ['test', 'rules', 'alerts.test.yaml'], { cwd: directory }));
}

async function check(name, action) {
  try {
    await action();
    counts.passed += 1;
    console.log(`✓ ${name}`);
  } catch (error) {
    counts.failed += 1;
    const said = [error.stdout, error.stderr].filter(Boolean).join('\n') || error.message;
    console.log(`✗ ${name}\n${said.trim().replaceAll(/^/gm, '    ')}`);
  }
}

function notRun(what, why) {
  counts.notRun += 1;
  console.log(`- not run: ${what}, because ${why}`);
}

/** Brings the schemas of Kubernetes along. */
async function findValidator() {
  const venv = join(cache, 'venv');
  const validator = join(venv, 'bin', 'kubernetes-validate');
  if (await exists(validator)) return validator;
  if (!(await works('python3', ['-m', 'venv', venv]))) return undefined;
  await works(join(venv, 'bin', 'pip'), ['install', '--quiet', VALIDATOR]);
  return (await exists(validator)) ? validator : undefined;
}

function exists(path) {
  return access(path).then(
    () => true,
    () => false,
  );
}
