import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const root = join(import.meta.dirname, '..', '..', '..');
const example = join(import.meta.dirname, 'counter.mjs');
const running = new Map<number, ChildProcess>();
/** What the counter was seen to reach, and who led then. */
const seen: { leader: number; count: number }[] = [];
let environment: NodeJS.ProcessEnv;

beforeAll(async () => {
  execFileSync(process.execPath, [join(root, 'scripts', 'build.mjs')], { stdio: 'ignore' });
  const COUNTER_DATA = mkdtempSync(join(tmpdir(), 'counter-'));
  environment = { ...process.env, NODE_OPTIONS: '', COUNTER_DATA, COUNTER_PORT: String(await threeFreePorts()) };
});

afterAll(async () => {
  await Promise.all([...running.keys()].map(kill));
  rmSync(environment.COUNTER_DATA as string, { recursive: true });
});

describe('the example of the README', () => {
  it('is the file that is run here', () => {
    const readme = readFileSync(join(import.meta.dirname, '..', 'README.md'), 'utf8');
    const [, ...code] = readFileSync(example, 'utf8').split('\n');
    expect(readme).toContain(code.join('\n').trim());
  });

  it('counts on without a gap when the leader is killed with -9, and takes it in again', async () => {
    for (const id of [1, 2, 3]) start(id);
    await until(() => (seen.at(-1)?.count ?? 0) >= 3);
    const killed = seen.at(-1)?.leader as number;
    await kill(killed);
    const reached = seen.at(-1)?.count as number;
    await until(() => seen.at(-1)?.leader !== killed && (seen.at(-1)?.count as number) >= reached + 2);
    start(killed);
    const [second] = [1, 2, 3].filter((id) => id !== killed && id !== seen.at(-1)?.leader) as [number];
    await kill(second);
    const again = seen.at(-1)?.count as number;
    await until(() => (seen.at(-1)?.count as number) >= again + 3);
    const counts = seen.map((one) => one.count);
    expect(new Set(counts).size).toBe(counts.length);
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
  }, 90_000);
});

function start(id: number): void {
  const child = spawn(process.execPath, [example, String(id)], {
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.set(id, child);
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    for (const match of text.matchAll(/member (\d) leads: \{[^}]*outcome: 'committed'[^}]*result: (\d+)\s*\}/g)) {
      seen.push({ leader: Number(match[1]), count: Number(match[2]) });
    }
    text = text.slice(text.lastIndexOf('}') + 1);
  });
}

async function kill(id: number): Promise<void> {
  const child = running.get(id);
  if (!child) return;
  running.delete(id);
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** @returns the first of three neighbouring ports that nobody listens at */
async function threeFreePorts(): Promise<number> {
  for (let port = 20_000 + (process.pid % 20_000); ; port += 3) {
    const free = await Promise.all([port, port + 1, port + 2].map(isFree));
    if (free.every((one) => one)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
