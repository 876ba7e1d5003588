// npm run release: publishes the packages whose version the registry does not have yet. Meant for CI: the provenance that
// goes with each package is a statement of the CI's identity provider, which no other machine can make.
import { spawn } from 'node:child_process';
import { join, relative } from 'node:path';
import { publishedPackages } from './lib/packages.mjs';
import { sayError } from './lib/say-error.mjs';
import { ensureReady, root } from './lib/setup.mjs';

/** What has to be mended before anything is published. */
class NotReleasable extends Error {
  name = 'NotReleasable';
}

await main().catch((error) => {
  console.error(`\n${sayError(error)}`);
  process.exitCode = 1;
});

async function main() {
  await ensureReady();
  const packages = await publishedPackages();
  for (const { directory, manifest } of packages) {
    if (manifest.repository?.url) continue;
    const path = relative(root, directory);
    throw new NotReleasable(
      `${path}/package.json names no repository, and npm refuses provenance without it: npm pkg set ` +
        `repository.type=git repository.url=git+https://<host>/<owner>/<name>.git repository.directory=${path} -w ${path}`,
    );
  }
  const changes = await run('git', ['status', '--porcelain']);
  if (changes !== '') throw new NotReleasable(`What is published must be what is committed; this is not:\n${changes}`);
  await run(
    process.execPath,
    [join(root, 'scripts', 'test.mjs'), 'test/packages.test.ts', 'test/cli.test.ts'],
    'inherit',
  );
  const { buildPackages } = await import('./build-packages.mjs'); // needs the packages that ensureReady installs
  await buildPackages();
  await run(process.execPath, [join(root, 'node_modules', '@changesets', 'cli', 'bin.js'), 'publish'], 'inherit');
}

/** @returns {Promise<string>} what it printed, where that is not shown */
function run(command, words, stdout = 'pipe') {
  return new Promise((resolve, reject) => {
    const child = spawn(command, words, { cwd: root, stdio: ['inherit', stdout, 'inherit'] });
    let output = '';
    child.stdout?.on('data', (chunk) => {
      output += chunk;
    });
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve(output.trim()) : reject(new NotReleasable(`${command} ${words[0]} ended with ${code}.`)),
    );
  });
}
