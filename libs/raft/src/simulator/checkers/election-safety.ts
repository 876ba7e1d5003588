import { Message, MessageType } from '../../core/messages.js';
import { Checker, NodeView, SafetyViolation } from './checker.js';

/** At most one node leads a term, and no node grants its vote to two candidates in one. */
export class ElectionSafety implements Checker {
  readonly #leaders = new Map<number, number>();
  readonly #votes = new Map<string, number>();

  onLeader(node: NodeView, term: number): void {
    const leader = this.#leaders.get(term);
    if (leader === undefined) this.#leaders.set(term, node.id);
    else if (leader !== node.id) {
      throw new SafetyViolation('election safety', `${leader} and ${node.id} both lead term ${term}`);
    }
  }

  onSend(node: NodeView, message: Message): void {
    if (message.type !== MessageType.VoteResp || message.reject) return;
    const key = `${node.id}/${message.term}`;
    const candidate = this.#votes.get(key);
    if (candidate === undefined) this.#votes.set(key, message.to);
    else if (candidate !== message.to) {
      const text = `${node.id} votes for ${candidate} and ${message.to} in term ${message.term}`;
      throw new SafetyViolation('election safety', text);
    }
  }
}
