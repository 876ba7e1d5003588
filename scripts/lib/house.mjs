// Everything that one start runs: what it is, what run.json says of it, and in which order it goes down again.
//
// Invariants:
//   H1 what is started is known here before anything waits for it, so that a stop at any moment ends all of it;
//   H2 nothing goes down before those who write to it: apps first, then Kafka, then Postgres;
//   H3 run.json is written after every change of a pid.
import { join } from 'node:path';
import { boundLog, lastLines, rotateLog } from './log-files.mjs';
import { seconds } from './one-line-progress.mjs';
import { createRunFile } from './run-file.mjs';
import { supervise } from './supervisor.mjs';

const LOG_CHECK_MS = 10_000;

/** Thrown to whoever starts something while everything is being stopped. */
export class Stopping extends Error {
  name = 'Stopping';
}

/** @param {string} dataDirectory absolute */
export function createHouse(dataDirectory) {
  const runFile = createRunFile(join(dataDirectory, 'run.json'));
  const logOf = (name) => join(dataDirectory, 'logs', `${name}.log`);
  /** @type {{ layer: 'app' | 'kafka' | 'postgres', supervised: import('./supervisor.mjs').Supervised }[]} */
  const kept = [];
  /** Parts of run.json, whose pids are read when it is written. */
  const described = { coordinators: [], participants: [], kafka: undefined, postgres: undefined };
  let settled = false;
  let stopping;

  const withPid = ({ supervised, ...rest }) => ({ ...rest, pid: supervised?.pid ?? null });
  function currentState() {
    return {
      coordinators: described.coordinators.map(withPid),
      participants: described.participants.map(withPid),
      kafka: described.kafka && withPid(described.kafka),
      postgres: described.postgres && withPid(described.postgres),
    };
  }
  const writeRunFile = () => {
    if (!stopping) void runFile.write(currentState()).catch((error) => console.error(`run.json: ${error.message}`));
  };

  const logWatch = setInterval(() => {
    for (const { supervised } of kept) void boundLog(logOf(supervised.name)).catch(() => undefined); // tried again soon
  }, LOG_CHECK_MS);
  logWatch.unref();

  return {
    dataDirectory,
    logOf,
    get stopping() {
      return stopping !== undefined;
    },
    /**
     * Starts something and keeps it running.
     * @param {'app' | 'kafka' | 'postgres'} layer
     * @param {string} name
     * @param {() => Promise<import('./supervisor.mjs').Running>} launch
     */
    async keep(layer, name, launch) {
      await rotateLog(logOf(name));
      if (stopping) throw new Stopping();
      const onDeath = (event) => void (settled && tellDeath(event, logOf(name)));
      const supervised = supervise({ name, launch, onChange: writeRunFile, onDeath });
      kept.push({ layer, supervised }); // H1
      await supervised.start();
      if (stopping) throw new Stopping();
      return supervised;
    },

    /** From now on a death is told here; before, whoever waits for the start tells it. */
    settle() {
      settled = true;
    },

    /** Adds to what run.json says. @param {'coordinators' | 'participants' | 'kafka' | 'postgres'} part */
    describe(part, entry) {
      if (Array.isArray(described[part])) {
        described[part].push(entry);
        described[part].sort((a, b) => (a.id ?? a.url).toString().localeCompare((b.id ?? b.url).toString()));
      } else described[part] = entry;
      writeRunFile();
    },

    /** Ends all of it in order; later calls wait for the first. */
    stop() {
      stopping ??= (async () => {
        clearInterval(logWatch);
        for (const layer of ['app', 'kafka', 'postgres']) {
          const stops = kept.filter((one) => one.layer === layer).map(({ supervised }) => supervised.stop());
          await Promise.allSettled(stops); // H2
        }
        await runFile.remove();
      })();
      return stopping;
    },

    /** Ends all of it at once. */
    kill() {
      for (const { supervised } of kept) supervised.kill();
    },
  };
}

async function tellDeath({ name, ending, livedMs, waitMs }, log) {
  console.error(`${name} ended (${ending}) after ${seconds(livedMs)}; starting it again in ${seconds(waitMs)}`);
  if (!ending.startsWith('exit code') || livedMs > 10_000) return;
  for (const line of await lastLines(log, 5)) console.error(`    ${line}`);
}
