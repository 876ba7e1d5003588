import { ConcordatError } from '@concordat/protocol';
import type { ClusterApi, ClusterView, MemberView } from '../engine/cluster-api.js';
import type { ClusterNode } from './cluster-node.js';
import { NotLeadingError } from './membership.js';

const RETRY_AFTER_MS = 1000;

/** The cluster as operators see and steer it. Stands in front of a node that may not be there yet. */
export class ClusterService implements ClusterApi {
  #node: ClusterNode | undefined;

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

  get appliedIndex(): number {
    return this.#node?.log.appliedIndex ?? 0;
  }

  view(): ClusterView {
    const node = this.#ready();
    const status = node.log.status();
    const conf = status?.confState;
    const ids = [...(conf?.voters ?? []), ...(conf?.learners ?? [])];
    return {
      leader: node.log.leaderId ?? null,
      term: status?.hardState.term ?? 0,
      members: ids.map((id) => this.#member(node, id, conf?.learners.includes(id) ?? false)),
    };
  }

  async transfer(to: number | undefined): Promise<ClusterView> {
    const node = this.#ready();
    if (to === undefined) await node.log.handOver();
    else if (!(await node.log.transferTo(to))) {
      throw new ConcordatError('membership-refused', `Member ${to} did not take over in time.`);
    }
    return this.view();
  }

  async add(address: string): Promise<ClusterView> {
    await this.#change((node) => node.admitAt(address));
    return this.view();
  }

  async remove(id: number): Promise<ClusterView> {
    await this.#change((node) => node.membership.remove(id));
    return this.view();
  }

  #ready(): ClusterNode {
    if (this.#node) return this.#node;
    throw new ConcordatError('not-ready', 'This replica has not found its cluster yet.', {
      retryAfterMs: RETRY_AFTER_MS,
    });
  }

  async #change(change: (node: ClusterNode) => Promise<void>): Promise<void> {
    try {
      await change(this.#ready());
    } catch (error) {
      if (error instanceof ConcordatError) throw error;
      if (error instanceof NotLeadingError) {
        throw new ConcordatError('not-ready', error.message, { retryAfterMs: RETRY_AFTER_MS }, { cause: error });
      }
      throw new ConcordatError('membership-refused', (error as Error).message, {}, { cause: error });
    }
  }

  #member(node: ClusterNode, id: number, learner: boolean): MemberView {
    const own = id === node.raftId;
    const heard = own ? node.identity() : node.peers.get(id);
    const known = node.member(id);
    const progress = node.log.status()?.peers.find((peer) => peer.id === id);
    return {
      id,
      nodeId: known?.nodeId ?? heard?.nodeId ?? 0,
      address: known?.address ?? heard?.address ?? '',
      url: known?.url ?? heard?.url ?? '',
      role: learner ? 'learner' : id === node.log.leaderId ? 'leader' : 'follower',
      matchIndex: own ? node.log.lastIndex : (progress?.match ?? null),
      appliedIndex: heard?.appliedIndex ?? null,
      persistedIndex: heard?.persistedIndex ?? null,
      lagMs: own ? 0 : (node.peers.lagMs(id) ?? null),
    };
  }
}
