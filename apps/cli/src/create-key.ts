import { randomUUID } from 'node:crypto';
import { open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { API_KEY_ID_PATTERN, API_KEY_ROLES, createApiKey } from '@concordat/coordinator-state';
import { CommandFailure, usage } from './failure.js';
import type { Terminal } from './terminal.js';

/** For its owner only. */
const PRIVATE = 0o600;

export interface KeyOptions {
  readonly caller: string | undefined;
  readonly role: readonly string[];
  readonly participant: readonly string[];
  readonly expires: string | undefined;
  readonly file: string | undefined;
  readonly keyFile: string | undefined;
}

interface Entry {
  readonly id: string;
  readonly hash: string;
  readonly caller: string;
  readonly roles: readonly string[];
  readonly participants?: '*' | readonly string[];
  readonly expiresAt?: string;
}

/** `concordat keys create ID`: the key is shown, or written, this once; only its hash is kept. */
export async function createKey(terminal: Terminal, id: string, options: KeyOptions): Promise<void> {
  if (!API_KEY_ID_PATTERN.test(id))
    throw usage(`An id is 1 to 63 of a-z, 0-9 and -, which ${JSON.stringify(id)} is not.`);
  const { key, hash } = createApiKey(id);
  const entry = { id, hash, ...rightsIn(options) };
  const { keyFile } = options;
  if (keyFile !== undefined) await writeFile(keyFile, `${key}\n`, { mode: PRIVATE, flag: 'wx' });
  try {
    if (options.file !== undefined) await addTo(options.file, entry);
  } catch (error) {
    if (keyFile !== undefined) await rm(keyFile); // the key of no entry
    throw error;
  }
  terminal.result({ ...(keyFile === undefined ? { key } : { keyFile }), entry }, [
    keyFile === undefined
      ? `The key, which is shown this once:\n\n  ${key}\n`
      : `The key is in ${keyFile}, for its owner only.`,
    options.file === undefined
      ? `What belongs into the list "keys" of API_KEYS_FILE:\n\n  ${JSON.stringify(entry)}`
      : `${options.file} knows its hash.`,
  ]);
}

function rightsIn({ caller, role, participant, expires }: KeyOptions): Omit<Entry, 'id' | 'hash'> {
  if (caller === undefined || !/^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$/.test(caller)) {
    throw usage('Name who calls with --caller: letters, digits and ._@-, at most 100.');
  }
  const roles: readonly string[] = API_KEY_ROLES;
  if (role.length === 0 || !role.every((one) => roles.includes(one))) {
    throw usage(`Say what for with --role: ${roles.join(', ')}.`);
  }
  if (!participant.every((one) => one === '*' || /^[a-z][a-z0-9-]{0,62}$/.test(one))) {
    throw usage("--participant is the name of one, or '*' for all.");
  }
  const expiresAt = expires === undefined ? undefined : new Date(expires);
  if (expiresAt && Number.isNaN(expiresAt.getTime())) throw usage('--expires is a time such as 2026-12-31T00:00:00Z.');
  return {
    caller,
    roles: role,
    ...(participant.length > 0 && { participants: participant.includes('*') ? ('*' as const) : participant }),
    ...(expiresAt && { expiresAt: expiresAt.toISOString() }),
  };
}

/** Replaced as a whole, so that nobody reads half of it. */
async function addTo(file: string, entry: Entry): Promise<void> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{"keys":[]}';
    throw error;
  });
  const keys = keysIn(text, file);
  if (keys.some(({ id }) => id === entry.id)) {
    const advice = 'Take another id, or take the old entry out first.';
    throw new CommandFailure('refused', `${file} has a key ${entry.id} already.`, advice);
  }
  const next = `${file}.${randomUUID()}`;
  try {
    const mode = (await stat(file).catch(() => undefined))?.mode ?? PRIVATE;
    const handle = await open(next, 'wx', mode);
    await handle.writeFile(`${JSON.stringify({ keys: [...keys, entry] }, null, 2)}\n`);
    await handle.sync();
    await handle.close();
    await rename(next, file);
  } catch (error) {
    await rm(next, { force: true });
    throw error;
  }
}

function keysIn(text: string, file: string): readonly { readonly id?: unknown }[] {
  let keys: unknown;
  try {
    ({ keys } = JSON.parse(text) as { keys?: unknown });
  } catch {
    keys = undefined; // told below; what JSON.parse says repeats a part of the text
  }
  if (Array.isArray(keys)) return keys as { id?: unknown }[];
  throw new CommandFailure(
    'damaged',
    `${file} is no file of API keys.`,
    'It is to be JSON: {"keys": []} to begin with.',
  );
}
