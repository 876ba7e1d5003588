import { Checker, NodeView, SafetyViolation } from './checker.js';

/** Whatever is committed is in the log of every leader of a later term; and no two nodes commit different entries. */
export class LeaderCompleteness implements Checker {
  /** Term of the committed entry by index. */
  readonly #committed = new Map<number, number>();
  #committedUpTo = 0;
  readonly #commitOf = new Map<number, number>();
  /** Terms whose leader has been looked at. */
  readonly #checked = new Set<number>();

  onCommit(node: NodeView, commit: number): void {
    const from = Math.max(this.#commitOf.get(node.id) ?? 0, node.compactedIndex);
    for (let index = from + 1; index <= commit; index++) this.#record(node, index);
    this.#commitOf.set(node.id, commit);
  }

  #record(node: NodeView, index: number): void {
    const term = node.entryAt(index)?.term;
    if (term === undefined) return;
    const known = this.#committed.get(index);
    if (known === undefined) this.#committed.set(index, term);
    else if (known !== term) {
      const text = `${node.id} commits ${index} with term ${term}, another with term ${known}`;
      throw new SafetyViolation('leader completeness', text);
    }
    this.#committedUpTo = Math.max(this.#committedUpTo, index);
  }

  onLeader(node: NodeView, term: number): void {
    if (this.#checked.has(term)) return;
    this.#checked.add(term);
    for (let index = node.compactedIndex + 1; index <= this.#committedUpTo; index++) {
      const committed = this.#committed.get(index);
      // Entries of this term or later cannot have been known to this leader when it was elected.
      if (committed === undefined || committed >= term) continue;
      const own = node.entryAt(index)?.term;
      if (own !== committed) {
        const text = `${node.id} leads term ${term} with term ${own} at ${index}, where term ${committed} is committed`;
        throw new SafetyViolation('leader completeness', text);
      }
    }
  }
}
