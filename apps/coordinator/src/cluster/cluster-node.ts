/**
 * This replica among the others: its log, its peers, its place in the membership. Owns the order in which they come to be;
 * what each does is in its own file.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { GrpcTransport, type TransportTls, WriteAheadLog } from '@concordat/raft';
import { type Entry, FORMAT_VERSION, type MemberRecord } from '@concordat/transaction';
import type { Observation, Observers, ReceivedObservation } from '../engine/observers.js';
import type { EngineLogger } from '../engine/ports.js';
import { pause } from '../engine/within.js';
import { EarlyTransport } from './early-transport.js';
import { chooseFormation } from './formation.js';
import { type Identity, raftIdOf } from './identity.js';
import { readInitialVoters, writeInitialVoters } from './initial-voters.js';
import { isRecorded, Membership, RemovedMemberError } from './membership.js';
import { PeerClients, peerService } from './peer-service.js';
import { Peers } from './peers.js';
import { RaftLog } from './raft-log.js';

const FORMATION_RETRY_MS = 200;
const ANNOUNCE_INTERVAL_MS = 500;

export interface ClusterOptions {
  readonly nodeId: number;
  /** Node id to host:port of all replicas, own included; empty for a cluster of one. */
  readonly peers: ReadonlyMap<number, string>;
  /** host:port to listen at for other replicas. */
  readonly listen: string;
  /** Where callers reach this replica. */
  readonly url: string;
  readonly directory: string;
  readonly electionTimeoutMs: number;
  readonly tls?: TransportTls;
  readonly logger: EngineLogger;
  readonly now: () => number;
  /** Told while the replica waits for others. */
  readonly onWaiting: (reason: string) => void;
}

/** What the replica's state machine adds once it is there. */
export interface ClusterState {
  readonly members: () => ReadonlyMap<number, MemberRecord>;
  readonly persistedIndex: () => number;
  readonly observation: () => Observation | null;
  readonly propose: (entry: Entry) => void;
}

