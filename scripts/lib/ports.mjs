// Free and taken TCP ports on 127.0.0.1.
import { access, mkdir, open, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

/** Below the ports that systems give to outgoing connections, one of which could take the port before its app does. */
const PORT_MIN = 15_000;
const PORT_MAX = 32_000;
const ATTEMPTS_MAX = 100;
/** Whoever was given a port listens on it by then, or never will. */
const RESERVED_MS = 120_000;
/** Several starts at a time may not be given the same port: here is a folder per period of the ports given in it. */
const RESERVATIONS = join(tmpdir(), `concordat-ports-${userInfo().uid}`);

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
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const port = PORT_MIN + Math.floor(Math.random() * (PORT_MAX - PORT_MIN));
    if ((await reservePort(RESERVATIONS, port, Date.now())) && (await isPortFree(port))) return port;
  }
  throw new Error(`no port from ${PORT_MIN} to ${PORT_MAX} is free`);
}

/**
 * Nothing is ever taken back but whole periods long past: to remove one old reservation is to risk removing the new
 * one that somebody else put in its place. A mark is made first and its neighbours looked at then, so that of two who
 * ask on either side of a period's end at least one sees the other.
 *
 * @param {string} reservations a folder
 * @param {number} port
 * @param {number} nowMs
 * @returns {Promise<boolean>} whether the port is the caller's until RESERVED_MS from now, and for at most twice that
 */
export async function reservePort(reservations, port, nowMs) {
  const period = Math.floor(nowMs / RESERVED_MS);
  const mark = (of) => join(reservations, String(of), String(port));
  if (await mkdir(join(reservations, String(period)), { recursive: true }))
    await forgetBefore(reservations, period - 1);
  const marked = await open(mark(period), 'wx').then(
    (file) => file.close().then(() => true),
    () => false,
  );
  return marked && !(await exists(mark(period - 1))) && !(await exists(mark(period + 1)));
}

async function forgetBefore(reservations, period) {
  const past = (await readdir(reservations)).filter((name) => Number(name) < period);
  await Promise.all(past.map((name) => rm(join(reservations, name), { recursive: true, force: true })));
}

const exists = (path) =>
  access(path).then(
    () => true,
    () => false,
  );

/** @param {number} port @returns {Promise<boolean>} */
export async function isPortFree(port) {
  return (await tryPort(port)) !== undefined;
}
