/** Reads the command line by the list of commands. */
import { parseArgs } from 'node:util';
import { type Command, type Option, optionsOf } from './command.js';
import { usage } from './failure.js';

export interface Read {
  readonly command: Command;
  /** Empty where an optional one was left out. */
  readonly argument: string;
  readonly values: Readonly<Record<string, readonly string[] | boolean>>;
}

/** Help is wanted, for the commands that begin with these words. */
export interface HelpWanted {
  readonly help: readonly string[];
}

/** @throws CommandFailure */
export function readCommandLine(words: readonly string[], commands: readonly Command[]): Read | HelpWanted {
  const { values, positionals } = parse(words, commands);
  if (values.help) return { help: knownWords(positionals, commands) };
  const command = longestMatch(positionals, commands);
  if (!command) throw notKnown(positionals, commands);
  const allowed = optionsOf(command);
  for (const [name, value] of Object.entries(values)) {
    const option = allowed[name];
    if (!option) throw usage(`${nameOf(command)} does not know --${name}.`, helpOf(command));
    if (Array.isArray(value)) checkValues(name, option, value, command);
  }
  const { argument, ...rest } = command;
  const given = positionals.slice(command.words.length);
  const wanted = argument ? (argument.optional ? [0, 1] : [1]) : [0];
  if (!wanted.includes(given.length)) {
    const takes = argument ? `takes one ${argument.name}` : 'takes no further words';
    throw usage(`${nameOf(rest)} ${takes}${given.length > 0 ? `, not ${given.join(' ')}` : ''}.`, helpOf(command));
  }
  return { command, argument: given[0] ?? '', values };
}

const nameOf = ({ words }: Pick<Command, 'words'>): string => words.join(' ');
const helpOf = ({ words }: Pick<Command, 'words'>): string =>
  `concordat ${words.join(' ')} --help shows how it is used.`;

interface Parsed {
  readonly values: Record<string, string[] | boolean>;
  readonly positionals: string[];
}

function parse(words: readonly string[], commands: readonly Command[]): Parsed {
  const all = Object.assign({}, ...commands.map(optionsOf)) as Command['options'];
  const options = Object.fromEntries(
    Object.entries(all).map(([name, { value }]) => [
      name,
      value === undefined ? ({ type: 'boolean' } as const) : ({ type: 'string', multiple: true } as const),
    ]),
  );
  try {
    // Every value is a list or true, by these options.
    return parseArgs({ args: [...words], options, allowPositionals: true }) as Parsed;
  } catch (error) {
    throw usage(`${(error as Error).message.split('. ')[0]?.replace(/\.$/, '')}.`);
  }
}

function checkValues(name: string, { choices, multiple }: Option, values: readonly string[], command: Command): void {
  if (!multiple && values.length > 1) throw usage(`Give --${name} once.`, helpOf(command));
  for (const value of values) {
    if (choices && !choices.includes(value)) {
      throw usage(`--${name} is one of ${choices.join(', ')}, not ${JSON.stringify(value)}.`, helpOf(command));
    }
    if (value === '') throw usage(`--${name} is empty.`, helpOf(command));
  }
}

const startsWith = (all: readonly string[], start: readonly string[]): boolean =>
  start.every((word, index) => all[index] === word);

const longestMatch = (words: readonly string[], commands: readonly Command[]): Command | undefined =>
  commands.filter((command) => startsWith(words, command.words)).sort((a, b) => b.words.length - a.words.length)[0];

/** As many of the first words as some command begins with. */
function knownWords(words: readonly string[], commands: readonly Command[]): string[] {
  let known: string[] = [];
  for (const word of words) {
    const further = [...known, word];
    if (!commands.some((command) => startsWith(command.words, further))) break;
    known = further;
  }
  return known;
}

function notKnown(words: readonly string[], commands: readonly Command[]) {
  if (words.length === 0) return usage('Name a command.');
  const known = knownWords(words, commands);
  if (known.length === 0) return usage(`There is no command ${words[0]}.`);
  const next = commands.filter((one) => startsWith(one.words, known)).map((one) => one.words[known.length]);
  const choice = [...new Set(next)].join(', ');
  return usage(`${known.join(' ')} is followed by one of ${choice}.`, helpOf({ words: known }));
}
