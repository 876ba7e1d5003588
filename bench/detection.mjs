// Failure detectors under injected delays, in virtual time: how soon a death is noticed, and how often the living are
// condemned. The detectors and the rule of the majority are the product's own; heartbeats, networks and deaths come from a seed.
import { condemns, PhiAccrualDetector } from '@concordat/failure-detection';
import { percentile } from './statistics.mjs';

const BEAT_MS = 1000;
const OBSERVERS = 3;
/** Silence is looked at this often, as the product does. */
const LOOK_MS = 50;
/** Replicas ask each other this often; a word is on its way for up to as long. */
const WORD_MS = 500;
const WARM_UP_BEATS = 150;
const GIVEN_UP_MS = 120_000;
const DAY_MS = 86_400_000;

export const PHI_THRESHOLDS = Array.from({ length: 16 }, (_, at) => at + 1);
export const TIMEOUTS_MS = [1500, 2000, 3000, 4000, 5000, 7000, 10_000, 15_000];

/**
 * @typedef {() => number} Random in [0, 1)
 * @typedef {object} Surroundings
 * @property {string} name
 * @property {string} about
 * @property {(random: Random) => number} linkMs delay of one heartbeat on the way to one observer; Infinity when it is lost
 * @property {(random: Random) => number} [stallMs] how long the sender itself stands still before a beat
 * @property {(random: Random) => number} [holdMs] how long one observer's link stands still from a beat on: what comes meanwhile, waits
 */

const exponential = (random, meanMs) => -meanMs * Math.log(1 - random());
const normal = (random) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
const onceAMinute = (random, ms) => (random() < BEAT_MS / 60_000 ? ms(random) : 0);
const quiet = (random) => 2 + exponential(random, 5);

/** @type {readonly Surroundings[]} */
export const SURROUNDINGS = [
  { name: 'steady', about: '5 ms, up to 20 ms of jitter', linkMs: (random) => 5 + 20 * random() },
  { name: 'exponential', about: 'mean 200 ms', linkMs: (random) => exponential(random, 200) },
  { name: 'lognormal', about: 'median 100 ms, sigma 1', linkMs: (random) => 100 * Math.exp(normal(random)) },
  {
    name: 'heavy tail',
    about: 'Pareto from 20 ms, alpha 1.2, to 20 s',
    linkMs: (random) => Math.min(20 * (1 - random()) ** (-1 / 1.2), 20_000),
  },
  {
    name: 'lossy links',
    about: '5 % lost on each link',
    linkMs: (random) => (random() < 0.05 ? Infinity : quiet(random)),
  },
  {
    name: 'pausing links',
    about: 'each once a minute, 0.5 to 6 s',
    linkMs: quiet,
    holdMs: (random) => onceAMinute(random, () => 500 + 5500 * random()),
  },
  {
    name: 'pausing participant',
    about: 'once a minute, mean 1 s',
    linkMs: quiet,
    stallMs: (random) => onceAMinute(random, () => exponential(random, 1000)),
  },
];

/**
 * Heartbeats of one sender on their way to all observers, one after the other.
 * @param {Surroundings} surroundings @param {Random} random
 */
function* beats({ linkMs, stallMs, holdMs }, random) {
  let sentAt = 0;
  const lastAt = new Array(OBSERVERS).fill(0);
  const heldUntil = new Array(OBSERVERS).fill(0);
  for (;;) {
    sentAt += BEAT_MS + (stallMs?.(random) ?? 0);
    const arrivals = lastAt.map((last, observer) => {
      const holdFor = holdMs?.(random) ?? 0;
      if (holdFor > 0) heldUntil[observer] = sentAt + holdFor;
      const delay = linkMs(random);
      if (delay === Infinity) return undefined;
      lastAt[observer] = Math.max(last, heldUntil[observer], sentAt + delay); // Kafka keeps the order
      return lastAt[observer];
    });
    yield { sentAt, arrivals };
  }
}

/**
 * One way to suspect: how many limits of it have been reached.
 * @typedef {{ heard(now: number): void, level(now: number): number, limits: readonly number[] }} Detector
 */

/** @param {import('@concordat/failure-detection').PhiAccrualOptions} options @returns {Detector} */
export function phiDetector(options) {
  const detector = new PhiAccrualDetector(options);
  return { heard: (now) => detector.heard(now), level: (now) => detector.suspicion(now), limits: PHI_THRESHOLDS };
}

/** What was there before: silence of so many ms. @returns {Detector} */
export function timeoutDetector() {
  let heardAt = 0;
  return {
    heard: (now) => {
      heardAt = now;
    },
    level: (now) => now - heardAt,
    limits: TIMEOUTS_MS,
  };
}

/**
 * Lets a sender live for some days and notes by limit when each observer suspected it wrongly.
 * @param {() => Detector} create @returns {{ from: number, to: number }[][][]} by observer, by limit
 */
