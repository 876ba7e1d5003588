import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { DecisionLogListener, LogEntry } from './decision-log.js';
import { SingleNodeLog } from './single-node-log.js';

let directory: string;
const open: SingleNodeLog[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'concordat-log-'));
});

afterEach(async () => {
  for (const log of open.splice(0)) await log.close().catch(() => undefined);
  await rm(directory, { recursive: true });
});

class Recorder implements DecisionLogListener {
  readonly applied: LogEntry[] = [];
  readonly terms: number[] = [];
  readonly failures: Error[] = [];
  #wanted = 0;
  #reached: () => void = () => undefined;

  onApply(entries: readonly LogEntry[]): void {
    this.applied.push(...entries);
    if (this.applied.length >= this.#wanted) this.#reached();
  }

  onLeading(term: number): void {
    this.terms.push(term);
  }

  onFollowing(): void {}

  onSnapshot(): Promise<never> {
    throw new Error('a single node sends no snapshot');
  }

  onRestore(): Promise<never> {
    throw new Error('a single node receives no snapshot');
  }

  onFailure(error: Error): void {
    this.failures.push(error);
  }

  get texts(): string[] {
    return this.applied.map(({ index, term, data }) => `${index}/${term} ${Buffer.from(data).toString()}`);
  }

  async count(wanted: number): Promise<void> {
    this.#wanted = wanted;
    if (this.applied.length >= wanted) return;
    await new Promise<void>((resolve) => {
      this.#reached = resolve;
    });
  }
}

async function start(appliedIndex = 0): Promise<{ log: SingleNodeLog; heard: Recorder }> {
  const log = await SingleNodeLog.open(directory);
  open.push(log);
  const heard = new Recorder();
  await log.start(appliedIndex, heard);
  return { log, heard };
}

const bytes = (text: string): Uint8Array => Buffer.from(text);

describe('the decision log of a single node, on the real write-ahead log', () => {
  it('applies what is proposed, in order, once it is durable, never from within propose', async () => {
    const { log, heard } = await start();
    const before = log.fsyncCount;
    for (const text of ['a', 'b', 'c']) expect(log.propose(1, bytes(text))).toBe(true);
    expect(heard.applied).toEqual([]);
    await heard.count(3);
    expect(heard.texts).toEqual(['1/1 a', '2/1 b', '3/1 c']);
    expect(log.fsyncCount - before).toBe(1); // proposed together, flushed together
  });

  it('D2: each start is a new term, even if nothing was written in the one before', async () => {
    for (const term of [1, 2, 3]) {
      const { log, heard } = await start();
      expect(heard.terms).toEqual([term]);
      await log.close();
    }
  });

  it('replays what the database does not hold, before it leads, and goes on behind it', async () => {
    const first = await start();
    for (const text of ['a', 'b', 'c']) first.log.propose(1, bytes(text));
    await first.log.close();
    const second = await start(1);
    expect(second.heard.texts).toEqual(['2/1 b', '3/1 c']);
    second.log.propose(2, bytes('d'));
    await second.heard.count(3);
    expect(second.heard.texts.at(-1)).toBe('4/2 d');
    expect(second.log.memberId).toBe(first.log.memberId);
  });

  it('D2: takes no proposal of another term, and none before it has started', async () => {
    const log = await SingleNodeLog.open(directory);
    open.push(log);
    expect(log.propose(1, bytes('early'))).toBe(false);
    const heard = new Recorder();
    await log.start(0, heard);
    expect([log.propose(0, bytes('x')), log.propose(2, bytes('x'))]).toEqual([false, false]);
    expect(log.lastIndex).toBe(0);
    await expect(log.start(0, heard)).rejects.toThrow('started before');
  });

  it('D10: closing applies what was proposed and takes nothing more', async () => {
    const { log, heard } = await start();
    log.propose(1, bytes('a'));
    const closing = log.close();
    expect(log.propose(1, bytes('b'))).toBe(false);
    await closing;
    expect(heard.texts).toEqual(['1/1 a']);
  });

  it('refuses a database that is ahead of the log, and one behind what was cut', async () => {
    const { log, heard } = await start();
    for (let i = 1; i <= 5; i += 1) log.propose(1, bytes(String(i)));
    await heard.count(5);
    await log.compact(3, 1);
    await log.close();
    for (const applied of [6, 2]) {
      const other = await SingleNodeLog.open(directory);
      open.push(other);
      await expect(other.start(applied, new Recorder())).rejects.toThrow('do not belong together');
      await other.close();
    }
    const right = await start(3);
    expect(right.heard.texts).toEqual(['4/1 4', '5/1 5']);
  });

  it('cuts nothing any more once it is closed, and does not call that a failure', async () => {
    const { log, heard } = await start();
    log.propose(1, bytes('a'));
    await heard.count(1);
    await log.close();
    await expect(log.compact(1, 1)).resolves.toBeUndefined();
  });

  it('lets no second process open the directory', async () => {
    await start();
    await expect(SingleNodeLog.open(directory)).rejects.toThrow();
  });
});
