import { readFileSync, statSync, unwatchFile, watchFile } from 'node:fs';

/** How often the file is looked at, in ms: by its status, which sees an exchanged symbolic link as well (Kubernetes). */
const LOOK_MS = 1_000;
const BYTES_MAX = 4 * 1024 * 1024;

/** What a file says, read again whenever it changes. A version that cannot be used leaves the last good one in force. */
export class WatchedFile<T> {
  #value: T;
  /** New versions taken, and those refused. */
  readonly reloads = { taken: 0, refused: 0 };
  readonly #look = (): void => this.#reload();

  /** @throws what `parse` or reading the file throws */
  constructor(
    private readonly path: string,
    private readonly parse: (text: string) => T,
    private readonly onReload: (error?: Error) => void,
    lookMs = LOOK_MS,
  ) {
    this.#value = this.#read();
    watchFile(path, { interval: lookMs, persistent: false }, this.#look);
  }

  get value(): T {
    return this.#value;
  }

  close(): void {
    unwatchFile(this.path, this.#look);
  }

  #read(): T {
    if (statSync(this.path).size > BYTES_MAX) throw new Error(`the file is larger than ${BYTES_MAX} bytes`);
    return this.parse(readFileSync(this.path, 'utf8'));
  }

  #reload(): void {
    try {
      this.#value = this.#read();
      this.reloads.taken += 1;
      this.onReload();
    } catch (error) {
      this.reloads.refused += 1;
      this.onReload(error as Error);
    }
  }
}
