import { readFile } from 'node:fs/promises';
import type { Clock } from '../backoff.js';

/** How long a key that was read is used before the file is read again, in ms: a new key is taken up without a restart. */
const KEPT_MS = 5_000;

/** The API key that this participant shows to coordinators, from a file as Kubernetes and Docker mount secrets. */
export class ApiKeyFile {
  #header: string | undefined;
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly path: string,
    private readonly clock: Clock,
  ) {}

  /** The value of the Authorization header. Rejects where there is no file, and never read one. */
  async authorization(): Promise<string> {
    const nowMs = this.clock.nowMs();
    if (this.#header !== undefined && nowMs - this.#readAt < KEPT_MS) return this.#header;
    try {
      this.#header = `Bearer ${(await readFile(this.path, 'utf8')).trim()}`;
    } catch (error) {
      if (this.#header === undefined) throw error; // else: between two versions of it, the last one holds
    }
    this.#readAt = nowMs;
    return this.#header;
  }
}
