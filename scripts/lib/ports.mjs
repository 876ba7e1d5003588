// Free and taken TCP ports on 127.0.0.1.
import { createServer } from 'node:net';

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

/** @returns {Promise<number>} a port that nobody listens on right now */
export async function freePort() {
  const port = await tryPort(0);
  if (port === undefined) throw new Error('the system gave no free port');
  return port;
}

/** @param {number} port @returns {Promise<boolean>} */
export async function isPortFree(port) {
  return (await tryPort(port)) !== undefined;
}
