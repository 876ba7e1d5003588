// A Chromium for the tests and the pictures of the console: the one that is there, or one that is installed for it.
import { spawn } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { chromium } from 'playwright-core';

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
];
const HINT =
  'There is no Chromium here, and it could not be installed. Install it (Debian: apt-get install chromium) or name it in CHROMIUM_PATH.';

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-dev-shm-usage',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
/** Suites that run at the same time may ask for it at the same time. */
const INSTALL = ['-o', 'DPkg::Lock::Timeout=300', 'install', '-y', '--no-install-recommends', 'chromium'];

/** @returns {Promise<import('playwright-core').Browser>} headless; to be closed by whoever asked for it */
export async function launchBrowser() {
  const executablePath = (await findBrowser()) ?? (await installBrowser());
  return chromium.launch({ executablePath, args: ARGUMENTS });
}

/** The same; undefined where there is none and none can be had: what needs one is then not run, and this says so. */
export async function launchBrowserIfAny() {
  try {
    return await launchBrowser();
  } catch (error) {
    console.warn(`nothing is tried in a browser here: ${error.message}`);
    return undefined;
  }
}

async function findBrowser() {
  const own = process.env.CHROMIUM_PATH;
  for (const path of [...(own ? [own] : []), ...PLACES, chromium.executablePath()]) {
    if (await isThere(path)) return path;
  }
  return undefined;
}

/** By the system's packages where this user may, else playwright's own build into the user's cache. */
async function installBrowser() {
  console.log('installing Chromium (once)');
  if (process.getuid?.() === 0) {
    const installed =
      (await run('apt-get', INSTALL)) || ((await run('apt-get', ['update'])) && (await run('apt-get', INSTALL)));
    const found = installed && (await findBrowser());
    if (found) return found;
  }
  const cli = new URL('../../node_modules/playwright-core/cli.js', import.meta.url).pathname;
  await run(process.execPath, [cli, 'install', 'chromium']);
  const found = await findBrowser();
  if (!found) throw new Error(HINT);
  return found;
}

const isThere = (path) =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

/** @returns {Promise<boolean>} whether it ended well */
function run(command, words) {
  return new Promise((resolve) => {
    const child = spawn(command, words, {
      stdio: 'ignore',
      env: { ...process.env, NODE_OPTIONS: '', DEBIAN_FRONTEND: 'noninteractive' },
    });
    child.once('error', () => resolve(false));
    child.once('close', (code) => resolve(code === 0));
  });
}
