import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadSync } from '@grpc/proto-loader';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createMessage, type Message, MessageType, NO_CONF_STATE } from '../core/messages.js';
import { BATCH_PREFIX_BYTES, finishBatch, raftService } from './grpc-service.js';
import { GrpcTransport } from './grpc-transport.js';
import { MemoryNetwork } from './memory-transport.js';
import { encodeMessages } from './message-codec.js';
import { TcpTransport } from './tcp-transport.js';
import type { TransportTls } from './tls.js';
import {
  SNAPSHOT_CHUNK_BYTES,
  type SnapshotSink,
  type SnapshotSource,
  type Transport,
  type TransportReceiver,
} from './transport.js';

type Addressed = Transport & { readonly port: number };

const kinds: Record<string, () => (id: number, tls?: TransportTls) => Addressed> = {
  grpc: () => (id, tls) => new GrpcTransport({ id, listen: '127.0.0.1:0', ...(tls && { tls }) }),
  tcp: () => (id, tls) => new TcpTransport({ id, listen: '127.0.0.1:0', ...(tls && { tls }) }),
  memory: () => {
    const network = new MemoryNetwork();
    return (id) => Object.assign(network.transport(id), { port: 0 });
  },
};

const opened: Transport[] = [];

afterEach(async () => {
  for (const transport of opened.splice(0)) await transport.close();
});

/** Records what a member receives; its snapshots break as often as told. */
class Recorder implements TransportReceiver {
  readonly messages: Message[] = [];
  readonly lost: number[] = [];
  readonly disconnects: number[] = [];
  readonly snapshot: Uint8Array[] = [];
  readonly begunAt: number[] = [];
  breaks = 0;

  receive(messages: readonly Message[]): void {
    this.messages.push(...messages);
  }

  unreachable(peer: number): void {
    this.lost.push(peer);
  }

  disconnected(peer: number): void {
    this.disconnects.push(peer);
  }

  async openSnapshotSink(message: Message): Promise<SnapshotSink> {
    const { snapshot } = this;
    this.begunAt.push(size(snapshot));
    return {
      receivedBytes: size(snapshot),
      write: async (chunk) => {
        if (this.breaks > 0 && size(snapshot) > SNAPSHOT_CHUNK_BYTES) {
          this.breaks--;
          throw new Error('the disk is full');
        }
        snapshot.push(chunk.slice());
      },
      finish: async () => this.receive([message]),
      abandon: async () => undefined,
    };
  }
}

function size(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}

async function pair(make: (id: number, tls?: TransportTls) => Addressed, tls?: [TransportTls, TransportTls]) {
  const [one, two] = [make(1, tls?.[0]), make(2, tls?.[1])];
  const [first, second] = [new Recorder(), new Recorder()];
  opened.push(one, two);
  await one.start(first);
  await two.start(second);
  one.setPeer(2, `127.0.0.1:${two.port}`);
  two.setPeer(1, `127.0.0.1:${one.port}`);
  return { one, two, first, second };
}

