// One subject at one concurrency: driven for a while, with the meters read at both ends.
import { mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { perCall, shareElsewhere } from './meters.mjs';

/** A subject is driven for a while before its first measurement, so that code is compiled and connections stand. */
const FIRST_WARM_UP = { concurrency: 64, calls: 10_000, seconds: 10 };
const WARM_UP_MS = 1_000;

/**
 * Drives the subject for so many calls that the compilers are done, or for so long that they should be.
 * @param {import('./floors.mjs').Subject} subject
 * @param {number} secondsMax of the measurements to come; short ones get a short warm-up
 */
export async function warmUp({ driver, concurrencyMax = FIRST_WARM_UP.concurrency }, secondsMax) {
  const concurrency = Math.min(FIRST_WARM_UP.concurrency, concurrencyMax);
  const strideMs = Math.min(1_000, secondsMax * 1_000);
  let calls = 0;
  for (let ms = 0; ms < Math.min(FIRST_WARM_UP.seconds, 2 * secondsMax) * 1_000; ms += strideMs) {
    const { count } = await driver.measure({ concurrency, warmupMs: 0, durationMs: strideMs });
    calls += count;
    if (calls >= FIRST_WARM_UP.calls) return;
  }
}

/**
 * @param {import('./floors.mjs').Subject} subject
 * @param {number} concurrency
 * @param {number} seconds
 * @returns {Promise<import('./closed-loop.mjs').LoopResult & ReturnType<typeof perCall>>}
 */
export async function measure(subject, concurrency, seconds) {
  const { driver, meters, counted, fsyncsPerCall, assertAlive } = subject;
  const readings = [];
  const result = await driver.measure(
    { concurrency, warmupMs: Math.min(WARM_UP_MS, seconds * 500), durationMs: seconds * 1_000 },
    () => readings.push(meters.read()),
  );
  await assertAlive?.();
  const [before, after] = await Promise.all(readings);
  const others = Object.values(result.otherwise).reduce((sum, count) => sum + count, 0);
  const used = perCall(before, after, result.count + others, counted);
  const fsyncsPerTransaction = fsyncsPerCall ?? used.fsyncsPerTransaction;
  return { ...result, ...used, fsyncsPerTransaction, elsewhere: shareElsewhere(before, after) };
}

/**
 * Drives the subject once more while its processes take their CPU profiles: they cost time, so this one is not measured.
 * @param {import('./floors.mjs').Subject} subject
 * @param {{ name: string, concurrency: number, seconds: number, directory: string }} options
 */
export async function takeProfiles({ driver, profiled, assertAlive }, { name, concurrency, seconds, directory }) {
  await mkdir(directory, { recursive: true });
  const before = new Set(await readdir(directory));
  const tellAll = () => {
    for (const pid of Object.values(profiled)) process.kill(pid, 'SIGCONT');
  };
  await driver.measure({ concurrency, warmupMs: 200, durationMs: seconds * 1_000 }, tellAll);
  await assertAlive?.();
  const written = async () => (await readdir(directory)).filter((file) => !before.has(file));
  const deadline = performance.now() + 10_000;
  while ((await written()).length < Object.keys(profiled).length && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  for (const file of await written()) {
    const [process] = file.split('.');
    await rename(join(directory, file), join(directory, `${name}-${concurrency}-${process}.cpuprofile`));
  }
}
