import {
  type AddressInfo,
  connect as connectTcp,
  createServer as createTcpServer,
  isIP,
  type Server,
  type Socket,
} from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import type { Message } from '../core/messages.js';
import { decodeMessages } from './message-codec.js';
import { Peers } from './peers.js';
import { decodeHello, FrameKind, FrameReader } from './tcp-frames.js';
import { TcpPeer } from './tcp-peer.js';
import { SnapshotReceiver } from './tcp-snapshot.js';
import type { TransportTls } from './tls.js';
import type { SnapshotSource, Transport, TransportReceiver } from './transport.js';

const KEEP_ALIVE_MS = 10_000;

export interface TcpTransportOptions {
  /** Own id. */
  id: number;
  /** Where to listen: host:port; port 0 takes a free one. */
  listen: string;
  /** The others, id to host:port. */
  peers?: Readonly<Record<number, string>>;
  tls?: TransportTls;
}

/**
 * The same as the gRPC transport on plain (or TLS) sockets: less to do for each message, at the price of a protocol that
 * no proxy knows. One connection per peer and direction.
 */
export class TcpTransport implements Transport {
  readonly #peers: Peers;
  readonly #incoming = new Set<Socket>();
  /** What each peer sends over now. */
  readonly #senders = new Map<number, Socket>();
  #server: Server | undefined;
  #receiver: TransportReceiver | undefined;

  constructor(private readonly options: TcpTransportOptions) {
    this.#peers = new Peers(options.id, options.peers ?? {}, (id, address) => this.#openPeer(id, address));
  }

  /** The port it listens at, once started. */
  get port(): number {
    return (this.#server?.address() as AddressInfo | null)?.port ?? 0;
  }

  async start(receiver: TransportReceiver): Promise<void> {
    this.#receiver = receiver;
    const { tls } = this.options;
    const accept = (socket: Socket) => this.#accept(socket);
    const server = tls
      ? listenSecurely(tls, accept)
      : createTcpServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS }, accept);
    this.#server = server;
    const { host, port } = splitAddress(this.options.listen);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, () => {
        server.off('error', reject);
        resolve();
      });
    });
  }

  setPeer(id: number, address: string): void {
    this.#peers.set(id, address);
  }

  removePeer(id: number): void {
    this.#peers.remove(id);
  }

  send(messages: readonly Message[]): void {
    this.#peers.send(messages);
  }

  sendSnapshot(message: Message, source: SnapshotSource): Promise<void> {
    return this.#peers.sendSnapshot(message, source);
  }

  async close(): Promise<void> {
    this.#receiver = undefined;
    this.#peers.close();
    for (const socket of this.#incoming) socket.destroy();
    const server = this.#server;
    if (server?.listening) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  #openPeer(id: number, address: string): TcpPeer {
    const unreachable = () => this.#receiver?.unreachable(id);
    return new TcpPeer({ from: this.options.id, to: id }, address, () => this.#connect(address), unreachable);
  }

  #connect(address: string): Socket {
    const { host, port } = splitAddress(address);
    const { tls } = this.options;
    if (!tls) return connectTcp({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS });
    // An address is no server name; the certificate is checked against it all the same.
    const socket = connectTls({ host, port, ...pem(tls), servername: isIP(host) ? '' : host });
    return socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS);
  }

  /** The first frame says what the connection is for. Whatever is wrong ends it; the other side comes again. */
  #accept(socket: Socket): void {
    this.#incoming.add(socket);
    let from: number | undefined;
    let snapshot: SnapshotReceiver | undefined;
    const reader = new FrameReader((kind, payload) => {
      const receiver = this.#receiver;
      if (!receiver) return;
      if (from === undefined) {
        from = this.#greeted(kind, payload);
      } else if (kind === FrameKind.Messages) {
        this.#senders.set(from, socket);
        receiver.receive(decodeMessages(payload));
      } else {
        snapshot ??= new SnapshotReceiver(socket, receiver);
        snapshot.take(kind, payload);
      }
    });
    socket.on('data', (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#incoming.delete(socket);
      if (from === undefined || this.#senders.get(from) !== socket) return;
      this.#senders.delete(from);
      this.#receiver?.disconnected(from);
    });
  }

  /** @returns who calls @throws Error if it calls somebody else */
  #greeted(kind: FrameKind, payload: Uint8Array): number {
    const hello = kind === FrameKind.Hello ? decodeHello(payload) : undefined;
    if (hello?.to !== this.options.id) throw new Error('not for this member');
    return hello.from;
  }
}

/** Believes nobody without a certificate; whoever connects after a change is checked by what is then in force. */
function listenSecurely(tls: TransportTls, accept: (socket: Socket) => void): Server {
  const server = createTlsServer({ ...pem(tls), requestCert: true, rejectUnauthorized: true }, accept);
  tls.onChange?.(() => server.setSecureContext(pem(tls)));
  return server;
}

function pem({ authority, certificate, key }: TransportTls) {
  return { ca: authority, cert: certificate, key };
}

function splitAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) };
}
