/**
 * Where the core writes what it does. Texts are closures so that a level that is off costs a call and nothing more.
 * The texts themselves are for people and may change; nothing parses them.
 */
export interface Logger {
  debug(text: () => string): void;
  info(text: () => string): void;
  warn(text: () => string): void;
  error(text: () => string): void;
}

export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
