// Programs of others that some checks need: from the path, or built once with Go into a cache.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from './setup.mjs';

const run = promisify(execFile);
export const cache = join(root, 'node_modules', '.cache', 'concordat');

/** Without its ways to find targets, which are most of it. */
const prometheus = (command) => ['-tags', 'remove_all_sd', `github.com/prometheus/prometheus/cmd/${command}@v0.316.0`];
/** How each is asked whether it is there, and what Go builds it from. */
const TOOLS = {
  helm: { question: ['version', '--short'], source: ['helm.sh/helm/v3/cmd/helm@v3.19.2'] },
  promtool: { question: ['--version'], source: prometheus('promtool') },
  prometheus: { question: ['--version'], source: prometheus('prometheus') },
};

/**
 * @param {keyof typeof TOOLS} name
 * @returns {Promise<string | undefined>} the command; undefined where it is not there and cannot be built
 */
export async function findTool(name) {
  const { question, source } = TOOLS[name];
  const cached = join(cache, 'bin', name);
  for (const command of [name, cached]) if (await works(command, question)) return command;
  if (!(await works('go', ['version']))) return undefined;
  console.log(`building ${name} (once, some minutes)`);
  await run('go', ['install', ...source], { env: { ...process.env, GOBIN: join(cache, 'bin') } }).catch((error) =>
    console.log(error.message),
  );
  return (await works(cached, question)) ? cached : undefined;
}

/** @param {string} command @param {readonly string[]} words @returns {Promise<boolean>} */
export function works(command, words) {
  return run(command, words).then(
    () => true,
    () => false,
  );
}
