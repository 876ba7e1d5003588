import { createServer } from 'node:http';

/**
 * @param {import('node:http').RequestListener} answer
 * @returns {Promise<{ url: string, close: () => Promise<void> }>} a server of this process at a free port; closing it breaks its
 *   connections
 */
export async function startLocalServer(answer) {
  const server = createServer(answer);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://127.0.0.1:${port}`, close };
}
