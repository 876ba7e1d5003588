/**
 * The command line. Owns the words for what goes wrong and the exit codes; what there is is listed in commands.ts, and what a
 * command does is in the file of its name.
 */
import { ConcordatError } from '@concordat/client';
import { NoStateError, SnapshotFormatError } from '@concordat/coordinator-state';
import { callFailure } from './call-failure.js';
import type { Given } from './command.js';
import { type Read, readCommandLine } from './command-line.js';
import { commands } from './commands.js';
import { type Connection, type Coordinator, openCoordinator } from './coordinator.js';
import { CommandFailure, EXITS, usage } from './failure.js';
import { helpText } from './help.js';
import { printable } from './printable.js';
import { coordinatorUrls } from './running-product.js';
import { type OpenTerminal, openTerminal, type Terminal } from './terminal.js';

const TIMEOUT_SECONDS_DEFAULT = 10;
const TIMEOUT_SECONDS_MAX = 3_600;

/** Runs one command. @returns the exit code */
export async function runConcordat(words: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const terminal = openTerminal(words.includes('--json'));
  try {
    const read = readCommandLine(words, commands);
    if ('help' in read) {
      const text = helpText(commands, read.help);
      terminal.result({ usage: text }, [text]);
    } else await read.command.run(givenOf(read, terminal, env));
    return EXITS.done.code;
  } catch (error) {
    const failure = asFailure(error);
    terminal.end();
    complain(terminal, failure);
    return EXITS[failure.exit].code;
  }
}

function complain(terminal: OpenTerminal, { exit, message, advice, lines, details }: CommandFailure): void {
  if (terminal.json) terminal.complain([JSON.stringify({ error: { exit, message, advice, ...details } })]);
  else terminal.complain([printable(message), ...[...lines, advice].map(printable)]);
}

function givenOf({ argument, values }: Read, terminal: Terminal, env: NodeJS.ProcessEnv): Given {
  const many = (option: string): readonly string[] => {
    const value = values[option];
    return Array.isArray(value) ? value : [];
  };
  const one = (option: string) => many(option)[0];
  let opened: Promise<Coordinator> | undefined;
  return {
    terminal,
    env,
    argument,
    many,
    one,
    flag: (option) => values[option] === true,
    number: (option) => wholeNumber(option, one(option)),
    coordinator: () => {
      opened ??= connectionOf({ many, one }, env).then(openCoordinator);
      return opened;
    },
    async confirm(question) {
      if (values.yes === true) return;
      const answer = await terminal.ask(question);
      if (answer === undefined) throw usage('This is not done unasked.', 'Say --yes if it is meant.');
      if (!answer) throw new CommandFailure('refused', 'Nothing was done.', 'Answer y, or say --yes, if it is meant.');
    },
  };
}

async function connectionOf({ many, one }: Pick<Given, 'many' | 'one'>, env: NodeJS.ProcessEnv): Promise<Connection> {
  const text = many('url').join(',') || env.CONCORDAT_URL;
  const named = text?.split(',').flatMap((url) => (url.trim() ? [checkedUrl(url.trim())] : []));
  const urls = named?.length ? named : await coordinatorUrls(env.DATA_DIR || '.data');
  const timeout = wholeNumber('timeout', one('timeout')) ?? TIMEOUT_SECONDS_DEFAULT;
  if (timeout < 1 || timeout > TIMEOUT_SECONDS_MAX) throw usage(`--timeout is from 1 to ${TIMEOUT_SECONDS_MAX} s.`);
  return {
    urls,
    apiKeyFile: one('api-key-file') ?? (env.CONCORDAT_API_KEY_FILE || undefined),
    timeoutMs: timeout * 1_000,
  };
}

function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash || url.username || url.password) {
    throw usage('A coordinator is named like https://host:8080, without credentials in it.');
  }
  return url.href.replace(/\/+$/, '');
}

function wholeNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined || (/^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text)))) {
    return text === undefined ? undefined : Number(text);
  }
  throw usage(`--${option} is a whole number, not ${JSON.stringify(text)}.`);
}

function asFailure(error: unknown): CommandFailure {
  if (error instanceof CommandFailure) return error;
  if (error instanceof ConcordatError) return callFailure(error);
  const cause = error as NodeJS.ErrnoException & { errors?: NodeJS.ErrnoException[] };
  if (error instanceof SnapshotFormatError) {
    const advice = 'Take another backup, or use another copy of this one; nothing was restored.';
    return new CommandFailure('damaged', `This backup cannot be used: ${cause.message}.`, advice, { cause });
  }
  if (error instanceof NoStateError) {
    return new CommandFailure(
      'refused',
      `There is nothing to back up: ${cause.message}.`,
      'Name the database of a replica.',
    );
  }
  const inner = cause.errors?.[0] ?? cause;
  const message = `${inner.message || inner.code}`.replace(/\.$/, '');
  if (/^(E[A-Z]+|08...|28...|3D000|57P0.)$/.test(inner.code ?? '') || /timeout|terminated/i.test(message)) {
    const advice = 'Look whether the file and the database are there and may be used, and try again.';
    return new CommandFailure('unreachable', `${message}.`, advice, { cause });
  }
  return new CommandFailure('failed', `${message}.`, 'Nothing was left half-done; try again, or report it.', { cause });
}
