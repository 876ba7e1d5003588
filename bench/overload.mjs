// What becomes of the system when far more is asked of it than it can do: an open loop of callers who honour nothing, at
// multiples of the sustainable peak; and one of polite callers, who come back when they were told to.
import { availableParallelism } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { onStopSignals } from '../scripts/lib/signals.mjs';
import { openCase, SKUS_PER_CALLER } from './cases.mjs';
import { cpuOfProcess } from './cpu.mjs';
import { warmUp } from './measure.mjs';
import { median } from './statistics.mjs';
import { Closing, openSurroundings } from './surroundings.mjs';
import { WorkloadProcess } from './workload.mjs';

/** In flight when the first guess at the peak is made, and the callers whose rows are there. */
const CALLERS = 128;
/** Longer than refusals are held back, so that connections are open and the system has settled. */
const WARMUP_MS = 6_000;
/** Between two steps, so that what one left behind does not weigh on the next. */
const REST_MS = 1_000;
/** The search for the peak begins at this share of the first guess and goes up by this factor, as long as the system follows. */
const SEARCH_FROM = 0.7;
const SEARCH_FACTOR = 1.4;
const SEARCH_STEPS_MAX = 12;
/** It does not follow any more where less than this share of what is offered is committed. */
const FOLLOWS_MIN = 0.85;
export const MULTIPLES = [1, 2, 3, 5];
/** The goodput that is to be left at the largest multiple. */
export const GOODPUT_MIN = 0.9;

/**
 * @typedef {object} Step
 * @property {number} offered arrivals per second
 * @property {number} multiple of the peak; null in the search for it
 * @property {number} goodput committed per second
 * @property {number} perCpuSecond committed per second of CPU that the system itself has used
 * @property {number | null} p50Ms of what was committed, from the moment at which it was due
 * @property {number | null} p99Ms
 * @property {number} refusedPerSecond
 * @property {Record<string, number>} refused by status
 * @property {Record<string, number>} failed by status: neither committed nor refused
 * @property {number} unsent due while all connections waited
 * @property {{ min: number, p50: number, max: number } | null} toldMs Retry-After of those refused
 * @property {Record<string, number>} cores used by the system, the generator, and everything else on the machine
 */

/**
 * @param {{ case: 'empty' | 'inventory', seconds: number, rounds: number, onStep?: (step: Step) => void }} options
 * @returns {Promise<{ peak: number, search: Step[], steps: Step[], polite: object, cores: number }>} steps: the median round of each multiple
 */
export async function runOverload({ case: name, seconds, rounds, onStep = () => {} }) {
  const closing = new Closing();
  onStopSignals({
    onStop: () => void closing.end().then(() => process.exit(130)),
    onKill: () => process.exit(130),
  });
  try {
    const surroundings = await openSurroundings({ closing, profile: undefined, quiet: false });
    const subject = await openCase(name, surroundings, CALLERS);
    const generator = await WorkloadProcess.open('open-loop', {
      url: `${subject.url}/v1/transactions`,
      body: { ...subject.body, rows: CALLERS * SKUS_PER_CALLER },
    });
    closing.add(() => generator.close());
    const bench = { subject, generator, durationMs: seconds * 1000 };

    await warmUp(subject, seconds);
    const search = await searchPeak(bench, onStep);
    const peak = Math.max(...search.map(({ goodput }) => goodput));
    const all = [];
    for (let round = 0; round < rounds; round += 1) {
      for (const multiple of MULTIPLES) {
        all.push(await stepAt(bench, multiple * peak, multiple));
        onStep(all.at(-1));
      }
    }
    const steps = MULTIPLES.map((multiple) => medianRound(all.filter((step) => step.multiple === multiple)));
    const polite = await politely(bench, peak);
    return { peak, search, steps, polite, cores: availableParallelism() };
  } finally {
    await closing.end();
  }
}

