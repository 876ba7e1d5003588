/** Map and shuffle of one piece: reads it, gathers its facts, writes them bucket by bucket. */
import { bucketOf, encodeFacts, FactGatherer, type Facts, type Verify } from '@concordat/audit';
import type { RangeReader } from '@concordat/transport';
import { type AuditFiles, type MappedPiece, writeWhole } from './audit-files.js';
import type { AuditPlan, Piece } from './plan.js';

export interface MapParts {
  readonly files: AuditFiles;
  readonly reader: Pick<RangeReader, 'read'>;
  readonly verify: Verify | undefined;
  /** Told how many records of the piece have been read. */
  readonly onRead: (records: number) => void;
}

/** Repeating it is harmless: the file that it leaves in the end is the same. */
export async function mapPiece(piece: Piece, { seed, buckets }: AuditPlan, parts: MapParts): Promise<void> {
  const gatherer = new FactGatherer(parts.verify);
  let { isCut, fromMs } = piece;
  await parts.reader.read(piece, ({ messages, errors, position, isCut: isCutHere }) => {
    if (isCutHere) {
      isCut = true;
      fromMs = null;
    }
    const [first] = messages;
    if (isCut && first) fromMs ??= first.timestampMs;
    for (const message of messages) gatherer.add(message);
    gatherer.counts.unreadable += errors.length;
    parts.onRead(position - piece.from);
  });
  const offsets: number[] = [];
  await writeWhole(parts.files.facts(piece.number), shelves(gatherer.transactions, seed, buckets, offsets));
  const mapped: MappedPiece = { records: gatherer.counts, fromMs, isCut, offsets };
  await parts.files.mapped(piece.number).write(mapped); // last: it says that the facts are there
}

/** The lines of each bucket, one bucket after the other; `offsets` gets where each begins, and the end. */
function* shelves(
  transactions: ReadonlyMap<string, Facts>,
  seed: number,
  buckets: number,
  offsets: number[],
): Iterable<string> {
  const ids = Array.from({ length: buckets }, (): string[] => []);
  for (const id of transactions.keys()) ids[bucketOf(id, seed, buckets)]?.push(id);
  let at = 0;
  for (const shelf of ids) {
    offsets.push(at);
    if (shelf.length === 0) continue;
    const text = `${shelf.map((id) => encodeFacts(id, transactions.get(id) as Facts)).join('\n')}\n`;
    at += Buffer.byteLength(text);
    yield text;
  }
  offsets.push(at);
}
