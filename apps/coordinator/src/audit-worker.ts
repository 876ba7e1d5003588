/** One worker thread of an audit: does one task after the other, says how far it is, and holds no state of its own. */
import { parentPort, workerData } from 'node:worker_threads';
import type { AuditedRecord, Verify } from '@concordat/audit';
import { MessageKeys, RangeReader, SIGNATURE_HEADER, WatchedFiles } from '@concordat/transport';
import { AuditFiles, type MappedPiece } from './audit/audit-files.js';
import type { AuditTask, WorkerReport, WorkerSetup } from './audit/audit-tasks.js';
import { mapPiece } from './audit/map-piece.js';
import { RecordReader } from './audit/record-reader.js';
import { reduceBucket } from './audit/reduce-bucket.js';
import { verifyRecord } from './kafka/message-owners.js';

const setup = workerData as WorkerSetup;
const files = new AuditFiles(setup.directory);
const { brokers, clientId, security, databaseUrl, plan } = setup;
const reader = new RangeReader({ brokers, clientId, ...(security && { security }) });
const records = databaseUrl === undefined ? undefined : new RecordReader(databaseUrl);
const verify = setup.messageKeys && verifyWith(setup.messageKeys);
let mapped: Promise<MappedPiece[]> | undefined;

const say = (report: WorkerReport): void => parentPort?.postMessage(report);

async function run(task: AuditTask): Promise<void> {
  if (task.kind === 'map') {
    const { number } = task.piece;
    const onRead = (count: number) => say({ type: 'read', piece: number, records: count });
    return mapPiece(task.piece, plan, { files, reader, verify, onRead });
  }
  // Small: each says where its buckets begin. Read once, when everything is mapped.
  mapped ??= Promise.all(plan.pieces.map((piece) => files.mapped(piece.number).read()));
  const lookUp =
    records && task.reduce.notCompared === null ? (ids: readonly string[]) => records.lookUp(ids) : undefined;
  return reduceBucket(task.bucket, task.reduce, { files, mapped: await mapped, lookUp });
}

/** As the coordinator believes messages: signed by whom they name, with a key that is in force now. */
function verifyWith({ file, mode }: NonNullable<WorkerSetup['messageKeys']>): Verify {
  const keys = new WatchedFiles({
    paths: [file],
    parse: ([content]) => MessageKeys.parse(String(content)),
    onChange: () => undefined,
    onError: () => undefined, // the keys before stay in force; the coordinator reports it
  });
  return (record: AuditedRecord, participant) => {
    if (mode === 'migrate' && !Object.hasOwn(record.headers, SIGNATURE_HEADER)) return true;
    try {
      const signer = verifyRecord(record, keys.value);
      return signer === undefined || participant === null || signer.owner === participant;
    } catch {
      return false; // a SignatureError; counted as unverifiable
    }
  };
}

parentPort?.on('message', (task: AuditTask) => {
  run(task).then(
    () => say({ type: 'done' }),
    (error: unknown) => say({ type: 'failed', message: (error as Error).message }),
  );
});
