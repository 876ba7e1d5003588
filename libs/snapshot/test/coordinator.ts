import { formatTransactionId, type StatusAnswer } from '@concordat/protocol';
import type { StatusSource } from '../src/visibility.js';

/**
 * What the rules need of a coordinator: ids, commit numbers in the order of decisions, and honest answers. It forgets
 * what is finalised everywhere, as D7 has it.
 */
export class Coordinator implements StatusSource {
  /** The applied CSN. */
  applied = 10;
  readonly #known = new Map<string, StatusAnswer>();
  #sequence = 0;
  /** All that was asked about. */
  readonly asked: string[][] = [];
  /** Called before an answer is made: the world goes on while a question is on its way. */
  meanwhile: (() => Promise<void>) | undefined;

  begin(): string {
    this.#sequence += 1;
    const id = formatTransactionId({ incarnation: 1, term: 1, sequence: this.#sequence });
    this.#known.set(id, { status: 'undecided' });
    return id;
  }

  commit(id: string): number {
    this.applied += 1;
    this.#known.set(id, { status: 'committed', csn: this.applied });
    return this.applied;
  }

  abort(id: string): void {
    this.applied += 1;
    this.#known.set(id, { status: 'aborted' });
  }

  forget(id: string): void {
    this.#known.delete(id);
  }

  statusOf(id: string): StatusAnswer {
    return this.#known.get(id) ?? { status: 'unknown' };
  }

  async at(ids: readonly string[], minCsn: number): Promise<ReadonlyMap<string, StatusAnswer>> {
    if (minCsn > this.applied) throw new Error('a snapshot from the future');
    this.asked.push([...ids]);
    const meanwhile = this.meanwhile;
    this.meanwhile = undefined;
    await meanwhile?.();
    return new Map(ids.map((id) => [id, this.statusOf(id)]));
  }
}
