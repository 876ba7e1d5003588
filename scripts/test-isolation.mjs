// `npm run test:isolation`: makes list-append histories on the real product and checks them, or reads totals all along.
//
//   npm run test:isolation -- --transactions 1000 [--seconds S] [--serializable] [--kills] [--replicas N] [--clients N]
//       [--keys N] [--appends N] [--interactive SHARE] [--model NAME] [--seed N] [--save FILE]
//   npm run test:isolation -- --readers N [--seconds S] [--kills] [--replicas N] [--seed N]
//
// Exit code: 0 as promised, 1 an anomaly that the model forbids or a total that was not exact, 2 bad arguments.
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { oneLineProgress } from './lib/one-line-progress.mjs';
import { sayError } from './lib/say-error.mjs';
import { ensureReady } from './lib/setup.mjs';

const READING_SECONDS = 20;
/** Of totals that were not exact; hundreds say no more. */
const VIOLATIONS_TOLD_MAX = 20;

await ensureReady();
const { isModelName, MODELS } = await import('@concordat/isolation');
const { printReport } = await import('./lib/isolation-report.mjs');

process.exitCode = await Promise.try(main).catch((error) => {
  console.error(sayError(error));
  return error.code?.startsWith('ERR_PARSE_ARGS') || error instanceof RangeError ? 2 : 1;
});

function main() {
  const text = { type: 'string' };
  const flag = { type: 'boolean', default: false };
  const { values } = parseArgs({
    options: {
      transactions: text,
      seconds: text,
      serializable: flag,
      kills: flag,
      replicas: text,
      clients: text,
      keys: text,
      appends: text,
      interactive: text,
      model: text,
      seed: text,
      save: text,
      readers: text,
    },
  });
  if (values.model !== undefined && !isModelName(values.model)) {
    throw new RangeError(`--model ${values.model}: there are ${Object.keys(MODELS).join(', ')}`);
  }
  const seed = number(values, 'seed') ?? Date.now() % 1_000_000;
  const replicas = number(values, 'replicas');
  const options = { seed, kills: values.kills, ...(replicas !== undefined && { replicas }) };
  return values.readers === undefined ? makeHistory(values, options) : readTotals(values, options);
}

function number(values, name) {
  if (values[name] === undefined) return undefined;
  const value = Number(values[name]);
  if (!(value >= 0)) throw new RangeError(`--${name} ${values[name]} is no number`);
  return value;
}

async function makeHistory(values, common) {
  const { runIsolation } = await import('../test/isolation/isolation.mjs');
  const seconds = number(values, 'seconds');
  const given = {
    transactions: number(values, 'transactions') ?? (seconds === undefined ? 1000 : Number.POSITIVE_INFINITY),
    durationMs: seconds === undefined ? undefined : seconds * 1000,
    clients: number(values, 'clients'),
    keys: number(values, 'keys'),
    appendsPerKey: number(values, 'appends'),
    interactiveShare: number(values, 'interactive'),
    model: values.model,
  };
  const chosen = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const result = await underWay(`transactions, seed ${common.seed}`, (reporting) =>
    runIsolation({ serializable: values.serializable, ...common, ...chosen, ...reporting }),
  );
  if (values.save) {
    await writeFile(values.save, `${result.history.map((event) => JSON.stringify(event)).join('\n')}\n`);
    console.log(`history saved to ${values.save}`);
  }
  const { report, strong, violations } = result;
  console.log(
    [
      `committed     ${result.committed} of ${result.attempts} (${percent(result.commitRate)})`,
      `not committed ${told(result.failures)}`,
      `lost answers  ${result.settledLate} settled, ${result.unknown} still unknown`,
      `faults        ${told(counted(result.faults))}`,
      `time          ${result.seconds.toFixed(1)} s, ${(result.committed / result.seconds).toFixed(0)} commits/s`,
    ].join('\n'),
  );
  printReport(report, result.checkSeconds * 1000);
  const kinds = told(counted(strong.anomalies.map(({ kind }) => kind)));
  console.log(`  ${strong.model} as well: ${strong.anomalies.length === 0 && report.valid ? 'yes' : `no (${kinds})`}`);
  for (const violation of violations) console.log(`✗ ${violation}`);
  return report.valid && violations.length === 0 ? 0 : 1;
}

async function readTotals(values, common) {
  const { runReaders } = await import('../test/isolation/readers.mjs');
  const durationMs = (number(values, 'seconds') ?? READING_SECONDS) * 1000;
  const readers = Math.max(1, number(values, 'readers'));
  const result = await underWay(`${readers} readers, seed ${common.seed}`, (reporting) =>
    runReaders({ readers, durationMs, ...common, ...reporting }),
  );
  const { alone, beside, transfers, violations } = result;
  console.log(
    `transfers beside them: ${transfers.committed} committed, ${transfers.aborted} aborted; faults: ${told(counted(result.faults))}`,
  );
  console.log(
    `${'read by'.padEnd(13)} ${'beside'.padEnd(9)} ${['reads', 'p50 ms', 'p99 ms', 'worst ms'].map((name) => name.padStart(9)).join(' ')}`,
  );
  for (const way of ['lease', 'snapshot', 'transaction']) {
    for (const [company, figures] of [
      ['nobody', alone[way]],
      ['writers', beside[way]],
    ]) {
      const columns = [figures.reads, figures.p50, figures.p99, figures.worst].map((value) =>
        String(value).padStart(9),
      );
      console.log(`${way.padEnd(13)} ${company.padEnd(9)} ${columns.join(' ')}`);
    }
  }
  console.log(`refused: ${told(alone.refused)} alone; ${told(beside.refused)} beside writers`);
  for (const violation of violations.slice(0, VIOLATIONS_TOLD_MAX)) console.log(`✗ ${violation}`);
  if (violations.length > VIOLATIONS_TOLD_MAX) console.log(`… and ${violations.length - VIOLATIONS_TOLD_MAX} more`);
  if (violations.length === 0) console.log('✓ every total was exact');
  return violations.length === 0 ? 0 : 1;
}

async function underWay(title, action) {
  const progress = oneLineProgress(title);
  try {
    const result = await action({ progress: progress.update, say: progress.say });
    progress.done(title);
    return result;
  } catch (error) {
    progress.failed();
    throw error;
  }
}

function percent(share) {
  return `${(share * 100).toFixed(1)} %`;
}

function counted(names) {
  return Object.fromEntries([...Map.groupBy(names, (name) => name)].map(([name, all]) => [name, all.length]));
}

function told(counts) {
  const most = Object.entries(counts).sort(([, a], [, b]) => b - a);
  return most.map(([name, count]) => `${count} × ${name}`).join(', ') || 'none';
}
