import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { root } from './setup.mjs';

const textOf = (path) => readFile(join(root, path), 'utf8');
const named = (text, pattern) => [...text.matchAll(pattern)].map(([, name]) => name);

it('docs/settings.md has every variable that a coordinator reads, and no other', async () => {
  const config = await Promise.all(
    ['config', 'credentials-config'].map((name) => textOf(`apps/coordinator/src/config/${name}.ts`)),
  );
  const read = [
    ...config.flatMap((text) => named(text, /^ {2}([A-Z][A-Z0-9_]+):/gm)),
    ...named(await textOf('libs/transport/src/environment.ts'), /\b((?:KAFKA|MESSAGE)_[A-Z_]*[A-Z])\b/g),
    'DATABASE_URL_FILE', // the one secret among them
  ];
  const [ofCoordinators = ''] = (await textOf('docs/settings.md')).split('## Of a participant');
  const rows = ofCoordinators.split('\n').filter((line) => line.startsWith('| `'));
  const told = rows.flatMap((line) => named(line.split('|')[1] ?? '', /`([A-Z0-9_]+)`/g));
  expect(read.length).toBeGreaterThan(30);
  expect(told.sort()).toEqual([...new Set(read)].sort());
});
