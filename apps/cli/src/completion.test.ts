import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { optionsOf } from './command.js';
import { commands } from './commands.js';
import { completionScript } from './completion.js';

const inBash = async (...words: string[]): Promise<string[]> => {
  const script = `${completionScript('bash', commands)}
    COMP_WORDS=(concordat "$@"); COMP_CWORD=$(($# )); _concordat; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await promisify(execFile)('bash', ['--norc', '-c', script, 'bash', ...words]);
  return stdout.split('\n').filter((line) => line !== '');
};

describe('completion', () => {
  it('in bash offers the words and options that may follow, and the choices of an option', async () => {
    expect(await inBash('trans')).toEqual(['transactions']);
    expect(await inBash('transactions', 'r')).toEqual(['rollback', 'resolve']);
    expect(await inBash('transactions', 'list', '--sta')).toEqual(['--status']);
    expect(await inBash('transactions', 'list', '--status', 'a')).toEqual(['active', 'aborted']);
    expect(await inBash('--json', 'cluster', 'm')).toEqual(['members']);
    expect(await inBash('status', '--timeout', '')).toEqual([]);
    expect(await inBash('verify', 'package.js')).toEqual(['package.json']);
    expect(await inBash('audit', '')).toEqual(expect.arrayContaining(['list', 'show', '--no-wait']));
  });

  it.each(['bash', 'zsh', 'fish'] as const)('in %s knows every word and every option of every command', (shell) => {
    const script = completionScript(shell, commands);
    for (const command of commands) {
      expect(script).toContain(`'${command.words.join(' ')}')`.replace(/\)$/, shell === 'fish' ? '' : ')'));
      for (const name of Object.keys(optionsOf(command)))
        expect(script).toMatch(new RegExp(`-l ${name}\\b|--${name}\\b`));
    }
  });
});
