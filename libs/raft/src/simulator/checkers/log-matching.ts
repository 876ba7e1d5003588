import { Entry } from '../../core/messages.js';
import { Checker, NodeView, SafetyViolation } from './checker.js';

/**
 * If two logs have an entry of the same index and term, they are the same up to there.
 *
 * It is enough to see, whenever an entry enters a log, that it is the same entry wherever it has that index and term, and
 * that the entry before it has the same term everywhere: the rest follows by induction.
 */
export class LogMatching implements Checker {
  readonly #seen = new Map<string, { data: Uint8Array; previousTerm: number | undefined }>();

  onAppend(node: NodeView, entries: readonly Entry[]): void {
    for (const { index, term, data } of entries) {
      const previous = node.entryAt(index - 1);
      const key = `${index}/${term}`;
      const seen = this.#seen.get(key);
      if (!seen) {
        this.#seen.set(key, { data, previousTerm: previous?.term });
        continue;
      }
      if (seen.data !== data && !sameBytes(seen.data, data)) {
        throw new SafetyViolation('log matching', `entry ${key} of ${node.id} is not what others have there`);
      }
      // Right behind a compacted log the entry before is not known.
      if (previous === undefined) continue;
      seen.previousTerm ??= previous.term;
      if (seen.previousTerm !== previous.term) {
        const text = `entry ${key} follows term ${previous.term} at ${node.id}, but ${seen.previousTerm} elsewhere`;
        throw new SafetyViolation('log matching', text);
      }
    }
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
