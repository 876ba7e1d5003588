import { type AddressInfo, connect as connectTo, createServer, type Socket } from 'node:net';

/** A TCP proxy before a real server, whose connections a test can cut or make lose their answers. */
export interface CuttableProxy {
  readonly url: string;
  /**
   * `open` forwards; `closed` refuses and breaks; `deaf` forwards requests and breaks the connection at the answer;
   * `mute` forwards requests, and keeps the answers.
   */
  mode: 'open' | 'closed' | 'deaf' | 'mute';
  /** Breaks all connections there are. */
  cut(): void;
  close(): Promise<void>;
}

/** Starts a proxy on a free port; `url` is `targetUrl` with its host and port. */
export async function startCuttableProxy(targetUrl: string): Promise<CuttableProxy> {
  const target = new URL(targetUrl);
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    if (proxy.mode === 'closed') return void client.destroy();
    const upstream = connectTo(Number(target.port || 5432), target.hostname);
    const both = [client, upstream];
    for (const socket of both) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        for (const other of both) other.destroy();
      });
    }
    client.on('data', (data) => upstream.write(data));
    upstream.on('data', (data) => {
      if (proxy.mode === 'deaf') client.destroy();
      else if (proxy.mode !== 'mute') client.write(data);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(targetUrl);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const close = (): Promise<void> => {
    cut();
    return new Promise((resolve) => server.close(() => resolve()));
  };
  const proxy: CuttableProxy = { url: url.href, mode: 'open', cut, close };
  return proxy;
}
