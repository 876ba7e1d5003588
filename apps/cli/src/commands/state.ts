import { API_KEY_ROLES } from '@concordat/coordinator-state';
import { backup } from '../backup.js';
import { type Command, type Given, YES } from '../command.js';
import { createKey } from '../create-key.js';
import { usage } from '../failure.js';
import { restore, verify } from '../restore.js';

const FILE = { name: 'FILE' };

/** The state of replicas on disk, and keys: what needs no running coordinator. */
export const stateCommands: readonly Command[] = [
  {
    words: ['backup'],
    summary: 'Writes the state of a replica into FILE while work goes on.',
    argument: FILE,
    options: {
      'database-url': {
        value: 'URL',
        summary: "of a replica's database; else the furthest of those that npm start runs here (DATA_DIR/run.json)",
      },
      force: { summary: 'replaces FILE if it is there' },
    },
    run: ({ terminal, env, argument: file, one, flag }) => {
      const databaseUrl = one('database-url');
      return backup(terminal, {
        file,
        databaseUrl: databaseUrl && checkedUrl(databaseUrl),
        dataDirectory: env.DATA_DIR || '.data',
        force: flag('force'),
      });
    },
  },
  {
    words: ['verify'],
    summary: 'Checks every byte of a backup.',
    argument: FILE,
    options: {},
    run: ({ terminal, argument }) => verify(terminal, argument),
  },
  {
    words: ['restore'],
    summary:
      'Makes a backup the beginning of a new cluster, in the empty databases of all replicas that it begins with.',
    argument: FILE,
    options: {
      'database-url': { value: 'URL', summary: 'an empty database of a replica', multiple: true },
      'data-dir': { value: 'PATH', summary: 'a data directory to check for an old log', multiple: true },
      participant: { value: 'NAME', summary: 'one that joined after the backup was taken', multiple: true },
      gone: { value: 'NAME', summary: 'one that will never come back and is not to be waited for', multiple: true },
      incarnation: { value: 'N', summary: 'that of an earlier run of this restore, for a further replica' },
      yes: YES,
    },
    run: runRestore,
  },
  {
    words: ['keys', 'create'],
    summary: 'Makes an API key and shows it once, with what belongs into the file API_KEYS_FILE: its hash.',
    argument: { name: 'ID' },
    options: {
      caller: { value: 'NAME', summary: 'in whose name calls are made' },
      role: { value: 'ROLE', summary: 'what for, see docs/security.md', choices: API_KEY_ROLES, multiple: true },
      participant: {
        value: 'NAME',
        summary: "one that its holder may enlist, or '*' for all",
        multiple: true,
      },
      expires: { value: 'TIME', summary: 'when it ends, such as 2026-12-31T00:00:00Z' },
      file: { value: 'FILE', summary: 'puts it into that file, which running coordinators read again by themselves' },
      'key-file': { value: 'FILE', summary: 'writes the key there, for its owner only, and does not show it' },
    },
    run: ({ terminal, argument, one, many }) =>
      createKey(terminal, argument, {
        caller: one('caller'),
        role: many('role'),
        participant: many('participant'),
        expires: one('expires'),
        file: one('file'),
        keyFile: one('key-file'),
      }),
  },
];

function runRestore({ terminal, argument: file, many, number, confirm }: Given): Promise<void> {
  const databaseUrls = many('database-url').map(checkedUrl);
  if (databaseUrls.length === 0) throw usage('Name the empty database to restore into with --database-url.');
  const incarnation = number('incarnation');
  if (incarnation === 0) throw usage('--incarnation 0 is no incarnation.');
  return restore(terminal, {
    file,
    databaseUrls,
    dataDirectories: many('data-dir'),
    participants: many('participant').map(checkedName),
    gone: many('gone'),
    incarnation,
    confirm,
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
