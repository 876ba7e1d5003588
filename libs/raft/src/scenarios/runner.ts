/** Runs scenario files: every directive in order, comparing what it prints with what the file says. */
import { clusterCommands } from './commands.js';
import { Directive, parseDataFile, withNewline } from './data-file.js';
import { Environment } from './environment.js';
import { MembershipBench } from './membership-commands.js';
import { isQuorumCommand, runQuorumCommand } from './quorum-commands.js';

/** 'strict' compares everything, 'quiet' leaves out what the nodes log. */
export type Mode = 'strict' | 'quiet';

export interface Mismatch {
  readonly directive: Directive;
  readonly actual: string;
}

/** What did not match. After a difference the run goes on: later ones are often its consequence, but not always. */
export function runScenario(text: string, mode: Mode): Mismatch[] {
  const mismatches: Mismatch[] = [];
  for (const { directive, actual } of execute(text)) {
    if (project(actual, mode) !== project(directive.expected, mode)) mismatches.push({ directive, actual });
  }
  return mismatches;
}

/** The file with its expected outputs replaced by the actual ones: to write new scenarios, and to review the changes. */
export function rewriteScenario(text: string): string {
  const lines = text.split('\n');
  let rewritten = '';
  let at = 0;
  for (const { directive, actual } of execute(text)) {
    let end = directive.line - 1;
    while (lines[end] !== '----') end++;
    rewritten += `${lines.slice(at, end + 1).join('\n')}\n${actual}`;
    at = end + 1;
    while (at < lines.length && lines[at]?.trim() !== '') at++;
  }
  return withNewline(rewritten + lines.slice(at).join('\n')).replace(/\n+$/, '\n');
}

/** Runs the whole file. An exception ends it: it is printed as that directive's output. */
function* execute(text: string): Generator<Mismatch> {
  const env = new Environment();
  const membership = new MembershipBench();
  for (const directive of parseDataFile(text)) {
    let actual: string;
    try {
      if (isQuorumCommand(directive)) actual = runQuorumCommand(directive);
      else if (membership.handles(directive)) actual = membership.run(directive);
      else actual = runClusterCommand(env, directive);
    } catch (error) {
      yield { directive, actual: `${env.output.take()}${(error as Error).stack}\n` };
      return;
    }
    yield { directive, actual: withNewline(actual) };
  }
}

function runClusterCommand(env: Environment, directive: Directive): string {
  const command = clusterCommands[directive.command];
  let failure = '';
  try {
    if (command) command(env, directive);
    else failure = 'unknown command';
  } catch (error) {
    if ((error as { code?: string }).code === 'raft-invariant') throw error;
    failure = (error as Error).message;
  }
  const printed = env.output.take();
  return printed + failure === '' ? 'ok' : printed + failure;
}

function project(output: string, mode: Mode): string {
  if (mode === 'strict') return output;
  const kept = output.split('\n').filter((line) => !/^\s*(DEBUG|INFO|WARN|ERROR)\b/.test(line));
  const text = kept.join('\n').trimEnd();
  return text === '' ? 'ok' : text;
}

/** A readable difference: for each mismatch the command, then what was expected and what came, line by line. */
export function describeMismatches(mismatches: readonly Mismatch[], mode: Mode): string {
  return mismatches
    .map(({ directive, actual }) => {
      const expected = project(directive.expected, mode).trimEnd().split('\n');
      const came = project(actual, mode).trimEnd().split('\n');
      return [`line ${directive.line}: ${directive.command}`, ...difference(expected, came)].join('\n');
    })
    .join('\n');
}

/** Common head and tail are left out but for two lines. */
function difference(expected: readonly string[], actual: readonly string[]): string[] {
  let head = 0;
  while (head < expected.length && head < actual.length && expected[head] === actual[head]) head++;
  let tail = 0;
  const tailMax = Math.min(expected.length, actual.length) - head;
  while (tail < tailMax && expected[expected.length - 1 - tail] === actual[actual.length - 1 - tail]) tail++;
  return [
    ...expected.slice(Math.max(0, head - 2), head).map((line) => `    ${line}`),
    ...expected.slice(head, expected.length - tail).map((line) => `  - ${line}`),
    ...actual.slice(head, actual.length - tail).map((line) => `  + ${line}`),
    ...expected.slice(expected.length - tail, expected.length - tail + 2).map((line) => `    ${line}`),
  ];
}
