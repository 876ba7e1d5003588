import { Checker, NodeView, SafetyViolation } from './checker.js';

/** Whatever is committed is in the log of every leader of a later term; and no two nodes commit different entries. */
export class LeaderCompleteness implements Checker {
  /** By index, the term of the committed entry, and the term in which its commit was first seen (not before it happened). */
  readonly #committed = new Map<number, { readonly entryTerm: number; readonly seenInTerm: number }>();
  #committedUpTo = 0;
  readonly #commitOf = new Map<number, number>();
  /** Terms whose leader has been looked at. */
  readonly #checked = new Set<number>();

  onCommit(node: NodeView, commit: number, term: number): void {
    const from = Math.max(this.#commitOf.get(node.id) ?? 0, node.compactedIndex);
    for (let index = from + 1; index <= commit; index++) this.#record(node, index, term);
    this.#commitOf.set(node.id, commit);
  }

  #record(node: NodeView, index: number, seenInTerm: number): void {
    const entryTerm = node.entryAt(index)?.term;
    if (entryTerm === undefined) return;
    const known = this.#committed.get(index);
    if (known === undefined) this.#committed.set(index, { entryTerm, seenInTerm });
    else if (known.entryTerm !== entryTerm) {
      const text = `${node.id} commits ${index} with term ${entryTerm}, another with term ${known.entryTerm}`;
      throw new SafetyViolation('leader completeness', text);
    }
    this.#committedUpTo = Math.max(this.#committedUpTo, index);
  }

  onLeader(node: NodeView, term: number): void {
    if (this.#checked.has(term)) return;
    this.#checked.add(term);
    for (let index = node.compactedIndex + 1; index <= this.#committedUpTo; index++) {
      const committed = this.#committed.get(index);
      // What was committed in this term or later, a leader that comes to office late need not have, however old the entry.
      if (committed === undefined || committed.seenInTerm >= term) continue;
      const own = node.entryAt(index)?.term;
      if (own !== committed.entryTerm) {
        const text = `${node.id} leads term ${term} with term ${own} at ${index}, where term ${committed.entryTerm} is committed`;
        throw new SafetyViolation('leader completeness', text);
      }
    }
  }
}
