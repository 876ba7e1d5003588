import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { IncomingMessage } from '../transport.js';
import { MessageKeys } from './message-keys.js';
import { ANY_OWNER, MessageSigning, type SigningMode } from './message-signing.js';
import { SIGNATURE_HEADER } from './signature.js';

const secret = (letter: string) => Buffer.alloc(32, letter).toString('base64');
const keysOf = (...owners: [string, ...string[]][]) =>
  MessageKeys.parse(
    JSON.stringify({
      keys: Object.fromEntries(
        owners.map(([owner, ...kids]) => [owner, kids.map((kid) => ({ kid, secret: secret(owner[0] + kid) }))]),
      ),
    }),
  );

const ownerOf = (topic: string) =>
  topic === 'replies' ? ANY_OWNER : topic.startsWith('commands.') ? topic.slice('commands.'.length) : undefined;
const signing = (keys: MessageKeys, mode: SigningMode = 'strict', own?: string) =>
  new MessageSigning({
    keys: () => keys,
    ownerOf: (topic) => (own !== undefined && topic === 'replies' ? own : ownerOf(topic)),
    mode,
    now: () => 1_700_000_000_000,
  });

const coordinator = signing(keysOf(['a', '1'], ['b', '1']));
const participantA = signing(keysOf(['a', '1']), 'strict', 'a');

const received = (topic: string, value: string, headers: Record<string, string> = {}, key = 'k'): IncomingMessage => ({
  topic,
  key,
  value: Buffer.from(value),
  headers,
  partition: 0,
  offset: '0',
  timestampMs: 0,
});
const delivered = (signer: MessageSigning, topic: string, value: string, key = 'k') => {
  const { headers } = signer.sign({ topic, key, value });
  return received(topic, value, headers, key);
};
const signatureHeader = (message: IncomingMessage) => message.headers[SIGNATURE_HEADER] as string;

describe('a signed message', () => {
  it('is believed, and tells who signed it and when', () => {
    const command = delivered(coordinator, 'commands.a', '{"ä":"€"}');
    participantA.verify(command);
    expect(command.signer).toEqual({ owner: 'a', signedAtMs: 1_700_000_000_000 });
    const reply = delivered(participantA, 'replies', '{}', 'ключ');
    coordinator.verify(reply);
    expect(reply.signer?.owner).toBe('a');
  });

  it('has the signature that the documentation describes, so that any language can make it', () => {
    const digest = createHmac('sha256', Buffer.alloc(32, 'a1'))
      .update('concordat-signature-v1\na\n1\n1700000000000\ncommands.a\n1\nk\n{}')
      .digest('base64url');
    expect(signatureHeader(delivered(coordinator, 'commands.a', '{}'))).toBe(`v1;a;1;1700000000000;${digest}`);
    expect(digest).toBe('936_BvKl0vSu0rFZdO5xya2C5sGADRLPb6REBrrgPEs');
  });

  it('keeps the other headers', () => {
    const { headers } = coordinator.sign({ topic: 'commands.a', key: 'k', value: '{}', headers: { traceparent: 't' } });
    expect(headers).toMatchObject({ traceparent: 't' });
  });

  it.each([
    ['its value', (message: IncomingMessage) => Object.assign(message, { value: Buffer.from('{"x":1}') })],
    ['its key', (message: IncomingMessage) => Object.assign(message, { key: 'other' })],
    [
      'a byte moved from key to value',
      (message: IncomingMessage) => Object.assign(message, { key: '', value: Buffer.from('k{}') }),
    ],
    ['the time of its signing', (message: IncomingMessage) => rewrite(message, (text) => text.replace(';17', ';18'))],
  ])('is refused with another value in %s', (_, tamper) => {
    const message = delivered(participantA, 'replies', '{}');
    tamper(message);
    expect(() => coordinator.verify(message)).toThrow(/^signature-wrong: /);
    expect(message.signer).toBeUndefined();
  });

  it('is refused on another topic: a command for a is none for b, and a reply is no command', () => {
    const { headers } = delivered(coordinator, 'commands.a', '{}');
    const participantB = signing(keysOf(['b', '1']), 'strict', 'b');
    expect(() => participantB.verify(received('commands.b', '{}', headers))).toThrow(/^signature-key-unknown: /);
    expect(() => coordinator.verify(received('replies', '{}', headers))).toThrow(/^signature-wrong: /);
    const reply = delivered(participantA, 'replies', '{}');
    expect(() => participantA.verify(received('commands.a', '{}', reply.headers))).toThrow(/^signature-wrong: /);
  });

  it('is refused under the name of another, or with a key that does not exist', () => {
    const asB = rewrite(delivered(participantA, 'replies', '{}'), (text) => text.replace(';a;', ';b;'));
    expect(() => coordinator.verify(asB)).toThrow(/^signature-wrong: /);
    const nobody = rewrite(delivered(participantA, 'replies', '{}'), (text) => text.replace(';a;', ';c;'));
    expect(() => coordinator.verify(nobody)).toThrow(/^signature-key-unknown: /);
    const wrongKid = rewrite(delivered(participantA, 'replies', '{}'), (text) => text.replace(';1;', ';2;'));
    expect(() => coordinator.verify(wrongKid)).toThrow(/^signature-key-unknown: /);
    for (const owner of ['__proto__', 'constructor', 'toString']) {
      const odd = rewrite(delivered(participantA, 'replies', '{}'), (text) => text.replace(';a;', `;${owner};`));
      expect(() => coordinator.verify(odd)).toThrow(/^signature-(key-unknown|malformed): /);
    }
  });

  it.each([
    ['empty', () => ''],
    ['cut off', (text: string) => text.slice(0, -1)],
    ['longer than any', (text: string) => text + 'A'.repeat(100_000)],
    ['of another version', (text: string) => text.replace('v1', 'v2')],
    ['with padding', (text: string) => `${text}=`],
    ['with a line feed', (text: string) => text.replace(';a;', ';a\n;')],
    ['with no digest', (text: string) => text.replace(/[^;]*$/, '')],
  ])('is refused with a header that is %s', (_, change) => {
    const message = rewrite(delivered(participantA, 'replies', '{}'), change);
    expect(() => coordinator.verify(message)).toThrow(/^signature-malformed: /);
  });
});

