// Ends what a starter that was killed left running. Everything the starter runs carries its data directory in its
// command line, and only a process that carries this very one is touched.
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { commandLine, endProcess } from './processes.mjs';

const run = promisify(execFile);

const APP_STOP_MS = 10_000;
const KAFKA_STOP_MS = 20_000;
const POSTGRES_STOP_MS = 20_000;

/** The argument that marks an app as run for this data directory. */
export const markOf = (dataDirectory) => `--run-for=${dataDirectory}`;

/** In the order in which they are ended, each with the signal that it takes as a polite request. */
const kinds = (dataDirectory) => [
  { mark: markOf(dataDirectory), signal: 'SIGTERM', waitMs: APP_STOP_MS },
  { mark: join(dataDirectory, 'kafka', 'server.properties'), signal: 'SIGTERM', waitMs: KAFKA_STOP_MS },
  { mark: `-D ${join(dataDirectory, 'postgres')}`, signal: 'SIGINT', waitMs: POSTGRES_STOP_MS },
];

/**
 * @param {string} dataDirectory absolute
 * @returns {Promise<number>} how many processes were ended
 */
export async function endLeftovers(dataDirectory) {
  let ended = 0;
  for (const { mark, signal, waitMs } of kinds(dataDirectory)) {
    const pids = await processesMarked(mark);
    await Promise.all(
      pids.map((pid) =>
        endProcess(pid, [
          [signal, waitMs],
          ['SIGKILL', 2_000],
        ]),
      ),
    );
    ended += pids.length;
  }
  return ended;
}

/** The mark is a whole word (or words) of the command line: /data is not /data-2. */
async function processesMarked(mark) {
  const all = await commandLines();
  return all
    .filter(({ pid, command }) => pid !== process.pid && `${command} `.includes(` ${mark} `))
    .map(({ pid }) => pid);
}

async function commandLines() {
  if (process.platform !== 'linux') {
    const { stdout } = await run('ps', ['-axww', '-o', 'pid=,command='], { maxBuffer: 16 * 1024 * 1024 });
    return stdout
      .split('\n')
      .map((line) => ({ pid: Number.parseInt(line, 10), command: line.trim().replace(/^\d+\s+/, '') }));
  }
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  return Promise.all(pids.map(async (pid) => ({ pid, command: await commandLine(pid) })));
}
