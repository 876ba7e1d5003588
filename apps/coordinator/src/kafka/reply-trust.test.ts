/** What forged and replayed replies can do to a coordinator that knows its participants' keys: docs/security-kafka.md. */
import { COORDINATOR_DEAD_LETTERS_TOPIC, decodeDeadLetter, REPLIES_TOPIC, type Reply } from '@concordat/protocol';
import {
  type IncomingMessage,
  MessageKeys,
  MessageSigning,
  type OutgoingMessage,
  SIGNATURE_HEADER,
  SignedTransport,
  type SigningMode,
  type SubscribeOptions,
  type Transport,
} from '@concordat/transport';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type Engine, heartbeatOf, leadingEngine, pass, prepareBoth } from '../../test/engine.js';
import { UNTRACED } from '../engine/tracing.js';
import { ownerOfTopic, verifyRecord } from './message-owners.js';
import { ReplyReader } from './reply-reader.js';
import { ReplyTrust } from './reply-trust.js';

/** One topic in memory: what is sent there is delivered at once. The subject is what the reader believes. */
class Topic implements Transport {
  readonly sent: OutgoingMessage[] = [];
  readonly statistics = { messagesSent: 0, messagesFailed: 0, batchesSent: 0, messagesReceived: 0, bytesSent: 0 };
  readonly available = true;
  #options: SubscribeOptions | undefined;
  connect = async () => {};
  ensureTopics = async () => {};
  close = async () => {};
  onAvailability = () => {};
  reading = () => [];

  async send(message: OutgoingMessage): Promise<void> {
    this.sent.push(message);
    if (message.topic === REPLIES_TOPIC) this.deliver(message);
  }

  async subscribe(options: SubscribeOptions) {
    this.#options = options;
    return { close: async () => {}, reading: () => ({ topic: '', outstanding: 0, lag: new Map() }) };
  }

  /** As a subscription delivers it. */
  deliver({ topic, key, value, headers = {} }: OutgoingMessage): void {
    const place = { partition: 0, offset: '0', timestampMs: 0 };
    const message: IncomingMessage = { ...place, topic, key, value: Buffer.from(value), headers: { ...headers } };
    try {
      void this.#options?.onMessage(message);
    } catch (error) {
      this.#options?.onError?.(error, message);
    }
  }
}

const names = ['east', 'west'];
const secret = (owner: string) => Buffer.from(owner.padEnd(32, '.')).toString('base64');
const keys = (...owners: string[]) =>
  MessageKeys.parse(
    JSON.stringify({ keys: Object.fromEntries(owners.map((owner) => [owner, [{ kid: '1', secret: secret(owner) }]])) }),
  );

interface Scene {
  readonly engine: Engine;
  readonly topic: Topic;
  /** Sends a reply as its participant does. */
  readonly say: (reply: Reply, options?: { as?: string; atMs?: number }) => Promise<void>;
  /** Why the last letter was put aside. */
  readonly refusal: () => string | undefined;
}

async function scene(mode: SigningMode = 'strict'): Promise<Scene> {
  const engine = await leadingEngine();
  const topic = new Topic();
  const now = () => Date.now();
  const signing = new MessageSigning({ keys: () => keys(...names), ownerOf: ownerOfTopic, mode, now });
  const signed = new SignedTransport(topic, signing);
  const reader = new ReplyReader(signed, engine.coordinator, engine.logger, UNTRACED, () => {});
  await reader.start('1');
  const say = async (reply: Reply, { as = reply.participant, atMs = Date.now() } = {}) => {
    const own = new MessageSigning({ keys: () => keys(as), ownerOf: () => as, mode: 'strict', now: () => atMs });
    await new SignedTransport(topic, own).send(unsigned(reply));
  };
  const refusal = () => {
    const letter = topic.sent.findLast((message) => message.topic === COORDINATOR_DEAD_LETTERS_TOPIC);
    const decoded = letter && decodeDeadLetter(Buffer.from(letter.value));
    return decoded?.ok ? decoded.message.error.split(':')[0] : undefined;
  };
  return { engine, topic, say, refusal };
}

