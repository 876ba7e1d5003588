/** What replicas ask each other beside Raft itself: who are you, take me in. JSON over unary gRPC at the members' address. */

import { channelCredentials, type TransportTls } from '@concordat/raft';
import {
  type Client,
  makeGenericClientConstructor,
  type ServerUnaryCall,
  type ServiceDefinition,
  type sendUnaryData,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { type Identity, identitySchema } from './identity.js';
import { RemovedMemberError } from './membership.js';

const CALL_TIMEOUT_MS = 1000;
const PATH = '/concordat.cluster.v1.Peers';

const json = {
  requestStream: false,
  responseStream: false,
  requestSerialize: (value: unknown) => Buffer.from(JSON.stringify(value)),
  requestDeserialize: (bytes: Buffer): unknown => JSON.parse(bytes.toString()),
  responseSerialize: (value: unknown) => Buffer.from(JSON.stringify(value)),
  responseDeserialize: (bytes: Buffer): unknown => JSON.parse(bytes.toString()),
} as const;

const definition = {
  identify: { path: `${PATH}/Identify`, ...json },
  announce: { path: `${PATH}/Announce`, ...json },
} satisfies ServiceDefinition;

const PeersClient = makeGenericClientConstructor(definition, 'Peers');

export interface PeerServiceHandler {
  identify(): Identity;
  /** A replica tells where it is and asks to be a member. @throws Error when this replica does not lead or the id was removed */
  announce(identity: Identity): Promise<void>;
}

/** The serving side, for the members' gRPC server. */
export function peerService(handler: PeerServiceHandler): {
  definition: ServiceDefinition;
  implementation: UntypedServiceImplementation;
} {
  return {
    definition,
    implementation: {
      identify: (_call: ServerUnaryCall<unknown, unknown>, done: sendUnaryData<unknown>) =>
        done(null, handler.identify()),
      announce: (call: ServerUnaryCall<unknown, unknown>, done: sendUnaryData<unknown>) => {
        const parsed = identitySchema.safeParse(call.request);
        if (!parsed.success) return done({ code: status.INVALID_ARGUMENT, details: parsed.error.message });
        handler.announce(parsed.data).then(
          () => done(null, {}),
          (error: Error) => done({ code: codeOf(error), details: error.message }),
        );
      },
    },
  };
}

/** Told apart on the other side: only a removed member need not ask again. */
const codeOf = (error: Error): status =>
  error instanceof RemovedMemberError ? status.PERMISSION_DENIED : status.FAILED_PRECONDITION;

/** The asking side: one channel per address. */
export class PeerClients {
  readonly #clients = new Map<string, Client>();

  constructor(private readonly tls: TransportTls | undefined) {}

  /** @returns undefined when the peer does not answer in time */
  async identify(address: string): Promise<Identity | undefined> {
    const answer = await this.#call(address, 'identify', {}).catch(() => undefined);
    const parsed = identitySchema.safeParse(answer);
    return parsed.success ? parsed.data : undefined;
  }

  /** @throws RemovedMemberError; Error with what the peer said */
  async announce(address: string, identity: Identity): Promise<void> {
    await this.#call(address, 'announce', identity);
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
  }

  #call(address: string, method: keyof typeof definition, request: unknown): Promise<unknown> {
    const client = this.#client(address);
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        definition[method].path,
        json.requestSerialize,
        json.responseDeserialize,
        request,
        { deadline: Date.now() + CALL_TIMEOUT_MS },
        (error, response) => {
          if (!error) return resolve(response);
          const words = error.details || error.message;
          reject(error.code === status.PERMISSION_DENIED ? new RemovedMemberError(words) : new Error(words));
        },
      );
    });
  }

  #client(address: string): Client {
    const known = this.#clients.get(address);
    if (known) return known;
    const client = new PeersClient(address, channelCredentials(this.tls), {
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.min_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1000,
    }) as unknown as Client;
    this.#clients.set(address, client);
    return client;
  }
}