/** @returns {Promise<Step[]>} from where the system follows easily to where it does not */
async function searchPeak(bench, onStep) {
  const measured = { concurrency: CALLERS, warmupMs: WARMUP_MS, durationMs: bench.durationMs };
  const guess = await bench.subject.driver.measure(measured);
  const steps = [];
  let rate = (SEARCH_FROM * guess.count * 1000) / guess.elapsedMs;
  for (let missed = 0; missed < 2 && steps.length < SEARCH_STEPS_MAX; rate *= SEARCH_FACTOR) {
    const step = await stepAt(bench, rate, null);
    steps.push(step);
    onStep(step);
    if (step.goodput < FOLLOWS_MIN * step.offered) missed += 1; // once may be anybody's fault
  }
  return steps;
}

async function stepAt({ subject, generator, durationMs }, rate, multiple) {
  const read = async () => ({ ...(await subject.meters.read()), generatorMs: await cpuOfProcess(generator.pid) });
  const readings = [];
  const result = await generator.measure({ rate, durationMs, warmupMs: WARMUP_MS }, () => readings.push(read()));
  await subject.assertAlive();
  const [before, after] = await Promise.all(readings);
  await pause(REST_MS);
  const cores = coresOf(subject, before, after);
  const goodput = (result.good * 1000) / durationMs;
  const refused = Object.values(result.refused).reduce((sum, count) => sum + count, 0);
  const { p50Ms, p99Ms, unsent, failed, lost, toldMs } = result;
  return {
    ...{
      offered: rate,
      multiple,
      goodput,
      perCpuSecond: cores.system > 0 ? goodput / cores.system : null,
      p50Ms,
      p99Ms,
    },
    ...{
      refusedPerSecond: (refused * 1000) / durationMs,
      refused: result.refused,
      failed: { ...failed, ...(lost > 0 && { lost }) },
    },
    ...{ unsent, toldMs, cores },
  };
}

/** @returns {{ system: number, coordinator: number, generator: number, elsewhere: number }} cores that were busy with it */
function coresOf({ counted }, before, after) {
  const elapsedMs = after.atMs - before.atMs;
  const used = (name) => ((after.cpuMs[name] ?? 0) - (before.cpuMs[name] ?? 0)) / elapsedMs;
  const system = counted.reduce((sum, name) => sum + used(name), 0);
  const generator = (after.generatorMs - before.generatorMs) / elapsedMs;
  const machine = (after.machineCpuMs - before.machineCpuMs) / elapsedMs;
  return { system, coordinator: used('coordinator'), generator, elsewhere: Math.max(0, machine - system - generator) };
}

/** The round in the middle by its goodput, as it was measured. */
function medianRound(rounds) {
  const middle = median(rounds.map(({ goodput }) => goodput));
  return rounds.find(({ goodput }) => goodput === middle);
}

/** Twice the peak for a while, then nothing new: who was refused comes back when told to, and again, until all are done. */
async function politely({ generator, durationMs }, peak) {
  const { arrivals, p50Ms, returned, admittedAtOnce, stillComingBack, lost, toldMs } = await generator.measure({
    ...{ rate: 2 * peak, durationMs, warmupMs: 0, polite: true },
  });
  return { arrivals, p50Ms, returned, admittedAtOnce, stillComingBack, lost, toldMs };
}

/** @returns {string[]} a sentence for each thing that is not as it should be */
export function complaintsAbout({ peak, steps, cores }) {
  const last = steps.at(-1);
  const failed = steps.flatMap((step) => Object.entries(step.failed).map(([status, count]) => `${count} × ${status}`));
  const available = (step) => cores - step.cores.generator - step.cores.elsewhere;
  const fair = last.goodput / available(last) / (steps[0].goodput / available(steps[0]));
  return [
    ...(last.goodput < GOODPUT_MIN * peak
      ? [
          `At ${last.multiple} times the peak ${Math.round((100 * last.goodput) / peak)} % of it is left (per CPU left by generator and others: ${Math.round(100 * fair)} % of that at the peak).`,
        ]
      : []),
    ...(failed.length > 0 ? [`Neither committed nor refused: ${failed.join(', ')}.`] : []),
  ];
}
