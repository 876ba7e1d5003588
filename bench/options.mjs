// What the bench is asked to do: pure, from the command line.
import { parseArgs } from 'node:util';

/** Floors first, since the cases are compared with them. */
export const FLOORS = ['floor-fdatasync', 'floor-kafka-echo', 'floor-postgres', 'floor-http', 'floor-path'];
export const CASES = ['empty', 'inventory', 'local', 'global'];

const CONCURRENCIES = [1, 32, 128];
const CONCURRENCY_MAX = 1024;
const REPLICAS_MAX = 7;

/** One sentence for the person who typed it. */
export class UsageError extends Error {
  name = 'UsageError';
}

export const USAGE = `npm run bench [-- options]
  --case NAME        only these (repeat it, or separate with commas): ${[...FLOORS, ...CASES].join(', ')}
  --seconds S        length of each measurement, default 5
  --concurrency N    in flight at once, as a list, default ${CONCURRENCIES.join(',')}
  --rounds R         measure everything R times and report the median of each figure, default 1
  --replicas N       coordinators, default 1
  --json             lines of JSON and nothing else
  --profile DIR      write a CPU profile of every process and measurement into DIR`;

/**
 * @typedef {object} BenchOptions
 * @property {string[]} cases floors and cases to report, in the order in which they run
 * @property {number} seconds of each measurement
 * @property {number[]} concurrencies
 * @property {number} rounds
 * @property {number} replicas
 * @property {boolean} json
 * @property {string | undefined} profile directory for CPU profiles
 * @property {boolean} help
 */

/** @param {string[]} words the command line @returns {BenchOptions} */
export function readOptions(words) {
  const values = parse(words);
  return {
    cases: casesOf(values.case),
    seconds: secondsOf(values.seconds),
    concurrencies: values.concurrency.split(',').map((text) => wholeNumber('--concurrency', text, CONCURRENCY_MAX)),
    rounds: wholeNumber('--rounds', values.rounds, 100),
    replicas: wholeNumber('--replicas', values.replicas, REPLICAS_MAX),
    json: values.json,
    profile: values.profile,
    help: values.help,
  };
}

function parse(words) {
  try {
    return parseArgs({
      args: words,
      options: {
        case: { type: 'string', multiple: true, default: [] },
        seconds: { type: 'string', default: '5' },
        concurrency: { type: 'string', default: CONCURRENCIES.join(',') },
        rounds: { type: 'string', default: '1' },
        replicas: { type: 'string', default: '1' },
        json: { type: 'boolean', default: false },
        profile: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(`${error.message}\n${USAGE}`);
  }
}

/** @param {string[]} given each may be a list */
function casesOf(given) {
  const known = [...FLOORS, ...CASES];
  const wanted = given.flatMap((text) => text.split(',')).filter((name) => name !== '');
  const unknown = wanted.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new UsageError(`There is no case ${unknown}; there are ${known.join(', ')}.`);
  return wanted.length === 0 ? known : known.filter((name) => wanted.includes(name));
}

function secondsOf(text) {
  const seconds = Number(text);
  if (seconds > 0 && seconds <= 3600) return seconds;
  throw new UsageError(`--seconds ${text} is no length of time; give a number above 0, in seconds.`);
}

function wholeNumber(name, text, max) {
  const number = Number(text);
  if (text !== '' && Number.isInteger(number) && number >= 1 && number <= max) return number;
  throw new UsageError(`${name} ${text} is no whole number from 1 to ${max}.`);
}
