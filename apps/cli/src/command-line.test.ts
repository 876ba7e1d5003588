import { describe, expect, it } from '@jest/globals';
import { run } from '../test/run-concordat.js';
import { optionsOf } from './command.js';
import { readCommandLine } from './command-line.js';
import { commands } from './commands.js';
import { EXITS } from './failure.js';

describe('the command line', () => {
  it('has an option of one name either with a value everywhere or nowhere, since it is read before the command is known', () => {
    const takesValue = new Map<string, boolean>();
    for (const command of commands) {
      for (const [name, { value }] of Object.entries(optionsOf(command))) {
        expect({ name, takes: takesValue.get(name) ?? value !== undefined }).toEqual({
          name,
          takes: value !== undefined,
        });
        takesValue.set(name, value !== undefined);
      }
    }
  });

  it('takes the longest command that the words name, with options anywhere', () => {
    expect(readCommandLine(['--json', 'audit', '--no-wait'], commands)).toMatchObject({
      command: { words: ['audit'] },
    });
    expect(readCommandLine(['audit', '--json', 'show', 'x'], commands)).toMatchObject({
      command: { words: ['audit', 'show'] },
      argument: 'x',
    });
  });

  it.each([
    [['transactions'], 'transactions is followed by one of list, show, watch, commit, rollback, resolve.'],
    [['transactions', 'dance'], 'transactions is followed by one of list'],
    [['transactions', 'list', 'x'], 'takes no further words, not x.'],
    [['transactions', 'show'], 'takes one ID.'],
    [['transactions', 'list', '--status', 'done'], '--status is one of active,'],
    [['transactions', 'list', '--label', 'a', '--label', 'b'], 'Give --label once.'],
    [['transactions', 'list', '--limit', '-1', '--url', 'http://a'], "Option '--limit' argument is ambiguous"],
    [['transactions', 'list', '--limit', 'x', '--url', 'http://a'], '--limit is a whole number, not "x".'],
    [['status', '--url', 'ftp://a'], 'A coordinator is named like https://host:8080'],
    [['status', '--url', 'http://u:secret@a'], 'without credentials'],
    [['status', '--api-key-file', 'none', '--url', 'http://a'], 'cannot be read'],
    [['status', '--timeout', '0', '--url', 'http://a'], '--timeout is from 1'],
    [['transactions', 'resolve', 'x', '--url', 'http://a'], 'Say with --outcome'],
    [['cluster', 'add', 'nowhere', '--url', 'http://a'], 'ADDRESS is host:port'],
    [['bench', '--seconds', '0', '--url', 'http://a'], '--seconds is from 1 to 600.'],
  ])('refuses %j as usage, saying why', async (words, why) => {
    const { code, out, err } = await run(words);
    expect({ code, out, err }).toEqual({ code: EXITS.usage.code, out: '', err: expect.stringContaining(why) });
    expect(err).not.toContain('secret');
  });

  it('helps with everything, with a group, and with one command', async () => {
    const all = (await run(['--help'])).out;
    for (const { words } of commands) expect(all).toContain(`concordat ${words.join(' ')}`);
    expect((await run(['cluster', '--help'])).out).toMatch(/cluster members[\s\S]*cluster remove ID/);
    const one = (await run(['transactions', 'list', '--help'])).out;
    expect(one).toContain('--status STATUS');
    expect(one).not.toContain('--force');
    expect(JSON.parse((await run(['status', '--help', '--json'])).out)).toEqual({ usage: expect.any(String) });
  });
});
