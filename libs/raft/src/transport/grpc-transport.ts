import {
  type Metadata,
  Server,
  type ServerDuplexStream,
  type ServerOptions,
  type ServerReadableStream,
  type ServiceDefinition,
  type sendUnaryData,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { Message } from '../core/messages.js';
import { channelCredentials, serverCredentials } from './grpc-credentials.js';
import { GrpcPeer } from './grpc-peer.js';
import { grpcOptions, raftService, type SnapshotPart, type SnapshotProgress } from './grpc-service.js';
import { receiveSnapshot } from './grpc-snapshot.js';
import { decodeMessages } from './message-codec.js';
import { Peers } from './peers.js';
import type { TransportTls } from './tls.js';
import type { SnapshotSource, Transport, TransportReceiver } from './transport.js';

export interface GrpcTransportOptions {
  /** Own id. */
  id: number;
  /** Where to listen: host:port; port 0 takes a free one. */
  listen: string;
  /** The others, id to host:port. */
  peers?: Readonly<Record<number, string>>;
  tls?: TransportTls;
  /** Services of the host, served at the same address; its messages are its own business. */
  services?: readonly { definition: ServiceDefinition; implementation: UntypedServiceImplementation }[];
}

/**
 * gRPC between members: one long-lived stream per peer and direction, so that messages keep their order. Messages that do
 * not get through are dropped and the peer reported unreachable; the core sends anew what matters.
 */
export class GrpcTransport implements Transport {
  readonly #server = new Server(grpcOptions as ServerOptions);
  readonly #peers: Peers;
  /** The stream that each peer has opened last. */
  readonly #senders = new Map<number, ServerReadableStream<Uint8Array, object>>();
  #receiver: TransportReceiver | undefined;
  #port = 0;

  constructor(private readonly options: GrpcTransportOptions) {
    this.#peers = new Peers(options.id, options.peers ?? {}, (id, address) => this.#openPeer(id, address));
  }

  /** The port it listens at, once started. */
  get port(): number {
    return this.#port;
  }

  async start(receiver: TransportReceiver): Promise<void> {
    this.#receiver = receiver;
    this.#server.addService(raftService, {
      deliver: (call: ServerReadableStream<Uint8Array, object>, done: sendUnaryData<object>) =>
        this.#deliver(call, done),
      installSnapshot: (call: ServerDuplexStream<SnapshotPart, SnapshotProgress>) => {
        if (this.#isForThisNode(call.metadata)) receiveSnapshot(call, receiver);
        else call.destroy(Object.assign(new Error('this is another member'), { code: status.FAILED_PRECONDITION }));
      },
    });
    for (const { definition, implementation } of this.options.services ?? []) {
      this.#server.addService(definition, implementation);
    }
    this.#port = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync(this.options.listen, serverCredentials(this.options.tls), (error, port) =>
        error ? reject(error) : resolve(port),
      );
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
    this.#server.forceShutdown();
  }

  #openPeer(id: number, address: string): GrpcPeer {
    const unreachable = () => this.#receiver?.unreachable(id);
    return new GrpcPeer(this.options.id, id, address, channelCredentials(this.options.tls), unreachable);
  }

  #deliver(call: ServerReadableStream<Uint8Array, object>, done: sendUnaryData<object>): void {
    if (!this.#isForThisNode(call.metadata)) {
      done({ code: status.FAILED_PRECONDITION, details: 'this is another member' });
      return;
    }
    call.on('data', (batch: Uint8Array) => {
      try {
        this.#receiver?.receive(decodeMessages(batch));
      } catch (error) {
        done({ code: status.INVALID_ARGUMENT, details: String(error) });
      }
    });
    const from = Number(call.metadata.get('raft-from')[0]);
    this.#senders.set(from, call);
    const ended = () => {
      if (this.#senders.get(from) !== call) return;
      this.#senders.delete(from);
      this.#receiver?.disconnected(from);
    };
    call.on('cancelled', ended);
    call.on('error', ended);
    call.on('end', () => {
      done(null, {});
      ended();
    });
  }

  #isForThisNode(metadata: Metadata): boolean {
    return metadata.get('raft-to')[0] === String(this.options.id);
  }
}
