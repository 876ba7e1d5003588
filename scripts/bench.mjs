// npm run bench: how fast it is, against the floors of this machine. docs/performance.md says what each figure means.
import { readOptions, USAGE } from '../bench/options.mjs';
import { sayError } from './lib/say-error.mjs';
import { ensureReady } from './lib/setup.mjs';

const stdout = process.stdout.write.bind(process.stdout);

try {
  const options = readOptions(process.argv.slice(2));
  // Lines of JSON and nothing else: whatever anybody else has to say goes to standard error.
  if (options.json) process.stdout.write = process.stderr.write.bind(process.stderr);
  if (options.help) {
    console.log(USAGE);
  } else {
    await ensureReady();
    const { runBench } = await import('../bench/run.mjs');
    process.exitCode = await runBench(options, (text) => stdout(`${text}\n`));
  }
} catch (error) {
  console.error(sayError(error));
  process.exitCode = 1;
}
