import { createInterface } from 'node:readline/promises';
import { styleText } from 'node:util';
import { printable } from './printable.js';

const PROGRESS_INTERVAL_MS = 100;
const BAR_LENGTH = 24;

const STYLES = { good: 'green', bad: 'red', attention: 'yellow', faint: 'dim', strong: 'bold' } as const;
export type Style = keyof typeof STYLES;

/** Where a command says what it does: results to standard output, everything else to the error stream. */
export interface Terminal {
  readonly json: boolean;
  /** Whether somebody sees the progress. */
  readonly shows: boolean;
  /** How many columns standard output shows; undefined where it is no terminal. */
  readonly columns: number | undefined;
  /**
   * Shows, at most ten times a second, how far something is; nothing where nobody looks.
   * @param fraction from 0 to 1, where it is known
   */
  progress(text: string, fraction?: number): void;
  /** The result: as one JSON object, or in words. */
  result(value: object, words: readonly string[]): void;
  /** Coloured, where standard output shows colours and NO_COLOR is not set. */
  paint(style: Style | undefined, text: string): string;
  /** Tells what is to be done, and asks. @returns undefined where there is nobody to ask */
  ask(question: string): Promise<boolean | undefined>;
}

export interface OpenTerminal extends Terminal {
  /** Clears what progress has left. */
  end(): void;
  /** Says what went wrong, on the error stream; the first line stands out. */
  complain(lines: readonly [string, ...string[]]): void;
}

export function openTerminal(json: boolean): OpenTerminal {
  const shows = process.stderr.isTTY === true && !json;
  let shownAt = 0;
  const clear = (): void => {
    if (shownAt > 0) process.stderr.write('\r\x1b[K');
    shownAt = 0;
  };
  return {
    json,
    shows,
    columns: process.stdout.isTTY ? process.stdout.columns || undefined : undefined,
    progress(text, fraction) {
      const now = performance.now();
      if (!shows || (shownAt > 0 && now - shownAt < PROGRESS_INTERVAL_MS)) return;
      shownAt = now;
      const line = fraction === undefined ? text : `${bar(fraction)} ${text}`;
      process.stderr.write(`\r\x1b[K${line.slice(0, (process.stderr.columns || 80) - 1)}`);
    },
    result(value, words) {
      clear();
      process.stdout.write(json ? `${JSON.stringify(value)}\n` : `${words.join('\n')}\n`);
    },
    paint: (style, text) => (style === undefined || json ? text : styleText(STYLES[style], text)),
    async ask(question) {
      if (json || !process.stdin.isTTY || !process.stderr.isTTY) return undefined;
      clear();
      const lines = createInterface({ input: process.stdin, output: process.stderr });
      const ended = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
      try {
        const answer = await Promise.race([lines.question(`${printable(question)} [y/N] `), ended]);
        return /^y(es)?$/i.test(answer.trim());
      } finally {
        lines.close();
      }
    },
    complain([first, ...more]) {
      console.error([json ? first : styleText('red', first, { stream: process.stderr }), ...more].join('\n'));
    },
    end: clear,
  };
}

/** Such as `[██████░░░░]  62 %`. */
export function bar(fraction: number): string {
  const part = Math.min(1, Math.max(0, fraction));
  const full = Math.round(part * BAR_LENGTH);
  const percent = `${Math.floor(part * 100)}`.padStart(3);
  return `[${'█'.repeat(full)}${'░'.repeat(BAR_LENGTH - full)}] ${percent} %`;
}

/** Bytes in words: 1.5 MB. */
export function sizeInWords(bytes: number): string {
  if (bytes < 1_000_000) return `${(bytes / 1_000).toFixed(1)} kB`;
  return bytes < 1_000_000_000 ? `${(bytes / 1_000_000).toFixed(1)} MB` : `${(bytes / 1_000_000_000).toFixed(2)} GB`;
}
