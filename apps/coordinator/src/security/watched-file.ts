import { readFileSync, statSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';

/**
 * How often the file is read, in ms. Its text is compared, not its time: that misses no change, however it came about (written
 * over, replaced, or a symbolic link on the way exchanged, as Kubernetes does).
 */
const LOOK_MS = 2_000;
const BYTES_MAX = 4 * 1024 * 1024;

/** What a file says, read again whenever it changes. A version that cannot be used leaves the last good one in force. */
export class WatchedFile<T> {
  #value: T;
  /** What was last seen: the text, or why there is none. */
  #seen: string;
  readonly #timer: NodeJS.Timeout;
  #closed = false;
  /** New versions taken, and those refused. */
  readonly reloads = { taken: 0, refused: 0 };

  /** @throws what `parse` or reading the file throws */
  constructor(
    private readonly path: string,
    private readonly parse: (text: string) => T,
    private readonly onReload: (error?: Error) => void,
    lookMs = LOOK_MS,
  ) {
    checkSize(statSync(path).size);
    this.#seen = readFileSync(path, 'utf8');
    this.#value = parse(this.#seen);
    let looking = false;
    this.#timer = setInterval(() => {
      if (looking) return;
      looking = true;
      void this.#look().finally(() => {
        looking = false;
      });
    }, lookMs).unref();
  }

  get value(): T {
    return this.#value;
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    let seen: string;
    let failure: Error | undefined;
    try {
      checkSize((await stat(this.path)).size);
      seen = await readFile(this.path, 'utf8');
    } catch (error) {
      failure = error as Error;
      seen = (error as NodeJS.ErrnoException).code ?? failure.message;
    }
    if (seen === this.#seen || this.#closed) return;
    this.#seen = seen;
    try {
      if (failure) throw failure;
      this.#value = this.parse(seen);
      this.reloads.taken += 1;
      this.onReload();
    } catch (error) {
      this.reloads.refused += 1;
      this.onReload(error as Error);
    }
  }
}

function checkSize(bytes: number): void {
  if (bytes > BYTES_MAX) throw new Error(`the file is larger than ${BYTES_MAX} bytes`);
}
