// npm run bench:detection: failure detectors compared in virtual time, written into docs/failure-detection.md and its picture.
//
//   npm run bench:detection -- [--seed N] [--days N] [--deaths N] [--dry]    --dry: only print
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { generator } from '../test/product/generator.mjs';
import { build } from './build.mjs';
import { root } from './lib/setup.mjs';

const BEGIN = '<!-- measured: npm run bench:detection -->';
const END = '<!-- end of measured -->';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '7' },
    days: { type: 'string', default: '7' },
    deaths: { type: 'string', default: '300' },
    dry: { type: 'boolean', default: false },
  },
});
const [seed, days, deaths] = [values.seed, values.days, values.deaths].map(Number);

await build();
const { measure, phiDetector, SURROUNDINGS, timeoutDetector } = await import('../bench/detection.mjs');
const { detectionChart, detectionTable } = await import('../bench/detection-chart.mjs');
const observer = join(root, 'apps/coordinator/dist/engine/participant-observer.js');
const { DETECTOR, SUSPICION_THRESHOLD } = await import(observer);

const impatient = { ...DETECTOR, acceptablePauseMs: 0 };
const of = (all, observers) => all.filter((one) => one.observers === observers);
const at = (all, observers, limit) => of(all, observers).find((one) => one.limit === limit);

const results = SURROUNDINGS.map((surroundings) => {
  const extent = () => ({ random: generator(seed), days, deaths }); // the same heartbeats for every detector
  const fixed = measure(surroundings, timeoutDetector, extent());
  const strict = measure(surroundings, () => phiDetector(impatient), extent());
  const patient = measure(surroundings, () => phiDetector(DETECTOR), extent());
  return { ...surroundings, fixed, strict, patient };
});

const panels = results.map(({ name, about, fixed, strict, patient }) => ({
  name,
  about,
  chosen: at(patient, 3, SUSPICION_THRESHOLD),
  curves: [
    { name: 'fixed timeout of 1.5 to 15 s, one observer', colour: '#888', points: of(fixed, 1) },
    { name: 'φ from 1 to 16, no pause allowed, one observer', colour: '#d08700', dash: '2 3', points: of(strict, 1) },
    {
      name: `φ from 1 to 16, ${DETECTOR.acceptablePauseMs / 1000} s of pause, one observer`,
      colour: '#c0392b',
      points: of(patient, 1),
    },
    { name: 'the same, majority of three observers', colour: '#2563a8', points: of(patient, 3) },
  ],
}));
const rows = results.map(({ name, about, fixed, strict, patient }) => ({
  name,
  about,
  columns: [
    { name: 'fixed 5 s, one', measured: at(fixed, 1, 5000) },
    { name: 'φ ≥ 8, no pause, one', measured: at(strict, 1, 8) },
    ...[1, 4, 8, 12, 16].map((limit) => ({ name: `φ ≥ ${limit}, one`, measured: at(patient, 1, limit) })),
    ...[4, 8, 16].map((limit) => ({ name: `φ ≥ ${limit}, of three`, measured: at(patient, 3, limit) })),
  ],
}));
const table = detectionTable(rows);
console.log(table);
if (!values.dry) {
  const title = `Failure detectors, one heartbeat a second; ${days} days and ${deaths} deaths each in virtual time, seed ${seed}`;
  await writeFile(join(root, 'docs/detection.svg'), detectionChart(panels, title));
  const page = join(root, 'docs/failure-detection.md');
  const text = await readFile(page, 'utf8');
  const [before, rest] = text.split(BEGIN);
  const [, after] = rest.split(END);
  await writeFile(page, `${before}${BEGIN}\n${table}\n${END}${after}`);
}
