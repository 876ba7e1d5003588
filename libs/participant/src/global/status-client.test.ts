import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { FakeCoordinator } from '../../test/fake-coordinator.js';
import { systemClock } from '../backoff.js';
import { ParticipantMetrics } from '../metrics.js';
import { Replicas } from './replicas.js';
import { StatusClient } from './status-client.js';

let first: FakeCoordinator;
let second: FakeCoordinator;

beforeEach(async () => {
  first = await FakeCoordinator.start();
  second = await FakeCoordinator.start();
});
afterEach(async () => {
  await first.stop();
  await second.stop();
});

const client = ({ urls = [first.url], knownMax = 100, statusTimeoutMs = 2000 } = {}) => {
  const limits = { statusRequestTimeoutMs: 500, statusTimeoutMs };
  const logger = pino({ level: 'silent' });
  const replicas = new Replicas(urls, { limits, logger, clock: systemClock, random: Math.random });
  return new StatusClient(replicas, new ParticipantMetrics('test'), knownMax);
};
const asked = () => first.questions.flatMap(({ transactionIds }) => transactionIds);

describe('the knowledge of outcomes', () => {
  it('asks once for what is final, and again for what is unknown', async () => {
    first.outcomes.set('1-1-1', { status: 'committed', csn: 7 });
    first.outcomes.set('1-1-2', { status: 'aborted' });
    const statuses = client();
    for (const _ of [1, 2]) {
      expect(await statuses.at(['1-1-1', '1-1-2', '1-1-3'], 10)).toEqual(
        new Map([
          ['1-1-1', { status: 'committed', csn: 7 }],
          ['1-1-2', { status: 'aborted' }],
          ['1-1-3', { status: 'unknown' }],
        ]),
      );
    }
    expect(asked()).toEqual(['1-1-1', '1-1-2', '1-1-3', '1-1-3']);
  });

  it('takes "undecided" for snapshots up to the applied number of the answer, and for no other', async () => {
    first.outcomes.set('1-1-1', { status: 'undecided' });
    first.appliedCsn = 20;
    const statuses = client();
    for (const snapshot of [15, 20, 3]) await statuses.at(['1-1-1'], snapshot);
    expect(asked()).toHaveLength(1);
    first.appliedCsn = 30;
    first.outcomes.set('1-1-1', { status: 'committed', csn: 25 });
    expect((await statuses.at(['1-1-1'], 26)).get('1-1-1')).toEqual({ status: 'committed', csn: 25 });
    expect(asked()).toHaveLength(2);
  });

  it('asks anew how things are now, even where it knows that a snapshot does not show them', async () => {
    first.outcomes.set('1-1-1', { status: 'undecided' });
    const statuses = client();
    await statuses.at(['1-1-1'], 10);
    first.outcomes.set('1-1-1', { status: 'aborted' });
    expect((await statuses.now(['1-1-1'])).get('1-1-1')).toEqual({ status: 'aborted' });
  });

  it('lets no answer that was under way replace an outcome that came with a command', async () => {
    first.outcomes.set('1-1-1', { status: 'undecided' });
    const statuses = client();
    first.beforeAnswer = () => statuses.learn('1-1-1', { status: 'committed', csn: 50 });
    await statuses.at(['1-1-1'], 10);
    first.isAway = true;
    expect((await statuses.at(['1-1-1'], 60)).get('1-1-1')).toEqual({ status: 'committed', csn: 50 });
  });

  it('gathers what is asked while a question is under way, and asks for each transaction once', async () => {
    const statuses = client();
    let open = () => {};
    first.beforeAnswer = () => new Promise<void>((resolve) => (open = resolve));
    const one = statuses.at(['1-1-1'], 1);
    while (first.questions.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const others = [5, 9, 7].map((snapshot) => statuses.at(['1-1-2', '1-1-3'], snapshot));
    first.beforeAnswer = undefined;
    open();
    await Promise.all([one, ...others]);
    expect(first.questions.map(({ transactionIds, minCsn }) => [transactionIds, minCsn])).toEqual([
      [['1-1-1'], 1],
      [['1-1-2', '1-1-3'], 9],
    ]);
  });

  it('remembers no more than it may', async () => {
    const statuses = client({ knownMax: 2 });
    for (const id of ['1-1-1', '1-1-2', '1-1-3']) first.outcomes.set(id, { status: 'aborted' });
    for (const id of ['1-1-1', '1-1-2', '1-1-3', '1-1-1']) await statuses.at([id], 1);
    expect(asked()).toEqual(['1-1-1', '1-1-2', '1-1-3', '1-1-1']);
  });
});

describe('asking several coordinators', () => {
  it('takes the next one where one is away or behind, and stays with it', async () => {
    first.appliedCsn = 5;
    const statuses = client({ urls: [first.url, second.url] });
    await statuses.at(['1-1-1'], 50);
    await statuses.at(['1-1-2'], 50);
    expect([first.questions.length, second.questions.length]).toEqual([1, 2]);
    second.isAway = true;
    first.appliedCsn = 60;
    expect((await statuses.at(['1-1-3'], 50)).get('1-1-3')).toEqual({ status: 'unknown' });
  });

  it('gives up after the time it has', async () => {
    first.isAway = true;
    const statuses = client({ urls: [first.url, 'http://127.0.0.1:1'], statusTimeoutMs: 200 });
    await expect(statuses.at(['1-1-1'], 1)).rejects.toMatchObject({ code: 'snapshot-unavailable', retryable: true });
    first.isAway = false;
    expect((await statuses.at(['1-1-1'], 1)).get('1-1-1')).toEqual({ status: 'unknown' });
  });
});

describe('a snapshot', () => {
  it('is read at only once a number as high was heard to be applied', async () => {
    const statuses = client();
    statuses.observe(90);
    await statuses.awaitApplied(90);
    expect(first.questions).toEqual([]);
    await statuses.awaitApplied(100);
    expect(first.questions).toEqual([{ transactionIds: [], linearizable: true }]);
    expect(statuses.appliedCsn).toBe(100);
    await expect(statuses.awaitApplied(101)).rejects.toMatchObject({ code: 'snapshot-unavailable' });
  });
});
