import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import { exportState } from '@concordat/coordinator-state';
import { writeWhole } from './backup-file.js';
import { CommandFailure } from './failure.js';
import { furthestDatabase } from './running-product.js';
import { approximateStateSize } from './state-size.js';
import { sizeInWords, type Terminal } from './terminal.js';

/** What a bar shows at most as long as its end is only estimated. */
const ALMOST = 0.99;

export interface BackupArguments {
  readonly file: string;
  readonly databaseUrl: string | undefined;
  /** Where the running product keeps its run.json. */
  readonly dataDirectory: string;
  /** Whether a file of that name may be replaced. */
  readonly force: boolean;
}

/** `concordat backup FILE`: the state of one replica into a file, while work goes on. */
export async function backup(terminal: Terminal, given: BackupArguments): Promise<void> {
  const file = resolve(given.file);
  if (!given.force && (await exists(file))) {
    throw new CommandFailure(
      'refused',
      `${file} is there already.`,
      'Choose another name, or replace it with --force.',
    );
  }
  const databaseUrl = given.databaseUrl ?? (await furthestDatabase(given.dataDirectory));
  const { header, chunks, close } = await exportState(databaseUrl);
  try {
    const about = terminal.shows ? await approximateStateSize(databaseUrl) : undefined;
    const written = await writeWhole(file, chunks, (bytes) => {
      const of = about === undefined ? '' : ` of about ${sizeInWords(about)}`;
      terminal.progress(`${sizeInWords(bytes)} written${of}`, about && Math.min(bytes / about, ALMOST));
    });
    const { index, term, incarnation, takenAt } = header;
    terminal.result({ file, ...written, index, term, incarnation, takenAt }, [
      `backup  ${file}`,
      `size    ${sizeInWords(written.bytes)}`,
      `state   index ${index}, term ${term}, incarnation ${incarnation}, as of ${takenAt}`,
      `sha256  ${written.sha256}`,
    ]);
  } finally {
    await close();
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
