// The network between replicas: everything that one replica sends to another goes through here, so that a test can cut
// any direction of any pair. All of them run on one address, so a connection's origin is looked up in /proc (Linux).
import { readdir, readFile, readlink } from 'node:fs/promises';
import { connect, createServer } from 'node:net';

/** @typedef {{ from: number | undefined, to: number, client: import('node:net').Socket, server?: import('node:net').Socket, target: number }} Connection */

/**
 * @param {() => Promise<Map<number, number>>} pids of the replicas, by id
 */
export function createLinks(pids) {
  /** @type {Set<Connection>} */ const connections = new Set();
  const servers = [];
  /** Directions that are cut, as `from>to`. */
  const cuts = new Map();
  const modeOf = ({ from, to }) => (from === undefined ? undefined : cuts.get(`${from}>${to}`));

  function join(connection) {
    const { client, target } = connection;
    connection.server ??= connectTo(connection, target);
    client.pipe(connection.server);
    connection.server.pipe(client);
  }

  function connectTo(connection, target) {
    const server = connect({ port: target, host: '127.0.0.1' });
    const end = () => {
      connections.delete(connection);
      connection.client.destroy();
      server.destroy();
    };
    for (const socket of [connection.client, server]) socket.setNoDelay(true).once('error', end).once('close', end);
    return server;
  }

  function part(connection, mode) {
    if (mode === 'reset') {
      connection.client.destroy();
      connection.server?.destroy();
      return;
    }
    // What is sent waits, as packets do that are sent again and again.
    for (const socket of [connection.client, connection.server]) socket?.unpipe().pause();
  }

  async function accept(client, to, target) {
    client.on('error', () => undefined); // told by 'close' as well
    const from = await replicaOf(await pids(), client.remotePort, client.localPort).catch(() => undefined);
    const connection = { from, to, client, target };
    connections.add(connection);
    client.once('close', () => connections.delete(connection));
    const mode = modeOf(connection);
    if (mode) part(connection, mode);
    else join(connection);
  }

  return {
    /** Opens a port that leads to a replica's. @param {number} to id of the replica @param {() => Promise<number>} target */
    async open(to, target) {
      const server = createServer({ pauseOnConnect: true }, (client) => {
        void target().then(
          (port) => accept(client, to, port),
          () => client.destroy(),
        );
      });
      servers.push(server);
      await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server.address().port;
    },

    /**
     * Cuts directions, given as [from, to]. `stall` loses nothing but time, as a network that drops packets; `reset`
     * closes connections and refuses new ones.
     */
    cut(directions, mode) {
      for (const [from, to] of directions) cuts.set(`${from}>${to}`, mode);
      for (const connection of connections) if (modeOf(connection)) part(connection, mode);
    },

    heal() {
      const parted = [...connections].filter(modeOf);
      cuts.clear();
      for (const connection of parted) join(connection);
    },

    /** How many connections between replicas are known by their origin. */
    get known() {
      return [...connections].filter(({ from }) => from !== undefined).length;
    },

    close() {
      for (const server of servers) server.close();
      for (const { client, server } of connections) {
        client.destroy();
        server?.destroy();
      }
    },
  };
}

/** Which replica holds the socket at `port` whose other end is `peerPort`. */
async function replicaOf(pids, port, peerPort) {
  const inode = await inodeOf(port, peerPort);
  if (inode === undefined) return undefined;
  for (const [id, pid] of pids) {
    const names = await readdir(`/proc/${pid}/fd`).catch(() => []);
    const links = await Promise.all(names.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
    if (links.includes(`socket:[${inode}]`)) return id;
  }
  return undefined;
}

async function inodeOf(port, peerPort) {
  const hex = (value) => value.toString(16).toUpperCase().padStart(4, '0');
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of (await readFile(file, 'utf8').catch(() => '')).split('\n')) {
      const [, local, remote, , , , , , , inode] = line.trim().split(/\s+/);
      if (local?.endsWith(`:${hex(port)}`) && remote?.endsWith(`:${hex(peerPort)}`)) return inode;
    }
  }
  return undefined;
}
