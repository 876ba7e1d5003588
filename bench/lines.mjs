// What is reported: one line for each case and concurrency. Pure.
import { significant } from './statistics.mjs';

/** Floors on the critical path of a transaction, which is answered once it is decided. */
const CRITICAL_PATH = {
  empty: ['floor-http', 'floor-kafka-echo', 'floor-fdatasync'],
  inventory: ['floor-http', 'floor-kafka-echo', 'floor-fdatasync', 'floor-postgres'],
};

/** @param {string} name @returns {string[]} floors that the case is compared with */
export const floorsOf = (name) => CRITICAL_PATH[name] ?? [];

/**
 * The least time a transaction of this kind could take: the floors on its way, each with one call in flight. Of
 * Postgres it is the PREPARE alone, since the answer does not wait for COMMIT PREPARED.
 * @param {string} name
 * @param {Map<string, { p50Ms: number, prepareP50Ms?: number }>} floors by name, one call in flight
 * @returns {number | null} ms
 */
export function floorMsOf(name, floors) {
  const path = floorsOf(name).map((floor) => floors.get(floor));
  if (path.length === 0 || path.includes(undefined)) return null;
  return path.reduce((sum, { p50Ms, prepareP50Ms }) => sum + (prepareP50Ms ?? p50Ms), 0);
}

/**
 * @param {{ case: string, replicas: number | null, participants: number | null, concurrency: number }} what
 * @param {Awaited<ReturnType<import('./measure.mjs').measure>>} measured
 * @param {number | null} floorMs
 */
export function lineOf(what, measured, floorMs) {
  const { count, elapsedMs, p50Ms, p99Ms, otherwise } = measured;
  const line = {
    ...what,
    perSecond: significant((count / elapsedMs) * 1_000),
    p50Ms: significant(p50Ms),
    p99Ms: significant(p99Ms),
    ratioToFloor: floorMs === null || p50Ms === null ? null : significant(p50Ms / floorMs, 3),
    cpuMsPerTransaction: significant(measured.cpuMsPerTransaction),
    fsyncsPerTransaction: significant(measured.fsyncsPerTransaction),
    kafkaMessagesPerTransaction: significant(measured.kafkaMessagesPerTransaction),
    aborted: countOf(otherwise, 'aborted'),
    failed: countOf(otherwise, 'failed'),
    floorMs: significant(floorMs),
    cpuElsewhere: significant(measured.elsewhere, 2),
    cpu: Object.fromEntries(Object.entries(measured.cpu).map(([name, ms]) => [name, significant(ms, 3)])),
  };
  if (measured.prepareP50Ms !== undefined) line.prepareP50Ms = significant(measured.prepareP50Ms);
  if (Object.keys(otherwise).length > 0) line.otherwise = otherwise;
  return line;
}

const countOf = (otherwise, kind) =>
  Object.entries(otherwise).reduce((sum, [name, count]) => (name.startsWith(kind) ? sum + count : sum), 0);

const BAR_WIDTH = 30;
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** @param {number} share from 0 to 1 @returns {string} a bar of that part of the full width */
export function bar(share) {
  const eighths = Math.round(Math.max(0, Math.min(1, share)) * BAR_WIDTH * 8);
  return '█'.repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8];
}

const COLUMNS = [
  ['case', (line) => line.case],
  ['in flight', (line) => line.concurrency],
  ['per second', (line) => grouped(line.perSecond)],
  ['p50 ms', (line) => fixed(line.p50Ms)],
  ['p99 ms', (line) => fixed(line.p99Ms)],
  ['× floor', (line) => fixed(line.ratioToFloor)],
  ['CPU ms', (line) => fixed(line.cpuMsPerTransaction, 3)],
  ['fsyncs', (line) => fixed(line.fsyncsPerTransaction)],
  ['messages', (line) => fixed(line.kafkaMessagesPerTransaction)],
];

const grouped = (number) => Math.round(number).toLocaleString('en-GB');
const fixed = (number, digits = 2) => (number === null ? '' : number.toFixed(digits));

/** The lines for people, with a chart of the throughput on a scale of their own for floors and for cases. */
export function table(lines) {
  const cells = lines.map((line) => COLUMNS.map(([, show]) => String(show(line))));
  const widths = COLUMNS.map(([title], column) => Math.max(title.length, ...cells.map((row) => row[column].length)));
  const pad = (text, column) => (column === 0 ? text.padEnd(widths[column]) : text.padStart(widths[column]));
  const scale = (line) =>
    Math.max(...lines.filter((other) => isFloor(other) === isFloor(line)).map((other) => other.perSecond));
  const rows = cells.map((row, index) => {
    const line = lines[index];
    return `${row.map(pad).join('  ')}  ${bar(line.perSecond / scale(line))}`.trimEnd();
  });
  return [COLUMNS.map(([title], column) => pad(title, column)).join('  '), ...rows].join('\n');
}

const isFloor = (line) => line.case.startsWith('floor-');

/** CPU time by process, for people. @returns {string} */
export function cpuTable(lines) {
  return lines
    .filter((line) => !isFloor(line))
    .map(({ case: name, concurrency, cpu }) => {
      const parts = Object.entries(cpu).map(([process, ms]) => `${process} ${ms === null ? '?' : ms.toFixed(3)}`);
      return `${name} at ${concurrency}: ${parts.join(', ')}`;
    })
    .join('\n');
}

/**
 * What global isolation costs beside local isolation, for the same work.
 * @returns {string[]} a sentence for each number of calls in flight at which both were measured
 */
export function comparison(lines) {
  return lines
    .filter(({ case: name }) => name === 'global')
    .flatMap((global) => {
      const local = lines.find((line) => line.case === 'local' && line.concurrency === global.concurrency);
      if (local === undefined) return [];
      const ratio = (figure) =>
        local[figure] && global[figure] !== null ? (global[figure] / local[figure]).toFixed(2) : '?';
      return [
        `global / local at ${global.concurrency}: CPU ${ratio('cpuMsPerTransaction')}, fsyncs ${ratio('fsyncsPerTransaction')}, p50 ${ratio('p50Ms')}`,
      ];
    });
}

/** Above this share of the machine in other hands, times tell more about the others than about us. */
const ELSEWHERE_MAX = 0.1;

/** @returns {string[]} a sentence if the machine was not ours alone */
export function warnings(lines) {
  const most = Math.max(...lines.map(({ cpuElsewhere }) => cpuElsewhere ?? 0));
  if (most <= ELSEWHERE_MAX) return [];
  const percent = Math.round(most * 100);
  return [
    `Other processes used up to ${percent} % of this machine meanwhile: compare the CPU times rather than the rest.`,
  ];
}

/** @returns {string[]} a sentence for every line with calls that did not go well */
export function complaints(lines) {
  return lines
    .filter(({ otherwise }) => otherwise !== undefined)
    .map(({ case: name, concurrency, otherwise }) => {
      const kinds = Object.entries(otherwise).map(([kind, count]) => `${count} × ${kind}`);
      return `${name} at ${concurrency} in flight had calls that did not commit: ${kinds.join(', ')}`;
    });
}
