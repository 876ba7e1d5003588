import { Logger } from '../core/logger.js';

export const LEVELS = ['DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL', 'NONE'] as const;

/** What a scenario command prints: its own lines, and between them what the nodes log. */
export class Output implements Logger {
  /** Index into LEVELS; lines below it are left out, and NONE silences everything. */
  level = 0;
  #text = '';

  get isSilent(): boolean {
    return LEVELS[this.level] === 'NONE';
  }

  /** What was printed since the last call. */
  take(): string {
    const text = this.#text;
    this.#text = '';
    return text;
  }

  write(text: string): void {
    if (!this.isSilent) this.#text += text;
  }

  writeLine(text: string): void {
    this.write(`${text}\n`);
  }

  /** Runs `body` with its lines indented by two. */
  indented(body: () => void): void {
    const before = this.take();
    try {
      body();
    } finally {
      const lines = this.take().split('\n');
      if (lines.at(-1) === '') lines.pop();
      this.#text = before + lines.map((line) => `  ${line}\n`).join('');
    }
  }

  debug(text: () => string): void {
    this.#log(0, text);
  }

  info(text: () => string): void {
    this.#log(1, text);
  }

  warn(text: () => string): void {
    this.#log(2, text);
  }

  error(text: () => string): void {
    this.#log(3, text);
  }

  #log(level: number, text: () => string): void {
    if (this.level <= level) this.writeLine(`${LEVELS[level]} ${text()}`);
  }
}
