import { ConcordatError } from '@concordat/protocol';
import type { Consistency } from '../engine/api.js';
import type { ClusterApi, ClusterView, MemberView } from '../engine/cluster-api.js';
import { within } from '../engine/within.js';
import type { ClusterNode } from './cluster-node.js';
import { NotLeadingError } from './membership.js';

const RETRY_AFTER_MS = 1000;

/** The cluster as operators see and steer it. Stands in front of a node that may not be there yet. */
export class ClusterService implements ClusterApi {
  #node: ClusterNode | undefined;
  readonly electionTimeoutMsMax: number;

  /** @param electionTimeoutMs the shortest; the longest is twice that */
  constructor(electionTimeoutMs: number) {
    this.electionTimeoutMsMax = 2 * electionTimeoutMs;
  }

  become(node: ClusterNode): void {
    this.#node = node;
  }

  get leads(): boolean {
    // Before there is a node, this replica answers for itself: `not-ready`.
    return this.#node?.log.leads ?? true;
  }

  get leaderUrl(): string | undefined {
    const leaderId = this.#node?.log.leaderId;
    return leaderId === undefined || leaderId === this.#node?.raftId ? undefined : this.#node?.urlOf(leaderId);
  }

  get ownUrl(): string | undefined {
    return this.#node?.log.leads ? this.#node.identity().url : undefined;
  }

  get removed(): boolean {
    return this.#node?.removed ?? false;
  }

  get appliedIndex(): number {
    return this.#node?.log.appliedIndex ?? 0;
  }

  async view(consistency: Consistency): Promise<ClusterView> {
    const node = this.#ready();
    if (consistency === 'stale') return viewOf(node);
    const confirmed = await within(node.log.readIndex(), this.electionTimeoutMsMax);
    if (!confirmed) throw notReady('No leader with a majority answers at the moment.');
    return viewOf(node);
  }

  async transfer(to: number | undefined): Promise<ClusterView> {
    const node = this.#ready();
    if (to !== undefined && !viewOf(node).members.some(({ id }) => id === to)) {
      throw new ConcordatError('membership-refused', 'There is no such member.');
    }
    if (to === undefined) await node.log.handOver();
    else if (!(await node.log.transferTo(to))) {
      throw new ConcordatError('membership-refused', `Member ${to} did not take over in time.`);
    }
    return viewOf(this.#ready());
  }

  async add(address: string): Promise<ClusterView> {
    await this.#change((node) => node.admitAt(address));
    return viewOf(this.#ready());
  }

  async remove(id: number): Promise<ClusterView> {
    await this.#change((node) => node.membership.remove(id));
    return viewOf(this.#ready());
  }

  #ready(): ClusterNode {
    if (this.#node) return this.#node;
    throw notReady('This replica has not found its cluster yet.');
  }

  async #change(change: (node: ClusterNode) => Promise<void>): Promise<void> {
    try {
      await change(this.#ready());
    } catch (error) {
      if (error instanceof ConcordatError) throw error;
      if (error instanceof NotLeadingError) throw notReady(error.message, error);
      throw new ConcordatError('membership-refused', (error as Error).message, {}, { cause: error });
    }
  }
}

const notReady = (message: string, cause?: Error): ConcordatError =>
  new ConcordatError('not-ready', message, { retryAfterMs: RETRY_AFTER_MS }, { cause });

/** What one replica knows of all. */
function viewOf(node: ClusterNode): ClusterView {
  const status = node.log.status();
  const { voters = [], learners = [] } = status?.confState ?? {};
  const matches = new Map(status?.peers.map(({ id, match }) => [id, match]));
  matches.set(node.raftId, node.log.lastIndex);
  const member = (role: 'voter' | 'learner') => (id: number) => memberOf(node, id, role, matches.get(id) ?? null);
  return {
    leader: node.log.leaderId ?? null,
    term: status?.hardState.term ?? 0,
    members: [...voters.map(member('voter')), ...learners.map(member('learner'))],
  };
}

function memberOf(node: ClusterNode, id: number, role: 'voter' | 'learner', matchIndex: number | null): MemberView {
  const own = id === node.raftId;
  const heard = own ? node.identity() : node.peers.get(id);
  const known = node.member(id);
  const votingRole = id === node.log.leaderId ? 'leader' : 'follower';
  return {
    id,
    nodeId: known?.nodeId ?? heard?.nodeId ?? 0,
    address: known?.address ?? heard?.address ?? '',
    url: known?.url ?? heard?.url ?? '',
    role: role === 'learner' ? 'learner' : votingRole,
    matchIndex,
    appliedIndex: heard?.appliedIndex ?? null,
    persistedIndex: heard?.persistedIndex ?? null,
    lagMs: own ? 0 : (node.peers.lagMs(id) ?? null),
    lastContactMs: own ? 0 : (node.peers.lastContactMs(id) ?? null),
    suspicion: own ? 0 : (node.peers.suspicion(id) ?? null),
  };
}
