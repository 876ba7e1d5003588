import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryNetwork } from '@concordat/raft';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { DecisionLogListener, LogEntry } from '../engine/decision-log.js';
import { RaftLog, SEGMENT_BYTES, TRAILING_ENTRIES } from './raft-log.js';

let directory: string;
const open: RaftLog[] = [];

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
  /** What was heard, in order: `applied`, `leading`, `following`. */
  readonly heard: string[] = [];
  #wake: () => void = () => undefined;

  onApply(entries: readonly LogEntry[]): void {
    this.applied.push(...entries.filter(({ data }) => data.byteLength > 0));
    this.#note('applied');
  }

  onLeading(term: number): void {
    this.terms.push(term);
    this.#note('leading');
  }

  onFollowing(): void {
    this.#note('following');
  }

  onSnapshot(): Promise<never> {
    throw new Error('a cluster of one sends no snapshot');
  }

  onRestore(): Promise<never> {
    throw new Error('a cluster of one receives no snapshot');
  }

  onFailure(error: Error): void {
    this.failures.push(error);
  }

  get texts(): string[] {
    return this.applied.map(({ term, data }) => `${term} ${Buffer.from(data).toString()}`);
  }

  async until(reached: () => boolean): Promise<void> {
    while (!reached()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #note(what: string): void {
    this.heard.push(what);
    this.#wake();
  }
}

/** A cluster of one on the real write-ahead log, leading. */
async function start(appliedIndex = 0): Promise<{ log: RaftLog; heard: Recorder; term: number }> {
  const transport = new MemoryNetwork().transport(1);
  const log = new RaftLog({ directory, raftId: 1, memberId: 'member', transport, electionTimeoutMs: 100 });
  if (appliedIndex === 0 && open.length === 0) log.bootstrapVoters = [1];
  open.push(log);
  const heard = new Recorder();
  await log.start(appliedIndex, heard);
  await heard.until(() => heard.terms.length > 0);
  return { log, heard, term: heard.terms.at(-1) as number };
}

const bytes = (text: string): Uint8Array => Buffer.from(text);

describe('the decision log of a cluster of one', () => {
  it('D4: applies what is proposed, in order, once it is durable, never from within propose', async () => {
    const { log, heard, term } = await start();
    const before = log.fsyncCount;
    for (const text of ['a', 'b', 'c']) expect(log.propose(term, bytes(text))).toBe(true);
    expect(heard.applied).toEqual([]);
    await heard.until(() => heard.applied.length === 3);
    expect(heard.texts).toEqual(['a', 'b', 'c'].map((text) => `${term} ${text}`));
    expect(log.fsyncCount).toBeGreaterThan(before);
  });

  it('takes up no more room than the entries it keeps and three segments, however much goes through it', async () => {
    const { log, heard, term } = await start();
    const entry = bytes('x'.repeat(1024));
    const sizes: number[] = [];
    for (let round = 1; round <= 4; round += 1) {
      for (let i = 0; i < TRAILING_ENTRIES; i += 1) log.propose(term, entry);
      await heard.until(() => heard.applied.length === round * TRAILING_ENTRIES);
      await log.compact(log.appliedIndex);
      sizes.push((await readdir(join(directory, 'wal'))).length * SEGMENT_BYTES);
    }
    const kept = TRAILING_ENTRIES * 1.1 * 1024;
    // The one that is written to, the one that stands ready, and the one in which the oldest entry is.
    expect(Math.min(...sizes)).toBeGreaterThan(0);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(kept + 3 * SEGMENT_BYTES);
    expect(log.bytesWritten).toBeGreaterThan(kept + 3 * SEGMENT_BYTES);
  });

  it('D2: each start leads a new term, even if nothing was proposed in the one before', async () => {
    const terms: number[] = [];
    for (let i = 0; i < 3; i += 1) {
      const { log, term } = await start();
      terms.push(term);
      await log.close();
    }
    expect(new Set(terms).size).toBe(3);
    expect(terms).toEqual([...terms].sort((a, b) => a - b));
  });

  it('D2: takes no proposal of another term', async () => {
    const { log, heard, term } = await start();
    expect([term - 1, term + 1].map((other) => log.propose(other, bytes('x')))).toEqual([false, false]);
    expect(log.propose(term, bytes('a'))).toBe(true);
    await heard.until(() => heard.applied.length === 1);
    expect(heard.texts).toEqual([`${term} a`]);
  });

  it('replays what the database does not hold, and goes on behind it in its new term', async () => {
    const first = await start();
    for (const text of ['a', 'b', 'c']) first.log.propose(first.term, bytes(text));
    await first.heard.until(() => first.heard.applied.length === 3);
    await first.log.close();
    const second = await start(first.heard.applied[0]?.index);
    second.log.propose(second.term, bytes('d'));
    await second.heard.until(() => second.heard.applied.length === 3);
    expect(second.heard.texts).toEqual([`${first.term} b`, `${first.term} c`, `${second.term} d`]);
  });

  it('D10: closing loses nothing that was proposed, and takes nothing more', async () => {
    const { log, heard, term } = await start();
    log.propose(term, bytes('a'));
    await log.close();
    expect(log.propose(term, bytes('b'))).toBe(false);
    const again = await start(0);
    await again.heard.until(() => again.heard.applied.length > 0);
    expect(again.heard.texts).toEqual([`${term} a`]);
    expect(heard.failures).toEqual([]);
  });

  it('takes an entry that may wait along with the next one, before it, in one flush', async () => {
    const { log, heard, term } = await start();
    log.propose(term, bytes('first'));
    await heard.until(() => heard.applied.length === 1);
    const before = log.fsyncCount;
    expect([log.propose(term, bytes('a'), true), log.propose(term, bytes('b'), true)]).toEqual([true, true]);
    log.propose(term, bytes('c'));
    await heard.until(() => heard.applied.length === 4);
    expect(heard.texts.slice(1)).toEqual(['a', 'b', 'c'].map((text) => `${term} ${text}`));
    expect(log.fsyncCount).toBe(before + 1);
  });

  it('appends an entry that may wait by itself, if no other comes', async () => {
    const { log, heard, term } = await start();
    const { lastIndex } = log;
    log.propose(term, bytes('a'), true);
    expect(log.lastIndex).toBe(lastIndex);
    await heard.until(() => heard.applied.length === 1);
    expect(heard.texts).toEqual([`${term} a`]);
  });

  it('D10: closing loses no entry that may wait', async () => {
    const { log, term } = await start();
    log.propose(term, bytes('a'), true);
    await log.close();
    const again = await start(0);
    await again.heard.until(() => again.heard.applied.length > 0);
    expect(again.heard.texts).toEqual([`${term} a`]);
  });

  it('confirms a read when everything decided before it is applied', async () => {
    const { log, heard, term } = await start();
    log.propose(term, bytes('a'));
    await expect(log.readIndex()).resolves.toBe(true);
    await log.close();
    await expect(log.readIndex()).resolves.toBe(false);
    expect(heard.failures).toEqual([]);
  });
});
