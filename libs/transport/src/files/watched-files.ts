/**
 * Files whose content may change while the process runs, such as keys and certificates that are rotated. They are read
 * again at an interval and compared, which sees every way of replacing them (written over, renamed into place, the
 * swapped symbolic links of a Kubernetes volume) where watching for events would miss some.
 */
import { readFileSync, statSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';

const reloadIntervalMsDefault = 2_000;
/** Of one file. */
const bytesMax = 4 * 1024 * 1024;

export interface WatchedFilesOptions<T> {
  readonly paths: readonly string[];
  /** Makes the value of the contents, in the order of the paths. Throws when they do not go together; says no secret. */
  parse(contents: readonly Buffer[]): T;
  /** Told of each new value after the first. */
  onChange?(value: T): void;
  /** Told once of each content that cannot be used; the value before stays in force. */
  onError?(error: Error): void;
  /** Between two looks at the files, in ms. By default 2,000. */
  readonly reloadIntervalMs?: number;
}

export class WatchedFiles<T> {
  readonly #options: WatchedFilesOptions<T>;
  readonly #timer: NodeJS.Timeout;
  #contents: readonly Buffer[];
  #value: T;
  #reading: Promise<void> | undefined;
  #complaint = '';

  /** @throws Error when a file cannot be read or the contents cannot be used */
  constructor(options: WatchedFilesOptions<T>) {
    this.#options = options;
    this.#contents = options.paths.map((path) => {
      checkSize(statSync(path).size);
      return readFileSync(path);
    });
    this.#value = options.parse(this.#contents);
    this.#timer = setInterval(() => void this.reload(), options.reloadIntervalMs ?? reloadIntervalMsDefault);
    this.#timer.unref();
  }

  /** Of the newest contents that could be used. */
  get value(): T {
    return this.#value;
  }

  /** Looks now instead of at the next turn. Never rejects. */
  reload(): Promise<void> {
    this.#reading ??= this.#reload().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #reload(): Promise<void> {
    try {
      const contents = await Promise.all(this.#options.paths.map(readBounded));
      if (contents.every((content, index) => content.equals(this.#contents[index] as Buffer))) {
        this.#complaint = '';
        return;
      }
      this.#value = this.#options.parse(contents);
      this.#contents = contents;
    } catch (error) {
      this.#complain(error as Error);
      return;
    }
    this.#complaint = '';
    this.#options.onChange?.(this.#value);
  }

  #complain(error: Error): void {
    if (error.message === this.#complaint) return;
    this.#complaint = error.message;
    this.#options.onError?.(error);
  }
}

async function readBounded(path: string): Promise<Buffer> {
  checkSize((await stat(path)).size);
  return readFile(path);
}

function checkSize(bytes: number): void {
  if (bytes > bytesMax) throw new Error(`the file is larger than ${bytesMax} bytes`);
}
