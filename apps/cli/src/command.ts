import type { Coordinator } from './coordinator.js';
import type { Terminal } from './terminal.js';

export interface Option {
  readonly summary: string;
  /** What its value stands for, such as URL; left out where it takes none. FILE and PATH are completed as such. */
  readonly value?: string;
  readonly choices?: readonly string[];
  /** Whether it may be given several times. */
  readonly multiple?: boolean;
}

/** One command. Reading, help, completion and docs/cli.md are made of a list of these. */
export interface Command {
  /** What it is called by: `transactions`, `list`. */
  readonly words: readonly string[];
  readonly summary: string;
  /** The one thing that follows the words. */
  readonly argument?: { readonly name: string; readonly optional?: boolean };
  readonly options: Readonly<Record<string, Option>>;
  /** Whether it calls a running coordinator, and so takes CONNECTION_OPTIONS. */
  readonly calls?: boolean;
  readonly run: (given: Given) => Promise<void>;
}

/** What a command is run with. */
export interface Given {
  readonly terminal: Terminal;
  readonly env: NodeJS.ProcessEnv;
  /** The argument; empty where an optional one was left out. */
  readonly argument: string;
  one(option: string): string | undefined;
  many(option: string): readonly string[];
  flag(option: string): boolean;
  /** @throws CommandFailure where the value is no whole number from 0 on */
  number(option: string): number | undefined;
  /** The coordinator that the command is to call, by the connection options. */
  coordinator(): Promise<Coordinator>;
  /**
   * Makes sure that somebody means it: asks a person, and of a program wants --yes.
   * @throws CommandFailure
   */
  confirm(question: string): Promise<void>;
}

export const COMMON_OPTIONS: Command['options'] = {
  json: { summary: 'results and errors as JSON, one object a line' },
  help: { summary: 'what there is, of a command if one is named' },
};

export const CONNECTION_OPTIONS: Command['options'] = {
  url: {
    value: 'URL',
    summary: 'where the replicas are called, comma-separated; else CONCORDAT_URL, else what npm start runs here',
    multiple: true,
  },
  'api-key-file': { value: 'FILE', summary: 'holds the API key to show; else CONCORDAT_API_KEY_FILE' },
  timeout: { value: 'SECONDS', summary: 'how long a call may take, further attempts included; 10 when left out' },
};

export const YES: Option = { summary: 'goes ahead without asking' };

/** All options that a command knows. */
export const optionsOf = (command: Command): Command['options'] => ({
  ...command.options,
  ...(command.calls && CONNECTION_OPTIONS),
  ...COMMON_OPTIONS,
});
