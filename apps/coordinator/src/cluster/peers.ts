import { PhiAccrualDetector, type PhiAccrualOptions } from '@concordat/failure-detection';
import type { Transport } from '@concordat/raft';
import type { ReceivedObservation } from '../engine/observers.js';
import type { Identity } from './identity.js';
import type { PeerClients } from './peer-service.js';

const PROBE_INTERVAL_MS = 500;
/** Answers to probes are the heartbeats of replicas. Nothing but what is shown hangs on their suspicion: Raft has its own. */
const DETECTOR: PhiAccrualOptions = {
  expectedIntervalMs: PROBE_INTERVAL_MS,
  intervalsMax: 100,
  intervalMsMax: 10 * PROBE_INTERVAL_MS,
  standardDeviationMsMin: 100,
  acceptablePauseMs: PROBE_INTERVAL_MS,
};

interface Peer {
  identity: Identity;
  heardAt: number;
  /** When it was asked for what it answered: from then on its word was surely its own. */
  askedAt: number;
  readonly detector: PhiAccrualDetector;
}

/**
 * Who the other replicas are: asks every known address in turn, so that ids in the log get addresses, callers a leader's
 * URL, and this replica what the others hear of participants. Addresses come from the configuration and from the ledger's
 * members. One that is slow to answer keeps nobody else from being asked.
 */
export class Peers {
  readonly #byRaftId = new Map<number, Peer>();
  readonly #caughtUpAt = new Map<number, number>();
  readonly #asking = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param addresses every address that may be a replica, own excluded
   * @param now ms of a clock that is never set back
   */
  constructor(
    private readonly clients: Pick<PeerClients, 'identify'>,
    private readonly transport: Pick<Transport, 'setPeer'>,
    private readonly addresses: () => ReadonlySet<string>,
    private readonly now: () => number,
    private readonly ownAppliedIndex: () => number,
  ) {}

  start(): void {
    this.#timer = setInterval(() => void this.probe(), PROBE_INTERVAL_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  get(raftId: number): Identity | undefined {
    return this.#byRaftId.get(raftId)?.identity;
  }

  /** How long a peer has been behind this replica, in ms; undefined when it has not been heard. */
  lagMs(raftId: number): number | undefined {
    const caughtUpAt = this.#caughtUpAt.get(raftId);
    const heard = this.#byRaftId.get(raftId);
    if (caughtUpAt === undefined || heard === undefined) return undefined;
    const lag = this.now() - caughtUpAt;
    return heard.heardAt === caughtUpAt && lag < 2 * PROBE_INTERVAL_MS ? 0 : Math.round(lag);
  }

  /** How long ago a peer last answered, in ms; undefined when it never has. */
  lastContactMs(raftId: number): number | undefined {
    const peer = this.#byRaftId.get(raftId);
    return peer && Math.round(this.now() - peer.heardAt);
  }

  /** φ of a peer's silence, to two digits; undefined when it was never heard. */
  suspicion(raftId: number): number | undefined {
    const phi = this.#byRaftId.get(raftId)?.detector.suspicion(this.now());
    return phi === undefined ? undefined : Math.round(phi * 100) / 100;
  }

  /** What every peer last said of participants. */
  observations(): ReceivedObservation[] {
    const now = this.now();
    return [...this.#byRaftId.values()].map(({ identity, askedAt }) => ({
      observer: identity.raftId,
      nodeId: identity.nodeId,
      observation: identity.observation ?? undefined,
      ageMs: now - askedAt,
    }));
  }

  /** The leader that some peer names, if that one is known. */
  anyLeader(): Identity | undefined {
    for (const { identity } of this.#byRaftId.values()) {
      const leader = identity.leaderId === null ? undefined : this.get(identity.leaderId);
      if (leader) return leader;
    }
    return undefined;
  }

  /** Asks everyone that is not being asked already. @returns those that answered */
  async probe(): Promise<Identity[]> {
    const target = this.ownAppliedIndex();
    const asked = [...this.addresses()]
      .filter((address) => !this.#asking.has(address))
      .map((address) => this.#ask(address, target));
    return (await Promise.all(asked)).filter((one) => one !== undefined);
  }

  /** A replica has said who it is. @param askedAt when it was asked; now, when it spoke by itself @returns when it was heard */
  note(identity: Identity, askedAt = this.now()): number {
    const { raftId, address } = identity;
    const heardAt = this.now();
    const detector = this.#byRaftId.get(raftId)?.detector ?? new PhiAccrualDetector(DETECTOR);
    detector.heard(heardAt);
    this.#byRaftId.set(raftId, { identity, heardAt, askedAt, detector });
    this.transport.setPeer(raftId, address);
    return heardAt;
  }

  async #ask(address: string, target: number): Promise<Identity | undefined> {
    const askedAt = this.now();
    this.#asking.add(address);
    try {
      const identity = await this.clients.identify(address);
      if (!identity) return undefined;
      const heardAt = this.note(identity, askedAt);
      const { raftId, appliedIndex } = identity;
      if (appliedIndex >= target || !this.#caughtUpAt.has(raftId)) this.#caughtUpAt.set(raftId, heardAt);
      return identity;
    } finally {
      this.#asking.delete(address);
    }
  }
}