const unsigned = (reply: Reply): OutgoingMessage => ({
  topic: REPLIES_TOPIC,
  key: 'transactionId' in reply ? reply.transactionId : reply.participant,
  value: JSON.stringify(reply),
});
const voteOf = (transactionId: string, participant: string): Reply => ({
  ...({ v: 1, type: 'vote', vote: 'prepared', results: [], reason: null } as const),
  transactionId,
  participant,
});
const doneOf = (transactionId: string, participant: string, outcome: 'committed' | 'hazard' = 'committed'): Reply => ({
  ...({ v: 1, type: 'done', detail: null } as const),
  outcome,
  transactionId,
  participant,
});
const entriesOf = ({ log }: Engine) =>
  log.applied.map(({ data }) => JSON.parse(Buffer.from(data).toString()).type as string);

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

describe('a forged reply', () => {
  it.each(['strict', 'migrate'] as const)('by a stranger with a key of nobody decides nothing (%s)', async (mode) => {
    const { engine, say, refusal } = await scene(mode);
    const { id } = await prepareBoth(engine);
    await say(voteOf(id, 'east'));
    await say(voteOf(id, 'west'), { as: 'stranger' });
    expect(refusal()).toBe('signature-key-unknown');
    engine.log.applyAll();
    expect(entriesOf(engine)).not.toContain('commit');
    await say(voteOf(id, 'west'));
    engine.log.applyAll();
    expect(entriesOf(engine)).toContain('commit');
  });

  it('without a signature neither votes, nor finishes, nor registers, nor raises a hazard', async () => {
    const { engine, topic, say, refusal } = await scene();
    const { id } = await prepareBoth(engine);
    await say(voteOf(id, 'east'));
    const heartbeats = [heartbeatOf('north'), heartbeatOf('east', { operations: [], stopping: true })];
    for (const reply of [voteOf(id, 'west'), doneOf(id, 'east', 'hazard'), ...heartbeats]) {
      await topic.send(unsigned(reply));
      expect(refusal()).toBe('signature-missing');
    }
    engine.log.applyAll();
    expect(entriesOf(engine)).not.toContain('commit');
    expect(engine.metrics.counts.has('hazard east')).toBe(false);
    expect(engine.coordinator.participants().map(({ name }) => name)).toEqual(names);
    expect(engine.coordinator.participants()[0]).toMatchObject({ health: 'up', operations: [{ name: 'debit' }] });
  });

  it('of one participant in the name of another is refused, also while migrating', async () => {
    for (const mode of ['strict', 'migrate'] as const) {
      const { engine, say, refusal } = await scene(mode);
      const { id } = await prepareBoth(engine);
      await say(voteOf(id, 'west'));
      await say(voteOf(id, 'east'), { as: 'west' });
      expect(refusal()).toBe('signature-signer-wrong');
      await say(heartbeatOf('east', { operations: [] }), { as: 'west' });
      expect(refusal()).toBe('signature-signer-wrong');
      engine.log.applyAll();
      expect(entriesOf(engine)).not.toContain('commit');
    }
  });

  it('made of a genuine one, by a change of its value, is refused', async () => {
    const { engine, topic, say, refusal } = await scene();
    const { id } = await prepareBoth(engine);
    const refused = { code: 'poor', message: 'no money', retryable: false };
    await say({ ...voteOf('zz-1-1', 'west'), vote: 'refused', results: null, reason: refused } as Reply);
    const genuine = topic.sent.findLast((message) => message.topic === REPLIES_TOPIC) as OutgoingMessage;
    topic.deliver({ ...genuine, value: genuine.value.replace('zz-1-1', id) });
    expect(refusal()).toBe('signature-wrong');
    topic.deliver({ ...genuine, key: id });
    expect(refusal()).toBe('signature-wrong');
  });
});

