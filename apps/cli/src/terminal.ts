const PROGRESS_INTERVAL_MS = 100;

/** Where a command says what it does: results to standard output, everything else to the error stream. */
export interface Terminal {
  readonly json: boolean;
  /** Shows, at most ten times a second, how far something is; nothing where nobody looks. */
  progress(text: string): void;
  /** The result: as one JSON object, or in words. */
  result(value: object, words: readonly string[]): void;
}

export function openTerminal(json: boolean): Terminal & { end(): void } {
  const shows = process.stderr.isTTY === true && !json;
  let shownAt = 0;
  const clear = (): void => {
    if (shownAt > 0) process.stderr.write('\r\x1b[K');
  };
  return {
    json,
    progress(text) {
      const now = performance.now();
      if (!shows || now - shownAt < PROGRESS_INTERVAL_MS) return;
      shownAt = now;
      process.stderr.write(`\r\x1b[K${text}`);
    },
    result(value, words) {
      clear();
      process.stdout.write(json ? `${JSON.stringify(value)}\n` : `${words.join('\n')}\n`);
    },
    end: clear,
  };
}

/** Bytes in words: 1.5 MB. */
export function sizeInWords(bytes: number): string {
  if (bytes < 1_000_000) return `${(bytes / 1_000).toFixed(1)} kB`;
  return bytes < 1_000_000_000 ? `${(bytes / 1_000_000).toFixed(1)} MB` : `${(bytes / 1_000_000_000).toFixed(2)} GB`;
}
