/** What the program ends with; docs/backup-format.md lists them. */
export const EXIT = { done: 0, failed: 1, usage: 2, unreachable: 3, damaged: 4, refused: 5 } as const;
export type ExitName = keyof typeof EXIT;

/** One sentence on what went wrong, and one on what to do. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';

  constructor(
    readonly exit: Exclude<ExitName, 'done'>,
    message: string,
    readonly advice: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
