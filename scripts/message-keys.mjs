// Makes the files of message keys (docs/security-kafka.md): one for the coordinators with everybody's keys, and one for each
// participant with its own.
//
//   node scripts/message-keys.mjs --directory DIRECTORY PARTICIPANT…
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const SECRET_BYTES = 32;
const OWNER_ONLY = 0o600;

const { values, positionals: participants } = parseArgs({
  options: { directory: { type: 'string' } },
  allowPositionals: true,
});
if (!values.directory || participants.length === 0 || !participants.every((name) => /^[a-z][a-z0-9-]*$/.test(name))) {
  console.error('Usage: node scripts/message-keys.mjs --directory DIRECTORY PARTICIPANT…');
  process.exit(1);
}

const kid = new Date().toISOString().slice(0, 10);
const keys = Object.fromEntries(
  participants.map((name) => [name, [{ kid, secret: randomBytes(SECRET_BYTES).toString('base64') }]]),
);
await mkdir(values.directory, { recursive: true });
const write = async (name, content) => {
  const path = join(values.directory, `${name}.json`);
  // Never over a file that is there: it may hold the only copy of a key in use.
  await writeFile(path, `${JSON.stringify({ keys: content }, null, 2)}\n`, { mode: OWNER_ONLY, flag: 'wx' });
  console.log(path);
};
await write('coordinator', keys);
for (const name of participants) await write(name, { [name]: keys[name] });
