/** What the program ends with. docs/cli.md is made of this table. */
export const EXITS = {
  done: { code: 0, meaning: 'done' },
  failed: { code: 1, meaning: 'something nobody foresaw; the message says what' },
  usage: { code: 2, meaning: 'the command line, or a file that it names, is not as it should be; nothing was done' },
  unreachable: {
    code: 3,
    meaning: 'the coordinator, a database or a file cannot be reached or used now, or not in time; try again later',
  },
  damaged: { code: 4, meaning: 'the backup or file is damaged, cut off, or of another version' },
  refused: {
    code: 5,
    meaning:
      'understood and refused (HTTP 4xx): it is not there, not allowed, aborted, or something is in the way; nothing was done',
  },
  unknown: {
    code: 6,
    meaning: 'no answer came, and it may have been carried out: look before you do it again',
  },
  violations: { code: 7, meaning: 'the audit was completed and has found violations' },
} as const;

export type ExitName = keyof typeof EXITS;

export interface FailureOptions extends ErrorOptions {
  /** Said to people between the message and the advice. */
  readonly lines?: readonly string[];
  /** Said to programs besides. */
  readonly details?: object;
}

/** One sentence on what went wrong, and one on what to do. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly lines: readonly string[];
  readonly details: object;

  constructor(
    readonly exit: Exclude<ExitName, 'done'>,
    message: string,
    readonly advice: string,
    options: FailureOptions = {},
  ) {
    super(message, options);
    this.lines = options.lines ?? [];
    this.details = options.details ?? {};
  }
}

export const usage = (message: string, advice = 'concordat --help shows what there is.'): CommandFailure =>
  new CommandFailure('usage', message, advice);
