/**
 * The format of scenario files: directives with input and expected output.
 *
 *     # comment
 *     command arg key=value key=(one,two)
 *     input lines
 *     ----
 *     expected output, up to a blank line; or, after a second ----, up to two more of them
 */
export interface Argument {
  readonly key: string;
  /** Empty for a bare word. */
  readonly values: readonly string[];
}

export interface Directive {
  /** Line of the command, from 1. */
  readonly line: number;
  readonly command: string;
  readonly args: readonly Argument[];
  readonly input: string;
  readonly expected: string;
}

const SEPARATOR = '----';

/** Throws a plain Error with the line where the file is not well-formed. */
export function parseDataFile(text: string): Directive[] {
  const lines = text.split('\n').map((line) => line.replace(/\r$/, ''));
  const directives: Directive[] = [];
  let at = 0;
  while (at < lines.length) {
    const start = at;
    let command = (lines[at++] as string).trim();
    if (command === '' || command.startsWith('#')) continue;
    while (command.endsWith('\\')) command = `${command.slice(0, -1).trim()} ${(lines[at++] ?? '').trim()}`;
    const input: string[] = [];
    while (at < lines.length && lines[at] !== SEPARATOR) input.push(lines[at++] as string);
    if (at >= lines.length) throw new Error(`line ${start + 1}: ${command} has no ${SEPARATOR}`);
    at++;
    const expected: string[] = [];
    if (lines[at] === SEPARATOR) {
      at++;
      while (at < lines.length && !(lines[at] === SEPARATOR && lines[at + 1] === SEPARATOR)) {
        expected.push(lines[at++] as string);
      }
      at += 2;
    } else {
      while (at < lines.length && (lines[at] as string).trim() !== '') expected.push(lines[at++] as string);
    }
    const [name = '', ...rest] = command.match(/[^\s=(]+=\([^)]*\)|\S+/g) ?? [];
    directives.push({
      line: start + 1,
      command: name,
      args: rest.map(parseArgument),
      input: input.join('\n').trim(),
      expected: withNewline(expected.join('\n')),
    });
  }
  return directives;
}

function parseArgument(token: string): Argument {
  const split = token.match(/^([^=]+)=(.*)$/s);
  if (!split || token.startsWith('"')) return { key: token, values: [] };
  const [, key = '', value = ''] = split;
  if (!value.startsWith('(') || !value.endsWith(')')) return { key, values: value === '' ? [] : [value] };
  const inner = value.slice(1, -1).trim();
  return { key, values: inner === '' ? [] : inner.split(',').map((one) => one.trim()) };
}

export function withNewline(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}
