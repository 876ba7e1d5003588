import type { Transport } from '@concordat/raft';
import type { Identity } from './identity.js';
import type { PeerClients } from './peer-service.js';

const PROBE_INTERVAL_MS = 500;

/**
 * Who the other replicas are: asks every known address in turn, so that ids in the log get addresses, and callers a
 * leader's URL. Addresses come from the configuration and from the ledger's members.
 */
export class Peers {
  readonly #byRaftId = new Map<number, Identity & { readonly heardAt: number }>();
  readonly #caughtUpAt = new Map<number, number>();
  #timer: NodeJS.Timeout | undefined;
  #probing = false;

  /** @param addresses every address that may be a replica, own excluded */
  constructor(
    private readonly clients: PeerClients,
    private readonly transport: Transport,
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

  get(raftId: number): (Identity & { readonly heardAt: number }) | undefined {
    return this.#byRaftId.get(raftId);
  }

  /** How long a peer has been behind this replica, in ms; undefined when it has not been heard. */
  lagMs(raftId: number): number | undefined {
    const caughtUpAt = this.#caughtUpAt.get(raftId);
    const heard = this.#byRaftId.get(raftId);
    if (caughtUpAt === undefined || heard === undefined) return undefined;
    return heard.heardAt === caughtUpAt && this.now() - caughtUpAt < 2 * PROBE_INTERVAL_MS
      ? 0
      : this.now() - caughtUpAt;
  }

  /** The leader that some peer names, if that one is known. */
  anyLeader(): Identity | undefined {
    for (const { leaderId } of this.#byRaftId.values()) {
      const leader = leaderId === null ? undefined : this.#byRaftId.get(leaderId);
      if (leader) return leader;
    }
    return undefined;
  }

  /** Asks everyone once. @returns those that answered */
  async probe(): Promise<Identity[]> {
    if (this.#probing) return [];
    this.#probing = true;
    try {
      const target = this.ownAppliedIndex();
      const asked = [...this.addresses()].map((address) => this.clients.identify(address));
      const answers = (await Promise.all(asked)).filter((one) => one !== undefined);
      for (const identity of answers) {
        this.note(identity);
        if (identity.appliedIndex >= target || !this.#caughtUpAt.has(identity.raftId)) {
          this.#caughtUpAt.set(identity.raftId, this.#byRaftId.get(identity.raftId)?.heardAt ?? this.now());
        }
      }
      return answers;
    } finally {
      this.#probing = false;
    }
  }

  /** A replica has said who it is. */
  note(identity: Identity): void {
    this.#byRaftId.set(identity.raftId, { ...identity, heardAt: this.now() });
    this.transport.setPeer(identity.raftId, identity.address);
  }
}