function mistakes(surroundings, create, random, days) {
  const detectors = Array.from({ length: OBSERVERS }, create);
  const found = detectors.map(({ limits }) => limits.map(() => []));
  const heardAt = new Array(OBSERVERS).fill(0);
  let beat = 0;
  for (const { sentAt, arrivals } of beats(surroundings, random)) {
    if (sentAt > days * DAY_MS) return found;
    beat += 1;
    for (const [observer, at] of arrivals.entries()) {
      if (at === undefined) continue;
      const detector = detectors[observer];
      if (beat > WARM_UP_BEATS) noteMistakes(detector, heardAt[observer], at, found[observer]);
      detector.heard(at);
      heardAt[observer] = at;
    }
  }
  return found;
}

/** A silence that has ended: from when on it had reached each limit. */
function noteMistakes(detector, from, to, found) {
  const { limits } = detector;
  if (to - from < 1.1 * BEAT_MS) return; // as most; only a long one is gone through step by step
  let reached = 0;
  for (let now = from + BEAT_MS; now < to; now += LOOK_MS) {
    const level = detector.level(now);
    for (; reached < limits.length && level >= limits[reached]; reached += 1) found[reached].push({ from: now, to });
    if (reached === limits.length) return;
  }
}

/** How often, and for how long, the first observer as the judge condemned together with the others. */
function condemnations(byObserver) {
  const edges = byObserver
    .flatMap((mistakesOf, observer) =>
      mistakesOf.flatMap(({ from, to }) => [
        { at: from, observer, hearing: 'suspected' },
        { at: to, observer, hearing: 'alive' },
      ]),
    )
    .sort((a, b) => a.at - b.at);
  const words = byObserver.map((_, observer) => ({ observer, hearing: 'alive', ageMs: 0 }));
  const voters = new Set(words.map(({ observer }) => observer));
  let [count, totalMs, since] = [0, 0, undefined];
  for (const { at, observer, hearing } of edges) {
    words[observer] = { observer, hearing, ageMs: 0 };
    const condemned = condemns(words, { judge: 0, voters, wordAgeMsMax: 1 });
    if (condemned && since === undefined) {
      since = at;
      count += 1;
    } else if (!condemned && since !== undefined) {
      totalMs += at - since;
      since = undefined;
    }
  }
  return { count, totalMs };
}

/**
 * Lets a sender die at some moment, again and again.
 * @returns {{ single: number[][], majority: number[][] }} by limit how long it took, in ms
 */
function deaths(surroundings, create, random, count) {
  const times = { single: create().limits.map(() => []), majority: create().limits.map(() => []) };
  for (let death = 0; death < count; death += 1) {
    const detectors = Array.from({ length: OBSERVERS }, create);
    const lives = WARM_UP_BEATS + Math.floor(20 * random());
    let diesAt = 0;
    let beat = 0;
    const last = new Array(OBSERVERS).fill(0);
    for (const { sentAt, arrivals } of beats(surroundings, random)) {
      for (const [observer, at] of arrivals.entries()) {
        if (at === undefined) continue;
        detectors[observer].heard(at);
        last[observer] = at;
      }
      beat += 1;
      diesAt = sentAt + BEAT_MS * random();
      if (beat === lives) break;
    }
    const noticed = detectors.map((detector, observer) => noticedAt(detector, last[observer]));
    for (const limit of times.single.keys()) {
      const [own, ...others] = noticed.map((at) => at[limit]);
      const word = Math.min(...others.map((at) => at + WORD_MS * random()));
      times.single[limit].push(own - diesAt);
      times.majority[limit].push(Math.max(own, word) - diesAt);
    }
  }
  return times;
}

function noticedAt(detector, from) {
  const { limits } = detector;
  const at = new Array(limits.length).fill(from + GIVEN_UP_MS);
  let reached = 0;
  for (let now = from; now < from + GIVEN_UP_MS && reached < limits.length; now += LOOK_MS) {
    const level = detector.level(now);
    for (; reached < limits.length && level >= limits[reached]; reached += 1) at[reached] = now;
  }
  return at;
}

/**
 * @typedef {{ limit: number, observers: 1 | 3, mistakesPerDay: number, wrongShare: number, meanMs: number, p99Ms: number }} Measured
 * @param {Surroundings} surroundings @param {() => Detector} create
 * @param {{ random: Random, days: number, deaths: number }} extent
 * @returns {Measured[]} for each limit, by one observer and by the majority of three
 */
export function measure(surroundings, create, { random, days, deaths: deathCount }) {
  const wrong = mistakes(surroundings, create, random, days);
  const times = deaths(surroundings, create, random, deathCount);
  return create().limits.flatMap((limit, at) => {
    const by = { 1: condemnations([wrong[0][at]]), 3: condemnations(wrong.map((all) => all[at])) };
    return [1, 3].map((observers) => {
      const took = Float64Array.from(times[observers === 1 ? 'single' : 'majority'][at]).sort();
      return {
        limit,
        observers,
        mistakesPerDay: by[observers].count / days,
        wrongShare: by[observers].totalMs / (days * DAY_MS),
        meanMs: took.reduce((sum, ms) => sum + ms, 0) / took.length,
        p99Ms: percentile(took, 0.99),
      };
    });
  });
}
