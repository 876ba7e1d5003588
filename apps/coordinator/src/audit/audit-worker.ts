/** One worker thread of an audit: does one task after the other, says how far it is, and holds no state of its own. */
import { parentPort, workerData } from 'node:worker_threads';
import { RangeReader } from '@concordat/transport';
import { AuditFiles, type MappedPiece } from './audit-files.js';
import type { AuditTask, WorkerReport, WorkerSetup } from './audit-tasks.js';
import { mapPiece } from './map-piece.js';
import { RecordReader } from './record-reader.js';
import { reduceBucket } from './reduce-bucket.js';

const setup = workerData as WorkerSetup;
const files = new AuditFiles(setup.directory);
const { brokers, clientId, security, databaseUrl, plan } = setup;
const reader = new RangeReader({ brokers, clientId, ...(security && { security }) });
const records = databaseUrl === undefined ? undefined : new RecordReader(databaseUrl);
let mapped: Promise<MappedPiece[]> | undefined;

const say = (report: WorkerReport): void => parentPort?.postMessage(report);

async function run(task: AuditTask): Promise<void> {
  if (task.kind === 'map') {
    const { number } = task.piece;
    const onRead = (count: number) => say({ type: 'read', piece: number, records: count });
    return mapPiece(task.piece, plan, { files, reader, verify: undefined, onRead });
  }
  // Small: each says where its buckets begin. Read once, when everything is mapped.
  mapped ??= Promise.all(plan.pieces.map((piece) => files.mapped(piece.number).read()));
  const lookUp =
    records && task.reduce.notCompared === null ? (ids: readonly string[]) => records.lookUp(ids) : undefined;
  return reduceBucket(task.bucket, task.reduce, { files, mapped: await mapped, lookUp });
}

parentPort?.on('message', (task: AuditTask) => {
  run(task).then(
    () => say({ type: 'done' }),
    (error: unknown) => say({ type: 'failed', message: (error as Error).message }),
  );
});
