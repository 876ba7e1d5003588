import { Entry } from '../../core/messages.js';
import { Checker, NodeView, SafetyViolation } from './checker.js';

/** No two nodes apply different entries at one index, and each applies them in order, without gaps. */
export class StateMachineSafety implements Checker {
  readonly #applied = new Map<number, Entry>();
  readonly #positions = new Map<number, number>();

  onApply(node: NodeView, entry: Entry): void {
    const position = this.#positions.get(node.id);
    if (position !== undefined && entry.index !== position + 1) {
      throw new SafetyViolation('state machine safety', `${node.id} applies ${entry.index} after ${position}`);
    }
    this.#positions.set(node.id, entry.index);
    const known = this.#applied.get(entry.index);
    if (!known) this.#applied.set(entry.index, entry);
    else if (known.term !== entry.term || known.data.length !== entry.data.length) {
      const text = `${node.id} applies ${entry.term}/${entry.index}, another ${known.term}/${known.index}`;
      throw new SafetyViolation('state machine safety', text);
    }
  }

  onRestore(node: number, index: number): void {
    this.#positions.set(node, index);
  }
}