describe('a replayed reply', () => {
  it('of a transaction that is finished changes nothing', async () => {
    const { engine, topic, say } = await scene();
    const { id, outcome } = await prepareBoth(engine);
    for (const name of names) await say(voteOf(id, name));
    engine.log.applyAll();
    await pass(0);
    for (const name of names) await say(doneOf(id, name));
    await pass(100);
    engine.log.applyAll();
    await pass(0);
    expect(outcome.value).toMatchObject({ outcome: 'committed' });
    const [entries, before] = [entriesOf(engine), await engine.coordinator.get(id, {})];
    const replayed = topic.sent.filter((message) => message.topic === REPLIES_TOPIC);
    expect(replayed).toHaveLength(4);
    for (const message of [...replayed, ...replayed.reverse()]) topic.deliver(message);
    await pass(100);
    engine.log.applyAll();
    await pass(0);
    expect(entriesOf(engine)).toEqual(entries);
    expect(await engine.coordinator.get(id, {})).toEqual(before);
    expect(engine.messenger.sent.filter(({ type }) => type === 'rollback')).toEqual([]);
  });

  it('of one transaction says nothing about another, whose vote is still awaited', async () => {
    const { engine, topic, say } = await scene();
    const first = await prepareBoth(engine);
    for (const name of names) await say(voteOf(first.id, name));
    engine.log.applyAll();
    const second = await prepareBoth(engine);
    for (const message of topic.sent.filter(({ topic: name }) => name === REPLIES_TOPIC)) topic.deliver(message);
    engine.log.applyAll();
    expect(entriesOf(engine).filter((type) => type === 'commit')).toHaveLength(1);
    expect(await engine.coordinator.get(second.id, {})).toMatchObject({ outcome: null });
  });

  it('that was the goodbye of an earlier process does not take a living participant for stopped', async () => {
    const { engine, topic, say, refusal } = await scene();
    await say(heartbeatOf('east', { stopping: true }));
    const goodbye = topic.sent.at(-1) as OutgoingMessage;
    await say(heartbeatOf('east'), { atMs: Date.now() + 10_000 });
    topic.deliver(goodbye);
    expect(refusal()).toBe('signature-stale');
    expect(engine.coordinator.participants()[0]).toMatchObject({ name: 'east', health: 'up' });
  });
});

describe('the age of heartbeats', () => {
  const heartbeat = heartbeatOf('east') as Reply;
  const at = (signedAtMs: number, owner = 'east') => ({ signer: { owner, signedAtMs } }) as IncomingMessage;

  it('leaves room for instances whose clocks differ a little, and for a clock that was set back', () => {
    let now = 0;
    const trust = new ReplyTrust(() => now);
    trust.check(at(1_000_000), heartbeat);
    trust.check(at(996_000), heartbeat);
    expect(() => trust.check(at(994_000), heartbeat)).toThrow(/^signature-stale: /);
    now = 61_000;
    trust.check(at(500_000), heartbeat);
    expect(() => trust.check(at(400_000), heartbeat)).toThrow(/^signature-stale: /);
  });
});

describe('a record that is read past the transport', () => {
  const all = keys('east', '_events');
  const sign = (message: OutgoingMessage, owner: string) => {
    const signing = new MessageSigning({ keys: () => all, ownerOf: () => owner, mode: 'strict', now: () => 7 });
    return { ...message, headers: signing.sign(message).headers ?? {} };
  };

  it('is verified with the keys of whoever may write there; events where they have a key', () => {
    const reply = unsigned(voteOf('zz-1-1', 'east'));
    expect(verifyRecord(sign(reply, 'east'), all)).toEqual({ owner: 'east', signedAtMs: 7 });
    expect(() => verifyRecord({ ...reply, headers: {} }, all)).toThrow(/^signature-missing: /);
    const event = { topic: 'concordat.events', key: 'k', value: '{}' };
    expect(verifyRecord(sign(event, '_events'), all)?.owner).toBe('_events');
    expect(() => verifyRecord(sign(event, 'east'), all)).toThrow(/^signature-key-unknown: /);
    expect(verifyRecord({ ...event, headers: {} }, keys('east'))).toBeUndefined();
    const inherited = Object.create({ [SIGNATURE_HEADER]: 'x' });
    expect(() => verifyRecord({ ...reply, headers: inherited }, all)).toThrow(/^signature-missing: /);
  });
});
