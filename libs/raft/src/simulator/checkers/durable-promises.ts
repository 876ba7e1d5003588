import { Entry, Message, MessageType } from '../../core/messages.js';
import { Checker, NodeView, SafetyViolation } from './checker.js';

/** Votes and acknowledgements leave a node only once what they promise is durable there; nothing is applied before that. */
export class DurablePromises implements Checker {
  onSend(node: NodeView, message: Message): void {
    const { hardState, lastIndex } = node.durable;
    switch (message.type) {
      case MessageType.VoteResp:
        if (!message.reject && !(hardState.term === message.term && hardState.vote === message.to)) {
          // The vote may have been overtaken by a later term, which is durable then.
          if (hardState.term <= message.term) this.#fail(node, `sends its vote of term ${message.term} too early`);
        }
        break;
      case MessageType.AppResp:
        if (hardState.term < message.term) this.#fail(node, `answers in term ${message.term} before that is durable`);
        if (!message.reject && hardState.term === message.term && lastIndex < message.index) {
          this.#fail(node, `acknowledges ${message.index}, but has only ${lastIndex} on disk`);
        }
        break;
      default:
        break;
    }
  }

  onApply(node: NodeView, entry: Entry): void {
    if (entry.index <= node.compactedIndex) return;
    if (node.durable.termAt(entry.index) !== entry.term) {
      this.#fail(node, `applies ${entry.term}/${entry.index} before it is durable`);
    }
  }

  #fail(node: NodeView, text: string): never {
    throw new SafetyViolation('durable promises', `${node.id} ${text}`);
  }
}