function heartbeat(to: number, commit: number, from = 3 - to): Message {
  return createMessage({ type: MessageType.Heartbeat, to, commit }, from, 1);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

describe.each(Object.keys(kinds))('the %s transport', (kind) => {
  const maker = () => (kinds[kind] as () => (id: number, tls?: TransportTls) => Addressed)();

  it('brings messages over in their order, whole, in both directions', async () => {
    const { one, two, first, second } = await pair(maker());
    const entries = [{ term: 1, index: 5, type: 0 as const, data: new Uint8Array(300_000).fill(7) }];
    for (let at = 1; at <= 2_000; at++) one.send([heartbeat(2, at)]);
    one.send([createMessage({ type: MessageType.App, to: 2, entries }, 1, 1)]);
    two.send([heartbeat(1, 9)]);
    await until(() => second.messages.length === 2_001 && first.messages.length === 1);
    expect(second.messages.slice(0, 2_000).map((message) => message.commit)).toEqual(
      Array.from({ length: 2_000 }, (_, at) => at + 1),
    );
    expect(
      Buffer.from(second.messages[2_000]?.entries[0]?.data as Uint8Array).equals(entries[0]?.data as Uint8Array),
    ).toBe(true);
  });

  it('reports a peer as unreachable while it is away, and reaches it when it is there', async () => {
    const make = maker();
    const { one, two, first } = await pair(make);
    const port = two.port;
    one.send([heartbeat(2, 1)]);
    await two.close();
    await until(() => {
      one.send([heartbeat(2, 2)]);
      return first.lost.includes(2);
    });
    const again =
      kind === 'memory'
        ? make(2)
        : kind === 'grpc'
          ? new GrpcTransport({ id: 2, listen: `127.0.0.1:${port}` })
          : new TcpTransport({ id: 2, listen: `127.0.0.1:${port}` });
    opened.push(again);
    const recorder = new Recorder();
    await again.start(recorder);
    await until(() => {
      one.send([heartbeat(2, 3)]);
      return recorder.messages.length > 0;
    });
    expect(recorder.messages[0]?.commit).toBeGreaterThan(1);
  });

  it('says once that a peer is gone which has sent something, after all that it has sent', async () => {
    const { one, second } = await pair(maker());
    let heardBefore = -1;
    second.disconnected = (peer) => {
      second.disconnects.push(peer);
      heardBefore = second.messages.length;
    };
    for (let at = 1; at <= 500; at++) one.send([heartbeat(2, at)]);
    await until(() => second.messages.length === 500);
    expect(second.disconnects).toEqual([]);
    await one.close();
    await until(() => second.disconnects.length > 0);
    expect(heardBefore).toBe(500);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(second.disconnects).toEqual([1]);
  });

  it('streams a snapshot and goes on where a broken transfer stopped', async () => {
    const { one, second } = await pair(maker());
    const state = Buffer.alloc(5 * SNAPSHOT_CHUNK_BYTES + 123, 'state');
    second.breaks = kind === 'memory' ? 0 : 1;
    await one.sendSnapshot(snapshotMessage(), sourceOf(state));
    expect(Buffer.concat(second.snapshot).equals(state)).toBe(true);
    expect(second.messages[0]).toMatchObject({ type: MessageType.Snap, snapshot: { index: 7, term: 2 } });
    expect(second.begunAt).toEqual(kind === 'memory' ? [0] : [0, 2 * SNAPSHOT_CHUNK_BYTES]);
  });

  it('fails to send a snapshot to a peer it does not know', async () => {
    const { one } = await pair(maker());
    await expect(one.sendSnapshot({ ...snapshotMessage(), to: 9 }, sourceOf(Buffer.alloc(1)))).rejects.toThrow(/9/);
  });
});

describe.each(['grpc', 'tcp'])('the %s transport under mutual TLS', (kind) => {
  const make = (kinds[kind] as () => (id: number, tls?: TransportTls) => Addressed)();

  it('talks to members with a certificate of the same authority and to nobody else', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'raft-tls-'));
    try {
      const [ours, strangers] = [authority(directory, 'ours'), authority(directory, 'strangers')];
      const good = await pair(make, [ours(), ours()]);
      good.one.send([heartbeat(2, 1)]);
      await until(() => good.second.messages.length === 1);
      const state = Buffer.alloc(SNAPSHOT_CHUNK_BYTES + 5, 'x');
      await good.one.sendSnapshot(snapshotMessage(), sourceOf(state));
      expect(Buffer.concat(good.second.snapshot).equals(state)).toBe(true);

      const bad = await pair(make, [ours(), strangers()]);
      const plain = await pair((id) => make(id), undefined);
      plain.one.setPeer(2, `127.0.0.1:${good.two.port}`);
      await until(() => {
        bad.one.send([heartbeat(2, 1)]);
        bad.two.send([heartbeat(1, 1)]);
        plain.one.send([heartbeat(2, 1)]);
        return bad.first.lost.length > 0 && bad.second.lost.length > 0 && plain.first.lost.length > 0;
      });
      expect([bad.first.messages, bad.second.messages]).toEqual([[], []]);
      expect(good.second.messages).toHaveLength(2);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe.each(['grpc', 'tcp'])('the %s transport whose certificates are replaced', (kind) => {
  const make = (kinds[kind] as () => (id: number, tls?: TransportTls) => Addressed)();
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'raft-tls-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  /** Three members, and the messages that each has received. */
  async function three(first: TransportTls) {
    const tls = [1, 2, 3].map(() => new Replaceable(first));
    const members = tls.map((one, index) => make(index + 1, one));
    const recorders = members.map(() => new Recorder());
    opened.push(...members);
    for (const [index, member] of members.entries()) await member.start(recorders[index] as Recorder);
    const connect = () => {
      for (const [from, member] of members.entries()) {
        for (const [to, { port }] of members.entries()) {
          member.removePeer(to + 1);
          if (to !== from) member.setPeer(to + 1, `127.0.0.1:${port}`);
        }
      }
    };
    connect();
    let round = 0;
    /** Everybody hears everybody. */
    const talk = async () => {
      round += 1;
      const commit = round;
      const heard = () =>
        recorders.every(
          (recorder) =>
            new Set(recorder.messages.filter((one) => one.commit === commit).map(({ from }) => from)).size === 2,
        );
      await until(() => {
        for (const from of [1, 2, 3])
          for (const to of [1, 2, 3]) if (to !== from) members[from - 1]?.send([heartbeat(to, commit, from)]);
        return heard();
      });
    };
    return { tls, members, recorders, connect, talk };
  }

  it('goes on through a change of certificates and then of the authority, member by member, also by new connections', async () => {
    const [old, young] = [authority(directory, 'old'), authority(directory, 'young')];
    const both = Buffer.concat([old().authority, young().authority]);
    const { tls, connect, talk } = await three(old());
    await talk();
    const steps = [{ ...old(), authority: both }, { ...young(), authority: both }, young()];
    for (const step of steps) {
      for (const one of tls) {
        one.replace(step);
        await talk(); // standing connections
        connect();
        await talk(); // and new ones
      }
    }
  }, 60_000);

  it('lets nobody in any more with a certificate of the authority that was taken out, or one that has expired', async () => {
    const [old, young] = [authority(directory, 'old'), authority(directory, 'young')];
    const { tls, members, recorders, connect, talk } = await three(old());
    for (const one of tls) one.replace(young());
    connect();
    await talk();
    const port = members[0]?.port;
    const expired = authority(directory, 'young', '0')();
    await until(() => Date.parse(new X509Certificate(expired.certificate).validTo) < Date.now() - 1000);
    for (const late of [old(), expired]) {
      // It believes the members, so that the refusal is theirs.
      const stranger = make(2, { ...late, authority: young().authority });
      const recorder = new Recorder();
      opened.push(stranger);
      await stranger.start(recorder);
      stranger.setPeer(1, `127.0.0.1:${port}`);
      await until(() => {
        stranger.send([heartbeat(1, 99, 2)]);
        return recorder.lost.length > 2;
      });
      expect(recorders[0]?.messages.filter(({ commit }) => commit === 99)).toEqual([]);
    }
  }, 60_000);
});

/** Certificates that a test replaces. */
class Replaceable implements TransportTls {
  readonly #listeners: (() => void)[] = [];
  constructor(private current: TransportTls) {}

  get authority() {
    return this.current.authority;
  }
  get certificate() {
    return this.current.certificate;
  }
  get key() {
    return this.current.key;
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  replace(next: TransportTls): void {
    this.current = next;
    for (const listener of this.#listeners) listener();
  }
}

describe('the messages of the gRPC service', () => {
  it('are what proto/raft.proto says they are', () => {
    const definition = loadSync(join(process.cwd(), 'libs/raft/proto/raft.proto'), { longs: Number, keepCase: true });
    const service = definition['concordat.raft.v1.RaftTransport'] as never as Record<string, MethodDefinition>;
    const deliver = service.Deliver as MethodDefinition;
    const install = service.InstallSnapshot as MethodDefinition;
    expect([deliver.path, install.path]).toEqual([raftService.deliver.path, raftService.installSnapshot.path]);
    expect([deliver.requestStream, deliver.responseStream, install.responseStream]).toEqual([true, false, true]);
    const batch = finishBatch(encodeMessages([heartbeat(2, 300)], BATCH_PREFIX_BYTES));
    const payload = encodeMessages([heartbeat(2, 300)]);
    expect(Buffer.from((deliver.requestDeserialize(Buffer.from(batch)) as { messages: Buffer }).messages)).toEqual(
      Buffer.from(payload),
    );
    expect(
      Buffer.from(raftService.deliver.requestDeserialize(deliver.requestSerialize({ messages: payload }))),
    ).toEqual(Buffer.from(payload));
    const part = install.requestSerialize({ chunk: Buffer.alloc(300, 5) });
    expect(Buffer.from(raftService.installSnapshot.requestDeserialize(part).chunk as Uint8Array)).toEqual(
      Buffer.alloc(300, 5),
    );
    const progress = raftService.installSnapshot.responseSerialize({ receivedBytes: 70_000, finished: true });
    expect(install.responseDeserialize(progress)).toEqual({ received_bytes: 70_000, finished: true });
  });
});

interface MethodDefinition {
  path: string;
  requestStream: boolean;
  responseStream: boolean;
  requestSerialize(value: object): Buffer;
  requestDeserialize(bytes: Buffer): object;
  responseDeserialize(bytes: Buffer): object;
}

function snapshotMessage(): Message {
  const snapshot = { index: 7, term: 2, confState: { ...NO_CONF_STATE, voters: [1, 2] }, data: Uint8Array.of(1, 2) };
  return createMessage({ type: MessageType.Snap, to: 2, snapshot }, 1, 2);
}

function sourceOf(state: Buffer): SnapshotSource {
  return {
    totalBytes: state.length,
    read: async (position, target) => {
      const part = state.subarray(position, position + target.length);
      target.set(part);
      return part.length;
    },
    close: async () => undefined,
  };
}

/** Makes a certificate authority with openssl, unless it is there. @returns a function that reads a new certificate of it */
function authority(directory: string, name: string, days = '1'): () => TransportTls {
  const at = (file: string) => join(directory, `${name}-${file}`);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'ignore' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  if (!existsSync(at('ca.pem')))
    openssl(
      'req',
      '-x509',
      ...key,
      '-keyout',
      at('ca.key'),
      '-out',
      at('ca.pem'),
      '-subj',
      `/CN=${name}`,
      '-days',
      '1',
    );
  writeFileSync(at('ext'), 'subjectAltName=IP:127.0.0.1');
  openssl('req', ...key, '-keyout', at('key'), '-out', at('csr'), '-subj', '/CN=member');
  openssl(
    'x509',
    '-req',
    '-in',
    at('csr'),
    '-CA',
    at('ca.pem'),
    '-CAkey',
    at('ca.key'),
    '-CAcreateserial',
    '-out',
    at('pem'),
    '-days',
    days,
    '-extfile',
    at('ext'),
  );
  return () => ({
    authority: readFileSync(at('ca.pem')),
    certificate: readFileSync(at('pem')),
    key: readFileSync(at('key')),
  });
}
