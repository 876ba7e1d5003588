import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { checkEmpty, NotEmptyError, restoreState } from '@concordat/coordinator-state';
import { readChunks, type VerifiedFile, verifyFile } from './backup-file.js';
import { CommandFailure } from './failure.js';
import { sizeInWords, type Terminal } from './terminal.js';

export interface RestoreArguments {
  readonly file: string;
  /** The databases of all replicas that the new cluster begins with. */
  readonly databaseUrls: readonly string[];
  /** Their data directories, where this machine has them: they must hold no log. */
  readonly dataDirectories: readonly string[];
  readonly participants: readonly string[];
  readonly gone: readonly string[];
  /** By default the time in ms, or one more than the backup's. */
  readonly incarnation: number | undefined;
  /** Asks whether it is meant, once all is known to be as it should. @throws where it is not */
  readonly confirm: (question: string) => Promise<void>;
}

/** `concordat verify FILE`: whether a backup is whole. */
export async function verify(terminal: Terminal, path: string): Promise<void> {
  const found = await verified(terminal, resolve(path));
  terminal.result({ ...describe(found), file: resolve(path) }, [
    `whole   ${resolve(path)}`,
    ...inWords(found),
    `sha256  ${found.sha256}`,
  ]);
}

/** `concordat restore FILE`: a backup becomes the beginning of a new cluster. */
export async function restore(terminal: Terminal, given: RestoreArguments): Promise<void> {
  const file = resolve(given.file);
  const found = await verified(terminal, file);
  const incarnation = given.incarnation ?? Math.max(Date.now(), found.header.incarnation + 1);
  if (incarnation <= found.header.incarnation) {
    throw new CommandFailure(
      'usage',
      `Incarnation ${incarnation} is not above that of the backup, ${found.header.incarnation}.`,
      'Leave --incarnation out, or give the one that the first replica was restored with.',
    );
  }
  for (const directory of given.dataDirectories) await refuseUsedLog(directory);
  for (const url of given.databaseUrls) await refusing(url, () => checkEmpty(url));
  const databases = given.databaseUrls.map(nameOf);
  await given.confirm(
    `Make the state of ${found.header.takenAt} the beginning of a new cluster, in ${databases.join(', ')}? The old one is to be over.`,
  );
  for (const url of given.databaseUrls) {
    const chunks = readChunks(file, progressOf(terminal, `restoring into ${nameOf(url)}`, found.bytes));
    await refusing(url, () => restoreState(url, chunks, { ...given, incarnation }));
  }
  terminal.result({ ...describe(found), file, incarnation, databases, restoredFrom: found.header.incarnation }, [
    `restored  ${file} into ${databases.join(', ')}`,
    ...inWords(found),
    `new incarnation ${incarnation}: start the coordinators with empty data directories; what was in flight is settled`,
    'with the participants before anything is presumed.',
  ]);
}

const verified = (terminal: Terminal, file: string): Promise<VerifiedFile> =>
  verifyFile(file, (bytes, of) =>
    terminal.progress(`checking ${sizeInWords(bytes)} of ${sizeInWords(of)}`, bytes / of),
  );

function progressOf(terminal: Terminal, what: string, of: number): (chunk: Uint8Array) => void {
  let bytes = 0;
  return (chunk) => {
    bytes += chunk.length;
    terminal.progress(`${what}: ${sizeInWords(bytes)} of ${sizeInWords(of)}`, bytes / of);
  };
}

const describe = ({ header, rows, bytes, sha256 }: VerifiedFile) => {
  const { index, term, takenAt } = header;
  return { bytes, sha256, index, term, incarnation: header.incarnation, takenAt, rows };
};

const inWords = ({ header, rows }: VerifiedFile): string[] => [
  `state   index ${header.index}, term ${header.term}, incarnation ${header.incarnation}, as of ${header.takenAt}`,
  `rows    ${Object.entries(rows)
    .map(([table, count]) => `${table} ${count}`)
    .join(', ')}`,
];

/** The name of the database only: its URL may hold a password. */
const nameOf = (url: string): string => new URL(url).pathname.slice(1) || 'the database';

async function refusing<T>(url: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof NotEmptyError)) throw error;
    throw new CommandFailure(
      'refused',
      `The database ${nameOf(url)} is not empty: ${error.message}.`,
      'Restore into a new database; nothing was changed in this one.',
      { cause: error },
    );
  }
}

/** A log that was written to goes on from its own entries, which are not the backup's. */
async function refuseUsedLog(dataDirectory: string): Promise<void> {
  const log = join(resolve(dataDirectory), 'log');
  const names = await readdir(log).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  if (names.length === 0) return;
  throw new CommandFailure(
    'refused',
    `${log} holds the decision log of another cluster.`,
    'Move that directory away, or start the restored cluster with another DATA_DIR.',
  );
}
