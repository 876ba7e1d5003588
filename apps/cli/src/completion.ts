/**
 * Completion for shells, made of the list of commands: a script that knows all words, so that completing starts no process.
 * Each finds the command so far among the words before the cursor, then offers the words that may follow.
 */
import { type Command, type Option, optionsOf } from './command.js';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** A command so far, such as `transactions` or `transactions list`, and what may follow. */
interface Place {
  readonly at: string;
  readonly words: readonly (readonly [word: string, summary: string])[];
  readonly options: readonly (readonly [name: string, option: Option])[];
  readonly takesFile: boolean;
}

export function completionScript(shell: Shell, commands: readonly Command[]): string {
  const places = placesOf(commands);
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](places);
}

function placesOf(commands: readonly Command[]): Place[] {
  const all = new Set([
    '',
    ...commands.flatMap(({ words }) => words.map((_, end) => words.slice(0, end + 1).join(' '))),
  ]);
  return [...all].map((at) => {
    const start = at === '' ? [] : at.split(' ');
    const below = commands.filter(({ words }) => start.every((word, index) => words[index] === word));
    const here = below.find(({ words }) => words.length === start.length);
    const words = new Map<string, string>();
    for (const command of below) {
      const word = command.words[start.length];
      if (word === undefined) continue;
      const isGroup = command.words.length > start.length + 1;
      const summary = isGroup ? `${word} …` : command.summary;
      if (!words.has(word) || !isGroup) words.set(word, summary);
    }
    return {
      at,
      words: [...words],
      options: here ? Object.entries(optionsOf(here)) : [['help', { summary: 'what there is' }]],
      takesFile: here?.argument?.name === 'FILE',
    };
  });
}

const isFile = ({ value }: Option): boolean => value === 'FILE' || value === 'PATH';

/** What each shell does with the place: the cases in which a word is a further word of a command. */
const stepCases = (places: readonly Place[], then: (at: string) => string): string[] =>
  places.flatMap(({ at, words }) => words.map(([word]) => then(at === '' ? word : `${at} ${word}`)));

function bashScript(places: readonly Place[]): string {
  const valued = places.flatMap(({ at, options }) =>
    options.flatMap(([name, option]) => {
      if (option.value === undefined) return [];
      const reply = option.choices
        ? `COMPREPLY=($(compgen -W '${option.choices.join(' ')}' -- "$current"))`
        : `COMPREPLY=(${isFile(option) ? '$(compgen -f -- "$current")' : ''})`;
      return [`    '${at} --${name}') ${reply}; return ;;`];
    }),
  );
  const offered = places.map(({ at, words, options, takesFile }) => {
    const all = [...words.map(([word]) => word), ...options.map(([name]) => `--${name}`)].join(' ');
    const files = takesFile ? ' $(compgen -f -- "$current")' : '';
    return `    '${at}') COMPREPLY=($(compgen -W '${all}' -- "$current")${files}) ;;`;
  });
  return [
    '# bash completion of concordat: source <(concordat completion bash)',
    '_concordat() {',
    `  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD - 1]}" at="" index`,
    '  for ((index = 1; index < COMP_CWORD; index++)); do',
    `    case "\${at:+$at }\${COMP_WORDS[index]}" in`,
    ...stepCases(places, (at) => `      '${at}') at='${at}' ;;`),
    '    esac',
    '  done',
    '  COMPREPLY=()',
    '  case "$at $previous" in',
    ...valued,
    '  esac',
    '  case "$at" in',
    ...offered,
    '  esac',
    '}',
    'complete -o filenames -F _concordat concordat',
  ].join('\n');
}

function zshScript(places: readonly Place[]): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const described = (word: string, summary: string) => quoted(`${word.replaceAll(':', '\\:')}:${summary}`);
  const valued = places.flatMap(({ at, options }) =>
    options.flatMap(([name, option]) => {
      if (option.value === undefined) return [];
      const reply = option.choices
        ? `compadd -- ${option.choices.join(' ')}`
        : isFile(option)
          ? '_files'
          : `_message ${quoted(option.value)}`;
      return [`    '${at} --${name}') ${reply}; return ;;`];
    }),
  );
  const offered = places.map(({ at, words, options, takesFile }) =>
    [
      `    '${at}')`,
      `      words_here=(${words.map(([word, summary]) => described(word, summary)).join(' ')})`,
      `      options_here=(${options.map(([name, { summary }]) => described(`--${name}`, summary)).join(' ')})`,
      ...(takesFile ? ['      [[ "$words[CURRENT]" == -* ]] || _files'] : []),
      '      ;;',
    ].join('\n'),
  );
  return [
    '#compdef concordat',
    '# zsh completion of concordat: source <(concordat completion zsh), after compinit',
    '_concordat() {',
    '  local at=""',
    '  local -a words_here options_here',
    '  integer index',
    '  for ((index = 2; index < CURRENT; index++)); do',
    `    case "\${at:+$at }\${words[index]}" in`,
    ...stepCases(places, (at) => `      '${at}') at='${at}' ;;`),
    '    esac',
    '  done',
    `  case "$at \${words[CURRENT-1]}" in`,
    ...valued,
    '  esac',
    '  case "$at" in',
    ...offered,
    '  esac',
    `  [[ \${#words_here} -gt 0 ]] && _describe -t commands command words_here`,
    '  [[ "$words[CURRENT]" == -* ]] && _describe -o -t options option options_here',
    '  return 0',
    '}',
    'compdef _concordat concordat',
  ].join('\n');
}

function fishScript(places: readonly Place[]): string {
  const quoted = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const lines = places.flatMap(({ at, words, options, takesFile }) => {
    const here = `-n ${quoted(`test (__concordat_at) = "${at}"`)}`;
    return [
      ...words.map(([word, summary]) => `complete -c concordat ${here} -a ${word} -d ${quoted(summary)}`),
      ...options.map(([name, option]) => {
        const value =
          option.value === undefined
            ? ''
            : option.choices
              ? ` -x -a ${quoted(option.choices.join(' '))}`
              : isFile(option)
                ? ' -r -F'
                : ' -x';
        return `complete -c concordat ${here} -l ${name}${value} -d ${quoted(option.summary)}`;
      }),
      ...(takesFile ? [`complete -c concordat ${here} -F`] : []),
    ];
  });
  return [
    '# fish completion of concordat: concordat completion fish > ~/.config/fish/completions/concordat.fish',
    'function __concordat_at',
    "  set -l at ''",
    '  for word in (commandline -opc)[2..-1]',
    '    switch (string trim -- "$at $word")',
    ...stepCases(places, (at) => `      case '${at}'\n        set at '${at}'`),
    '    end',
    '  end',
    '  echo "$at"',
    'end',
    'complete -c concordat -f',
    ...lines,
  ].join('\n');
}
