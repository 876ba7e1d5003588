// One run of the bench: the floors, then the cases, and what is said about them.
import { oneLineProgress } from '../scripts/lib/one-line-progress.mjs';
import { onStopSignals } from '../scripts/lib/signals.mjs';
import { openCase } from './cases.mjs';
import { openFloor } from './floors.mjs';
import { openIsolations } from './isolations.mjs';
import { comparison, complaints, cpuTable, floorMsOf, floorsOf, lineOf, table, warnings } from './lines.mjs';
import { measure, takeProfiles, warmUp } from './measure.mjs';
import { FLOORS } from './options.mjs';
import { medianOf } from './statistics.mjs';
import { Closing, openSurroundings } from './surroundings.mjs';

/**
 * @param {import('./options.mjs').BenchOptions} options
 * @param {(line: string) => void} print to standard output
 * @returns {Promise<number>} exit code: 1 if any call failed
 */
export async function runBench(options, print) {
  const closing = new Closing();
  let stopped = false;
  onStopSignals({
    onStop: () => {
      stopped = true;
      console.error('\nstopping');
      void closing.end().then(() => process.exit(130));
    },
    onKill: () => process.exit(130),
  });
  // Nothing that was started is left behind, whatever goes wrong.
  for (const event of ['uncaughtException', 'unhandledRejection']) {
    process.once(event, (error) => {
      console.error(error);
      void closing.end().then(() => process.exit(1));
    });
  }
  try {
    const surroundings = await openSurroundings({ closing, profile: options.profile, quiet: options.json });
    const lines = await measureAll(
      surroundings,
      options,
      options.json ? (line) => print(JSON.stringify(line)) : undefined,
    );
    if (!options.json) print(`\n${table(lines)}\n\nCPU ms per transaction\n${cpuTable(lines)}`);
    const bad = complaints(lines);
    for (const sentence of [...comparison(lines), ...warnings(lines), ...bad]) console.error(sentence);
    return bad.length > 0 ? 1 : 0;
  } catch (error) {
    if (stopped) return await new Promise(() => {}); // the signal's stop is on its way
    throw error;
  } finally {
    if (!stopped) await closing.end();
  }
}

/** Cases that are measured in turns, so that both have the same share of a busy machine. */
const SIDE_BY_SIDE = ['local', 'global'];

/**
 * @returns {{ names: string[], concurrencies: number[], reported: boolean }[]} what is measured, one after the other; several
 * names are measured in turns, and a floor that only a ratio needs is measured one at a time
 */
function planOf({ cases, concurrencies }) {
  const needed = new Set(cases.flatMap(floorsOf));
  const floors = FLOORS.filter((floor) => cases.includes(floor) || needed.has(floor)).map((name) => {
    const reported = cases.includes(name);
    const all = reported ? [...new Set([...(needed.has(name) ? [1] : []), ...concurrencies])] : [1];
    return { names: [name], reported, concurrencies: name === 'floor-fdatasync' ? [1] : all };
  });
  const alone = cases.filter((name) => !FLOORS.includes(name) && !SIDE_BY_SIDE.includes(name)).map((name) => [name]);
  const inTurns = cases.filter((name) => SIDE_BY_SIDE.includes(name));
  const groups = inTurns.length > 0 ? [...alone, inTurns] : alone;
  return [...floors, ...groups.map((names) => ({ names, reported: true, concurrencies }))];
}

/** @returns {Promise<import('./floors.mjs').Subject[]>} one for each name */
async function openSubjects([name, ...others], surroundings, callers, replicas) {
  if (SIDE_BY_SIDE.includes(name)) return openIsolations([name, ...others], surroundings, callers, replicas);
  return [await (FLOORS.includes(name) ? openFloor : openCase)(name, surroundings, callers, replicas)];
}

async function measureAll(surroundings, options, onLine = () => {}) {
  const plan = planOf(options);
  const { progress, step, end } = progressOf(plan, options);
  const callers = Math.max(...options.concurrencies);
  const floors = new Map();
  const lines = [];
  for (const { names, reported, concurrencies } of plan) {
    const subjects = await openSubjects(names, surroundings, callers, options.replicas);
    for (const subject of subjects) await warmUp(subject, options.seconds);
    for (const concurrency of concurrencies) {
      const all = await inTurns(subjects, concurrency, reported ? options.rounds : 1, options.seconds, step);
      for (const [position, name] of names.entries()) {
        const measured = medianOf(all[position]);
        const isFloor = FLOORS.includes(name);
        if (isFloor && concurrency === 1) floors.set(name, measured);
        const { participants } = subjects[position];
        const hasLog = !isFloor || name === 'floor-path';
        const what = { case: name, replicas: hasLog ? options.replicas : null, participants, concurrency };
        const line = lineOf(what, measured, floorMsOf(name, floors));
        if (reported) {
          lines.push(line);
          onLine(line);
          progress?.say(`${name} at ${concurrency}: ${line.perSecond} per second, p50 ${line.p50Ms} ms`);
        }
        if (options.profile !== undefined && !isFloor) {
          const how = { name, concurrency, seconds: options.seconds, directory: options.profile };
          await takeProfiles(subjects[position], how);
        }
      }
    }
    for (const subject of subjects) await subject.close();
  }
  end();
  return lines;
}

/** @returns {Promise<Awaited<ReturnType<typeof measure>>[][]>} the rounds of each subject */
async function inTurns(subjects, concurrency, rounds, seconds, onMeasured) {
  const all = subjects.map(() => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [position, subject] of subjects.entries()) {
      all[position].push(await measure(subject, concurrency, seconds));
      onMeasured();
    }
  }
  return all;
}

function progressOf(plan, { json, rounds }) {
  const total = plan.reduce(
    (sum, { names, concurrencies, reported }) => sum + names.length * concurrencies.length * (reported ? rounds : 1),
    0,
  );
  let done = 0;
  const progress = json ? undefined : oneLineProgress('measuring');
  return {
    progress,
    step() {
      done += 1;
      progress?.update(done / total);
    },
    end: () => progress?.done(`${total} measurements`),
  };
}
