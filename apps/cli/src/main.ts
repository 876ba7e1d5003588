/**
 * The command line. Owns the arguments, the words for what goes wrong and the exit codes; what a command does is in the
 * file of its name.
 */
import { parseArgs } from 'node:util';
import { NoStateError, SnapshotFormatError } from '@concordat/coordinator-state';
import { backup } from './backup.js';
import { createKey } from './create-key.js';
import { CommandFailure, EXIT } from './failure.js';
import { restore, verify } from './restore.js';
import { openTerminal, type Terminal } from './terminal.js';

const USAGE = `concordat: looks after a Concordat cluster

  concordat backup FILE [--database-url URL] [--force]
      Writes the state of a replica into FILE while work goes on. Without --database-url it takes
      the furthest of the replicas that npm start runs here (DATA_DIR/run.json).
  concordat verify FILE
      Checks every byte of a backup.
  concordat restore FILE --database-url URL [--database-url URL ...] [--data-dir PATH ...]
      Makes a backup the beginning of a new cluster. Name the empty databases of all replicas that it
      begins with. --data-dir: data directories to check for an old log.
      --participant NAME  one that joined after the backup was taken (may be repeated)
      --gone NAME         one that will never come back and is not to be waited for (may be repeated)
      --incarnation N     that of an earlier run of this restore, for a further replica

  concordat keys create ID --caller NAME --role ROLE [--role ROLE ...] [--participant NAME ...]
      Makes an API key and shows it once, with what belongs into the file API_KEYS_FILE: its hash.
      --role         caller, operator, admin, participant or monitor (see docs/security.md)
      --participant  one that its holder may enlist (may be repeated), or '*' for all
      --expires TIME when it ends, such as 2026-12-31T00:00:00Z
      --file FILE    puts it into that file, which running coordinators read again by themselves
      --key-file FILE  writes the key there, for its owner only, and does not show it

  --json   results and errors as JSON, one object a line
  --help   this

Exit codes: 0 done, 1 failed, 2 usage, 3 file or database not reachable, 4 backup damaged, 5 refused`;

const OPTIONS = {
  'database-url': { type: 'string', multiple: true },
  'data-dir': { type: 'string', multiple: true },
  participant: { type: 'string', multiple: true },
  gone: { type: 'string', multiple: true },
  incarnation: { type: 'string' },
  caller: { type: 'string' },
  role: { type: 'string', multiple: true },
  expires: { type: 'string' },
  file: { type: 'string' },
  'key-file': { type: 'string' },
  force: { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean' },
} as const;

const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  backup: ['database-url', 'force'],
  verify: [],
  keys: ['caller', 'role', 'participant', 'expires', 'file', 'key-file'],
  restore: ['database-url', 'data-dir', 'participant', 'gone', 'incarnation'],
};

const usage = (message: string): CommandFailure =>
  new CommandFailure('usage', message, 'concordat --help shows what there is.');

/** Runs one command. @returns the exit code */
export async function runConcordat(words: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const terminal = openTerminal(words.includes('--json'));
  try {
    await runCommand(terminal, words, env);
    return EXIT.done;
  } catch (error) {
    const failure = asFailure(error);
    terminal.end();
    const { exit, message, advice } = failure;
    console.error(terminal.json ? JSON.stringify({ error: { exit, message, advice } }) : `${message}\n${advice}`);
    return EXIT[exit];
  }
}

function read(words: readonly string[]) {
  try {
    return parseArgs({ args: [...words], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw usage(`${(error as Error).message.split('. ')[0]}.`);
  }
}

async function runCommand(terminal: Terminal, words: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const { values, positionals } = read(words);
  const [command, file, ...more] = positionals;
  if (values.help) return terminal.result({ usage: USAGE }, [USAGE]);
  const allowed = command === undefined ? undefined : ALLOWED[command];
  if (command === undefined || !allowed) throw usage(command ? `There is no command ${command}.` : 'Name a command.');
  for (const name of Object.keys(values)) {
    if (name !== 'json' && !allowed.includes(name)) throw usage(`${command} does not know --${name}.`);
  }
  if (command === 'keys') return createKey(terminal, [file, ...more], values);
  if (file === undefined || more.length > 0) throw usage(`${command} takes the path of one file.`);
  const urls = (values['database-url'] ?? []).map(checkedUrl);
  if (command === 'verify') return verify(terminal, file);
  if (command === 'backup') {
    if (urls.length > 1) throw usage('A backup is taken from one database.');
    const dataDirectory = env.DATA_DIR || '.data';
    return backup(terminal, { file, databaseUrl: urls[0], dataDirectory, force: values.force ?? false });
  }
  if (urls.length === 0) throw usage('Name the empty database to restore into with --database-url.');
  return restore(terminal, {
    file,
    databaseUrls: urls,
    dataDirectories: values['data-dir'] ?? [],
    participants: (values.participant ?? []).map(checkedName),
    gone: values.gone ?? [],
    incarnation: values.incarnation === undefined ? undefined : checkedNumber(values.incarnation),
  });
}

function checkedUrl(url: string): string {
  if (/^postgres(ql)?:\/\//.test(url) && URL.canParse(url)) return url;
  throw usage('--database-url is to look like postgres://user:password@host:5432/database.');
}

function checkedName(name: string): string {
  if (/^[a-z][a-z0-9-]{0,62}$/.test(name)) return name;
  throw usage(`${JSON.stringify(name)} is no name of a participant.`);
}

function checkedNumber(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw usage(`--incarnation ${text} is no incarnation.`);
}

function asFailure(error: unknown): CommandFailure {
  if (error instanceof CommandFailure) return error;
  const cause = error as NodeJS.ErrnoException & { errors?: NodeJS.ErrnoException[] };
  if (error instanceof SnapshotFormatError) {
    const advice = 'Take another backup, or use another copy of this one; nothing was restored.';
    return new CommandFailure('damaged', `This backup cannot be used: ${cause.message}.`, advice, { cause });
  }
  if (error instanceof NoStateError) {
    return new CommandFailure(
      'refused',
      `There is nothing to back up: ${cause.message}.`,
      'Name the database of a replica.',
    );
  }
  const inner = cause.errors?.[0] ?? cause;
  const message = `${inner.message || inner.code}`.replace(/\.$/, '');
  if (/^(E[A-Z]+|08...|28...|3D000|57P0.)$/.test(inner.code ?? '') || /timeout|terminated/i.test(message)) {
    const advice = 'Look whether the file and the database are there and may be used, and try again.';
    return new CommandFailure('unreachable', `${message}.`, advice, { cause });
  }
  return new CommandFailure('failed', `${message}.`, 'Nothing was left half-done; try again, or report it.', { cause });
}
