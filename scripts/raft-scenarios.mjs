// Runs Raft scenario files: `npm run -s raft:scenarios -- FILE…` prints `PASS file` or `FAIL file` with the differences,
// and fails if any file does. `--strict` compares the nodes' log lines too; `--rewrite` puts the actual output into the
// files instead of comparing.
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from './build.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const options = process.argv.slice(2);
const files = options.filter((option) => !option.startsWith('--'));
const mode = options.includes('--strict') ? 'strict' : 'quiet';
if (files.length === 0) {
  console.error('usage: npm run -s raft:scenarios -- [--strict | --rewrite] FILE…');
  process.exit(2);
}

await build();
const runner = await import(pathToFileURL(join(root, 'libs/raft/dist/scenarios/runner.js')).href);

let failed = 0;
for (const file of files) {
  // npm runs scripts at the root; names are relative to where the caller stands.
  const path = resolve(process.env.INIT_CWD ?? process.cwd(), file);
  const text = await readFile(path, 'utf8');
  if (options.includes('--rewrite')) {
    await writeFile(path, runner.rewriteScenario(text));
    console.log(`WROTE ${file}`);
    continue;
  }
  const mismatches = runner.runScenario(text, mode);
  console.log(`${mismatches.length === 0 ? 'PASS' : 'FAIL'} ${file}`);
  if (mismatches.length === 0) continue;
  failed++;
  console.log(runner.describeMismatches(mismatches, mode));
}
process.exitCode = failed === 0 ? 0 : 1;
