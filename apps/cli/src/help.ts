/** Help in a terminal, and docs/cli.md; both of the list of commands. */
import { COMMON_OPTIONS, CONNECTION_OPTIONS, type Command, type Option, optionsOf } from './command.js';
import { EXITS } from './failure.js';

const HEADING = 'concordat: looks after a Concordat cluster';

/** Such as `transactions show ID [options]`. */
function synopsisOf({ words, argument, options }: Command): string {
  const wanted = argument && (argument.optional ? `[${argument.name}]` : argument.name);
  const named = Object.keys(options).length > 0 ? '[options]' : undefined;
  return [...words, ...(wanted ? [wanted] : []), ...(named ? [named] : [])].join(' ');
}

/** @param start the words that the commands begin with; none for all of them */
export function helpText(commands: readonly Command[], start: readonly string[]): string {
  const chosen = commands.filter(({ words }) => start.every((word, index) => words[index] === word));
  const [only] = chosen;
  if (only && chosen.length === 1) return helpOfOne(only);
  const lines = columns(chosen.map((command) => [`concordat ${synopsisOf(command)}`, command.summary]));
  const exits = Object.entries(EXITS).map(([name, { code }]) => `${code} ${name}`);
  return [
    HEADING,
    '',
    ...lines,
    '',
    ...optionLines({ ...CONNECTION_OPTIONS, ...COMMON_OPTIONS }),
    '',
    'concordat COMMAND --help shows the options of one. NO_COLOR takes the colours away.',
    `Exit codes: ${exits.join(', ')}; see docs/cli.md.`,
  ].join('\n');
}

const helpOfOne = (command: Command): string =>
  [`concordat ${synopsisOf(command)}`, '', command.summary, '', ...optionLines(optionsOf(command))].join('\n');

const optionLines = (options: Command['options']): string[] =>
  columns(Object.entries(options).map(([name, option]) => [flagOf(name, option), summaryOf(option)]));

const flagOf = (name: string, { value }: Option): string => `--${name}${value === undefined ? '' : ` ${value}`}`;

const summaryOf = ({ summary, choices, multiple }: Option): string =>
  [summary, ...(choices ? [`one of ${choices.join(', ')}`] : []), ...(multiple ? ['may be repeated'] : [])].join('; ');

function columns(lines: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...lines.map(([first]) => first.length));
  return lines.map(([first, second]) => `  ${first.padEnd(width)}  ${second}`);
}

/** docs/cli.md. */
export function cliMarkdown(commands: readonly Command[]): string {
  const table = (options: Command['options']): string[] => [
    '| option | |',
    '|---|---|',
    ...Object.entries(options).map(
      ([name, option]) => `| \`${flagOf(name, option)}\` | ${inTable(summaryOf(option))} |`,
    ),
    '',
  ];
  return [
    INTRODUCTION,
    '## Commands',
    '',
    '| command | |',
    '|---|---|',
    ...commands.map(
      (command) => `| [\`${synopsisOf(command)}\`](#${anchorOf(command)}) | ${inTable(command.summary)} |`,
    ),
    '',
    '## Options of all commands',
    '',
    ...table(COMMON_OPTIONS),
    '## Options of commands that call a coordinator',
    '',
    'Those are all but `backup`, `restore`, `verify`, `keys` and `completion`.',
    '',
    ...table(CONNECTION_OPTIONS),
    EXITS_AND_ERRORS,
    ...commands.flatMap((command) => [
      `### ${command.words.join(' ')}`,
      '',
      `    concordat ${synopsisOf(command)}`,
      '',
      `${command.summary}`,
      '',
      ...(Object.keys(command.options).length > 0 ? table(command.options) : []),
    ]),
  ]
    .join('\n')
    .trimEnd()
    .concat('\n');
}

const anchorOf = ({ words }: Command): string => words.join('-');
const inTable = (text: string): string => text.replaceAll('|', '\\|');

const INTRODUCTION = `# The command line

\`npx concordat …\` in a checkout, \`concordat …\` where it is installed. While \`npm start\` runs, it finds the coordinators by
itself:

    npm start &
    npx concordat status
    npx concordat transactions list --status committed
    npx concordat bench --seconds 5

Elsewhere name the replicas, one or several, and the file that holds an API key. A key has no place on the command line, where
every process of the machine reads it.

    export CONCORDAT_URL=https://concordat-0.example:8080,https://concordat-1.example:8080
    export CONCORDAT_API_KEY_FILE=~/.config/concordat/key
    concordat in-doubt

A certificate of an authority of your own: name it in \`NODE_EXTRA_CA_CERTS\`. What a caller may is in [security.md](security.md).

**For people**, results are tables, cut to the width of the terminal, coloured unless \`NO_COLOR\` is set or the output is no
terminal; how far something is shows on the error stream as a bar. **For programs**, \`--json\` makes each result one JSON object on one
line, as the REST API gives it (\`transactions watch\`: one line for each state), and leaves colours, progress and questions out.

\`transactions resolve\`, \`cluster remove\` and \`restore\` ask before they go on. Where nobody can be asked, they want \`--yes\`.

**Completion**, for \`concordat\` on your PATH:

    source <(concordat completion bash)                                        # in ~/.bashrc
    source <(concordat completion zsh)                                         # in ~/.zshrc, after compinit
    concordat completion fish > ~/.config/fish/completions/concordat.fish

This page is made of the commands themselves by \`scripts/generate.mjs\`.
`;

const EXITS_AND_ERRORS = `## Exit codes

| code | name | meaning |
|---|---|---|
${Object.entries(EXITS)
  .map(([name, { code, meaning }]) => `| ${code} | \`${name}\` | ${meaning} |`)
  .join('\n')}

An error says what went wrong, the code where it has one ([errors.md](errors.md)), what to do, and which command helps on. With
\`--json\` it is \`{"error": {"exit", "message", "advice"}}\` on the error stream; of a call that was answered also \`code\`,
\`status\`, \`transactionId\` and \`problem\`, the document as the coordinator sent it (RFC 9457).

A call is tried again, at each replica in turn, until \`--timeout\`; what may have been carried out is sent again only where that
is harmless. When the answer to a change is lost, the program ends with 6 and never guesses: a commit may have happened (D8).

## The commands one by one
`;
