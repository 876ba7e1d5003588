// One run of the bench: the floors, then the cases, and what is said about them.
import { oneLineProgress } from '../scripts/lib/one-line-progress.mjs';
import { onStopSignals } from '../scripts/lib/signals.mjs';
import { openCase } from './cases.mjs';
import { openFloor } from './floors.mjs';
import { complaints, cpuTable, floorMsOf, floorsOf, lineOf, table, warnings } from './lines.mjs';
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
    for (const sentence of [...warnings(lines), ...bad]) console.error(sentence);
    return bad.length > 0 ? 1 : 0;
  } catch (error) {
    if (stopped) return await new Promise(() => {}); // the signal's stop is on its way
    throw error;
  } finally {
    if (!stopped) await closing.end();
  }
}

/** @returns {{ name: string, concurrencies: number[], reported: boolean }[]} a floor that only a ratio needs is measured one at a time */
function planOf({ cases, concurrencies }) {
  const needed = new Set(cases.flatMap(floorsOf));
  const floors = FLOORS.filter((floor) => cases.includes(floor) || needed.has(floor)).map((name) => {
    const reported = cases.includes(name);
    const all = reported ? [...new Set([...(needed.has(name) ? [1] : []), ...concurrencies])] : [1];
    return { name, reported, concurrencies: name === 'floor-fdatasync' ? [1] : all };
  });
  const others = cases.filter((name) => !FLOORS.includes(name));
  return [...floors, ...others.map((name) => ({ name, reported: true, concurrencies }))];
}

async function measureAll(surroundings, options, onLine = () => {}) {
  const plan = planOf(options);
  const { progress, step, end } = progressOf(plan, options);
  const callers = Math.max(...options.concurrencies);
  const floors = new Map();
  const lines = [];
  for (const { name, reported, concurrencies } of plan) {
    const isFloor = FLOORS.includes(name);
    const open = isFloor ? openFloor : openCase;
    const subject = await open(name, surroundings, callers, options.replicas);
    await warmUp(subject, options.seconds);
    for (const concurrency of concurrencies) {
      const rounds = [];
      for (let round = 0; round < (reported ? options.rounds : 1); round += 1) {
        rounds.push(await measure(subject, concurrency, options.seconds));
        step();
      }
      const measured = medianOf(rounds);
      if (isFloor && concurrency === 1) floors.set(name, measured);
      const { participants } = subject;
      const what = { case: name, replicas: isFloor ? null : options.replicas, participants, concurrency };
      const line = lineOf(what, measured, floorMsOf(name, floors));
      if (reported) {
        lines.push(line);
        onLine(line);
        progress?.say(`${name} at ${concurrency}: ${line.perSecond} per second, p50 ${line.p50Ms} ms`);
      }
      if (options.profile !== undefined && !isFloor) {
        await takeProfiles(subject, { name, concurrency, seconds: options.seconds, directory: options.profile });
      }
    }
    await subject.close();
  }
  end();
  return lines;
}

function progressOf(plan, { json, rounds }) {
  const total = plan.reduce(
    (sum, { concurrencies, reported }) => sum + concurrencies.length * (reported ? rounds : 1),
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
