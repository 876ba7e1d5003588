// The real worker of an audit, which dies once at some piece and never comes back from another, as the files `die` and
// `stall` in the data directory say (a piece number each).
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';

const numberIn = (name) => {
  const path = join(workerData.directory, '..', '..', name);
  return existsSync(path) ? Number(readFileSync(path, 'utf8')) : undefined;
};

const on = parentPort.on.bind(parentPort);
parentPort.on = (name, handler) =>
  on(name, (task) => {
    if (task.kind === 'map' && task.piece.number === numberIn('die')) {
      rmSync(join(workerData.directory, '..', '..', 'die'));
      process.exit(9);
    }
    if (task.kind === 'map' && task.piece.number >= (numberIn('stall') ?? Number.POSITIVE_INFINITY)) return;
    handler(task);
  });

await import('../dist/audit-worker.js');