describe('an unsigned message', () => {
  it('is refused, and accepted only while migrating', () => {
    expect(() => coordinator.verify(received('replies', '{}'))).toThrow(/^signature-missing: /);
    expect(coordinator.refused).toBeGreaterThan(0);
    const migrating = signing(keysOf(['a', '1']), 'migrate');
    const message = received('replies', '{}');
    migrating.verify(message);
    expect([message.signer, migrating.unsigned]).toEqual([undefined, 1]);
    const forged = rewrite(delivered(participantA, 'replies', '{}'), (text) => `${text.slice(0, -2)}AA`);
    expect(() => migrating.verify(forged)).toThrow(/^signature-wrong: /);
  });

  it('leaves only while migrating', () => {
    const message = { topic: 'commands.nobody', key: 'k', value: '{}' };
    expect(() => coordinator.sign(message)).toThrow(/no key/);
    expect(signing(keysOf(['a', '1']), 'migrate').sign(message)).toBe(message);
  });

  it('is nobody’s concern on topics without an owner', () => {
    const message = { topic: 'dead-letters', key: 'k', value: '{}' };
    expect(coordinator.sign(message)).toBe(message);
    expect(() => coordinator.verify(received('dead-letters', '{}'))).not.toThrow();
  });
});

describe('several keys of one owner', () => {
  it('are all believed, the first signs, and one that was taken out is believed no more', () => {
    const [before, both, after] = [keysOf(['a', '1']), keysOf(['a', '2', '1']), keysOf(['a', '2'])];
    const old = delivered(signing(before), 'commands.a', '{}');
    const young = delivered(signing(both), 'commands.a', '{}');
    expect(signatureHeader(young)).toMatch(/^v1;a;2;/);
    expect(() => signing(both).verify(old)).not.toThrow();
    expect(() => signing(after).verify(young)).not.toThrow();
    expect(() => signing(after).verify(old)).toThrow(/^signature-key-unknown: /);
  });
});

describe('a file of keys', () => {
  const entry = { kid: '1', secret: secret('s') };
  it.each([
    ['no JSON', '{"keys"'],
    ['another shape', '[]'],
    ['a short secret', JSON.stringify({ keys: { a: [{ kid: '1', secret: 'c2hvcnQ=' }] } })],
    ['a secret that is not base64', JSON.stringify({ keys: { a: [{ kid: '1', secret: `${'hunter2 '.repeat(6)}` }] } })],
    ['no key for an owner', JSON.stringify({ keys: { a: [] } })],
    ['two keys of one name', JSON.stringify({ keys: { a: [entry, entry] } })],
    ['a name that no participant has', JSON.stringify({ keys: { 'A B': [entry] } })],
    ['a word too many', JSON.stringify({ keys: { a: [{ ...entry, extra: secret('x') }] } })],
  ])('with %s is refused in a sentence that gives nothing away', (_, text) => {
    let said = '';
    try {
      MessageKeys.parse(text);
    } catch (error) {
      said = String(error);
    }
    expect(said).toMatch(/^MessageKeysError: The file of message keys/);
    expect(said).not.toMatch(/c2hvcnQ|hunter2/);
    expect(said).not.toContain(secret('s'));
  });

  it('shows no secret when it is printed', () => {
    const shown = JSON.stringify(keysOf(['a', '1'])) + String(Object.values(keysOf(['a', '1']).find('a', '1') ?? {}));
    expect(shown).not.toContain(secret('a1'));
    expect(shown).not.toContain('a1a1');
  });
});

function rewrite(message: IncomingMessage, change: (text: string) => string): IncomingMessage {
  message.headers[SIGNATURE_HEADER] = change(signatureHeader(message));
  return message;
}