export class ClusterNode implements Observers {
  readonly log: RaftLog;
  readonly peers: Peers;
  readonly membership: Membership;
  /** Whether this replica's log is new, and then whether it joins others or begins with them. */
  opening: { readonly adopt?: boolean; readonly newLog?: boolean } = {};
  #state: ClusterState = {
    members: () => new Map(),
    persistedIndex: () => 0,
    observation: () => null,
    propose: () => undefined,
  };
  #initialVoters: readonly number[] | undefined;
  #announcing: NodeJS.Timeout | undefined;
  #closed = false;
  /** A leader has said so; the log itself may end before that entry. */
  #toldRemoved = false;
  readonly #clients: PeerClients;
  readonly #transport: EarlyTransport;

  private constructor(
    private readonly options: ClusterOptions,
    readonly raftId: number,
    memberId: string,
  ) {
    const { directory, electionTimeoutMs, listen, tls, logger, now } = options;
    const service = peerService({
      identify: () => this.identity(),
      announce: (identity) => this.#onAnnounced(identity),
    });
    const inner = new GrpcTransport({ id: raftId, listen, services: [service], ...(tls && { tls }) });
    this.#transport = new EarlyTransport(inner);
    this.#clients = new PeerClients(tls);
    this.peers = new Peers(
      this.#clients,
      this.#transport,
      () => this.#addresses(),
      now,
      () => this.log.appliedIndex,
    );
    this.log = new RaftLog({
      directory,
      raftId,
      memberId,
      transport: this.#transport,
      electionTimeoutMs,
      isRemoved: () => this.removed,
    });
    this.membership = new Membership({
      log: this.log,
      members: () => this.#state.members(),
      propose: (entry) => this.#state.propose(entry),
      own: () => this.identity(),
      heard: (id) => this.peers.get(id),
      logger,
    });
  }

  /** Opens the log's directory and finds, or begins, the cluster. Resolves when it is known what the log begins as. */
  static async open(options: ClusterOptions): Promise<ClusterNode> {
    await mkdir(options.directory, { recursive: true });
    const { memberId, isNew } = await identifyLog(options.directory);
    const node = new ClusterNode(options, raftIdOf(memberId), memberId);
    node.#initialVoters = isNew ? undefined : ((await readInitialVoters(options.directory)) ?? []);
    await node.#transport.listen();
    if (isNew) await node.#form();
    return node;
  }

  identity(): Identity {
    const { nodeId, url } = this.options;
    return {
      nodeId,
      raftId: this.raftId,
      address: this.options.peers.get(nodeId) ?? this.options.listen,
      url,
      initialVoters: this.#initialVoters ? [...this.#initialVoters] : null,
      leaderId: this.log.leaderId ?? null,
      appliedIndex: this.log.appliedIndex,
      persistedIndex: this.#state.persistedIndex(),
      formatVersion: FORMAT_VERSION,
      observation: this.#state.observation(),
    };
  }

  get own(): number {
    return this.raftId;
  }

  get nodeId(): number {
    return this.options.nodeId;
  }

  get voters(): ReadonlySet<number> {
    return new Set(this.log.confState()?.voters);
  }

  received(): readonly ReceivedObservation[] {
    return this.peers.observations();
  }

  /** Whether the cluster has removed this replica: ids never return, so there is no way back but an empty directory. */
  get removed(): boolean {
    return this.#toldRemoved || this.member(this.raftId)?.removed === true;
  }

  member(raftId: number): MemberRecord | undefined {
    return this.#state.members().get(raftId);
  }

  urlOf(raftId: number): string | undefined {
    return this.peers.get(raftId)?.url ?? this.member(raftId)?.url;
  }

  /** Takes in the replica that runs at an address. @throws Error when nobody answers there */
  async admitAt(address: string): Promise<void> {
    const identity = await this.#clients.identify(address);
    if (!identity) throw new Error(`no replica answers at ${address}`);
    await this.#onAnnounced(identity);
  }

  /** Begins to keep peers and membership up to date; called when the state machine is there and the log has started. */
  attach(state: ClusterState): void {
    this.#state = state;
    this.peers.start();
    this.membership.start();
    this.#announcing = setInterval(() => void this.#announce(), ANNOUNCE_INTERVAL_MS);
    this.#announcing.unref();
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#announcing);
    this.peers.stop();
    this.membership.stop();
    this.#clients.close();
  }

  async #form(): Promise<void> {
    const { nodeId, peers, directory, onWaiting } = this.options;
    const others = [...peers.keys()].filter((id) => id !== nodeId);
    while (!this.#closed) {
      const answers = others.length > 0 ? await this.peers.probe() : [];
      const formation = chooseFormation({ nodeId, raftId: this.raftId }, others, answers);
      if (formation.kind === 'wait') {
        onWaiting(formation.reason);
        await pause(FORMATION_RETRY_MS);
        continue;
      }
      const { voters } = formation;
      await writeInitialVoters(directory, voters);
      this.#initialVoters = voters;
      this.opening = formation.kind === 'join' ? { adopt: true } : { newLog: true };
      if (formation.kind === 'bootstrap') this.log.bootstrapVoters = voters;
      return;
    }
  }

  #addresses(): ReadonlySet<string> {
    const own = this.options.peers.get(this.options.nodeId) ?? this.options.listen;
    const addresses = new Set(this.options.peers.values());
    for (const member of this.#state.members().values()) if (!member.removed) addresses.add(member.address);
    addresses.delete(own);
    return addresses;
  }

  async #onAnnounced(identity: Identity): Promise<void> {
    this.peers.note(identity);
    await this.membership.admit(identity);
  }

  /**
   * Tells the leader where this replica is and what it understands, until the ledger says so. One that hears of no leader asks
   * as well: it may have been removed while it was away, and nobody sends it the entry that says so.
   */
  async #announce(): Promise<void> {
    const own = this.identity();
    const { leaderId } = this.log;
    if (this.log.leads || this.removed) return;
    if (leaderId !== undefined && isRecorded(own, this.member(own.raftId))) return;
    // A joining replica knows no leader yet: others do.
    const leader = leaderId === undefined ? this.peers.anyLeader() : this.peers.get(leaderId);
    if (!leader) return;
    try {
      await this.#clients.announce(leader.address, own);
    } catch (error) {
      this.options.logger.debug({ err: error, leader: leader.nodeId }, 'this replica was not taken in yet');
      if (!(error instanceof RemovedMemberError)) return;
      this.#toldRemoved = true;
      this.options.logger.error({ raftId: this.raftId }, 'this replica was removed from its cluster');
    }
  }
}

/** The member id is made with the log's directory; whether anything was ever written there decides how to begin. */
async function identifyLog(directory: string): Promise<{ memberId: string; isNew: boolean }> {
  const { wal, recovery } = await WriteAheadLog.open({ directory: join(directory, 'wal') });
  await wal.close();
  const { hardState, snapshot, entries, memberId } = recovery;
  return { memberId, isNew: hardState.term === 0 && snapshot === undefined && entries.length === 0 };
}
