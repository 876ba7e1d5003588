import { jest } from '@jest/globals';
import { runConcordat } from '../src/main.js';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command in this process, where it sees no terminal, whoever runs the test. */
export async function run(words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  for (const stream of [process.stdin, process.stdout, process.stderr]) stream.isTTY = false;
  delete process.env.FORCE_COLOR; // Jest sets it for its workers
  const said: string[] = [];
  const complained: string[] = [];
  const out = jest.spyOn(process.stdout, 'write').mockImplementation((text) => said.push(String(text)) > 0);
  const err = jest.spyOn(console, 'error').mockImplementation((text) => void complained.push(String(text)));
  try {
    const code = await runConcordat(words, env);
    return { code, out: said.join(''), err: complained.join('\n') };
  } finally {
    out.mockRestore();
    err.mockRestore();
  }
}
