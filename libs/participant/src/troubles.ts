import { TROUBLE_LENGTH_MAX, TROUBLES_MAX, type Trouble } from '@concordat/protocol';

/** Transactions whose decisions cannot be carried out at the moment, and why: heartbeats tell the latest of them. */
export class Troubles {
  readonly #open = new Map<string, string>();

  /** The latest, the newest first. */
  get latest(): Trouble[] {
    return [...this.#open].map(([transactionId, message]) => ({ transactionId, message })).reverse();
  }

  /** A decision could not be carried out; the coordinator sends it again. */
  note(transactionId: string, error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    this.#open.delete(transactionId);
    this.#open.set(transactionId, text.slice(0, TROUBLE_LENGTH_MAX));
    if (this.#open.size > TROUBLES_MAX) this.#open.delete(this.#open.keys().next().value as string);
  }

  over(transactionId: string): void {
    this.#open.delete(transactionId);
  }
}
