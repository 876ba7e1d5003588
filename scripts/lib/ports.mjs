// Free and taken TCP ports on 127.0.0.1.
import { mkdir, open, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

/** Below the ports that systems give to outgoing connections, one of which could take the port before its app does. */
const PORT_MIN = 15_000;
const PORT_MAX = 32_000;
const ATTEMPTS_MAX = 100;
/** Whoever was given a port listens on it by then, or never will. */
const RESERVED_MS = 120_000;
/** Several starts at a time may not be given the same port. */
const reservations = join(tmpdir(), `concordat-ports-${userInfo().uid}`);

/** @param {number} port @returns {Promise<number | undefined>} the port that was bound and let go, undefined if it is taken */
function tryPort(port) {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) =>
      error.code === 'EADDRINUSE' || error.code === 'EACCES' ? resolve(undefined) : reject(error),
    );
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const { port: bound } = /** @type {import('node:net').AddressInfo} */ (server.address());
      server.close(() => resolve(bound));
    });
  });
}

/** @returns {Promise<number>} a port that nobody listens on right now, and that nobody else is given for a while */
export async function freePort() {
  await mkdir(reservations, { recursive: true });
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const port = PORT_MIN + Math.floor(Math.random() * (PORT_MAX - PORT_MIN));
    if ((await reserve(port)) && (await isPortFree(port))) return port;
  }
  throw new Error(`no port from ${PORT_MIN} to ${PORT_MAX} is free`);
}

async function reserve(port) {
  const path = join(reservations, String(port));
  const age = await stat(path).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0,
  );
  if (age > RESERVED_MS) await rm(path, { force: true });
  return open(path, 'wx').then(
    (file) => file.close().then(() => true),
    () => false,
  );
}

/** @param {number} port @returns {Promise<boolean>} */
export async function isPortFree(port) {
  return (await tryPort(port)) !== undefined;
}
