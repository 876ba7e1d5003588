import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  decodeCommand,
  decodeDeadLetter,
  decodeEvent,
  decodeReply,
  encodeMessage,
  MESSAGE_BYTES_MAX,
} from './codec.js';
import type { Command } from './commands.js';
import type { DeadLetter, OutcomeEvent } from './events.js';
import { JSON_DEPTH_MAX } from './nesting.js';
import type { Reply } from './replies.js';
import { formatTransactionId } from './transaction-id.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const DECODERS = { decodeCommand, decodeReply, decodeEvent, decodeDeadLetter };

const part = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const transactionId = fc.record({ incarnation: part, term: part, sequence: part }).map(formatTransactionId);
const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,62}$/);
const branchId = fc.integer({ min: 1, max: 999_999 }).map(String);
/** A JSON value as it comes back from the wire: no minus zero. */
const json = fc.jsonValue({ maxDepth: 5 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown);
const text = fc.string({ unit: 'grapheme', maxLength: 50 });
const isolation = fc.constantFrom('local' as const, 'global' as const);
const instant = fc
  .date({ min: new Date(0), max: new Date(9e12), noInvalidDate: true })
  .map((date) => date.toISOString());
const reason = fc.record(
  {
    code: fc.string({ minLength: 1, maxLength: 100 }),
    message: text,
    retryable: fc.boolean(),
    participant: name,
    branchId,
  },
  { requiredKeys: ['code', 'message', 'retryable'], noNullPrototype: true },
);

const v = fc.constant(1 as const);
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record(model, { noNullPrototype: true });
const commandBase = { v, transactionId, participant: name, horizon: transactionId };
const command: fc.Arbitrary<Command> = fc.oneof(
  record({
    ...commandBase,
    type: fc.constant('prepare' as const),
    isolation,
    serializable: fc.boolean(),
    snapshot: fc.option(fc.nat()),
    remainingMs: fc.nat(),
    operations: fc.array(record({ branchId, operation: name, input: json }), { minLength: 1, maxLength: 4 }),
  }),
  record({ ...commandBase, type: fc.constant('commit' as const), csn: part }),
  record({ ...commandBase, type: fc.constant('rollback' as const), presumed: fc.boolean() }),
);
const schema = fc.dictionary(fc.stringMatching(/^[a-z$]{1,8}$/), json, { maxKeys: 4, noNullPrototype: true });
const operation = record({ name, readOnly: fc.boolean(), inputSchema: schema, resultSchema: schema });
const reply: fc.Arbitrary<Reply> = fc.oneof(
  record({
    v,
    participant: name,
    transactionId,
    type: fc.constant('vote' as const),
    vote: fc.constantFrom('prepared' as const, 'read-only' as const, 'refused' as const),
    results: fc.option(fc.array(record({ branchId, result: json }), { maxLength: 4 })),
    reason: fc.option(reason),
  }),
  record({
    v,
    participant: name,
    transactionId,
    type: fc.constant('done' as const),
    outcome: fc.constantFrom('committed' as const, 'rolled-back' as const, 'hazard' as const),
    detail: fc.option(text),
  }),
  record({
    v,
    participant: name,
    type: fc.constant('heartbeat' as const),
    instance: fc.string({ minLength: 1, maxLength: 64 }),
    isolation,
    operations: fc.array(operation, { maxLength: 3 }),
    preparedCount: fc.nat(),
    oldestPreparedMs: fc.option(fc.nat()),
    stopping: fc.boolean(),
  }),
);
const event: fc.Arbitrary<OutcomeEvent> = record({
  v,
  type: fc.constantFrom('transaction.committed' as const, 'transaction.aborted' as const),
  transactionId,
  index: part,
  csn: fc.option(part),
  at: instant,
  label: fc.option(text),
  participants: fc.array(name, { maxLength: 4 }),
  reason: fc.option(reason),
});
const deadLetter: fc.Arbitrary<DeadLetter> = record({
  v,
  topic: text,
  partition: fc.nat(),
  offset: fc.nat().map(String),
  key: text,
  valueBase64: fc.base64String(),
  error: text,
  at: instant,
});

describe('what travels on the wire', () => {
  it.each([
    ['command', command, decodeCommand],
    ['reply', reply, decodeReply],
    ['event', event, decodeEvent],
    ['dead letter', deadLetter, decodeDeadLetter],
  ] as const)('any %s reads back as it was written', (_name, messages, decode) => {
    fc.assert(
      fc.property(messages as fc.Arbitrary<Command | Reply | OutcomeEvent | DeadLetter>, (message) => {
        expect(decode(bytes(encodeMessage(message)))).toEqual({ ok: true, message });
      }),
      { numRuns: 150 },
    );
  });

  it('ignores fields that it does not know, so that a newer writer can be read', () => {
    const [message] = fc.sample(command, { numRuns: 1, seed: 1 });
    const newer = bytes(JSON.stringify({ ...message, later: true }));
    expect(decodeCommand(newer)).toEqual({ ok: true, message });
  });

  it('refuses another wire version', () => {
    const [message] = fc.sample(reply, { numRuns: 1, seed: 1 });
    expect(decodeReply(bytes(JSON.stringify({ ...message, v: 2 })))).toMatchObject({ ok: false });
  });
});

describe('garbage', () => {
  it('of any bytes is refused with a reason and never throws', () => {
    const anything = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.json().map(bytes), fc.string().map(bytes));
    fc.assert(
      fc.property(anything, (value) => {
        for (const decode of Object.values(DECODERS)) {
          const decoded = decode(value);
          expect(decoded.ok).toBe(false);
          if (!decoded.ok) expect(decoded.error.length).toBeGreaterThan(0);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('made of real messages by changing one field or cutting them never throws', () => {
    fc.assert(
      fc.property(fc.oneof(command, reply), fc.nat(), json, fc.nat(), (message, field, value, cut) => {
        const keys = Object.keys(message);
        const changed = JSON.stringify({ ...message, [keys[field % keys.length] as string]: value });
        for (const text of [changed, changed.slice(0, cut % changed.length)]) {
          for (const decode of Object.values(DECODERS)) expect(typeof decode(bytes(text)).ok).toBe('boolean');
        }
      }),
      { numRuns: 200 },
    );
  });

  it('that is not UTF-8, or larger than a message may be, is refused', () => {
    expect(decodeReply(Uint8Array.of(0x22, 0xff, 0x22))).toMatchObject({ ok: false });
    const large = decodeReply(new Uint8Array(MESSAGE_BYTES_MAX + 1));
    expect(large).toMatchObject({ ok: false, error: expect.stringContaining('larger') });
  });

  it('that is nested so deeply that it could not be written again is refused', () => {
    const nested = (depth: number) =>
      `{"v":1,"type":"vote","participant":"east","transactionId":"1-1-1","vote":"prepared","reason":null,"results":[{"branchId":"1","result":${'['.repeat(depth)}${']'.repeat(depth)}}]}`;
    expect(decodeReply(bytes(nested(JSON_DEPTH_MAX - 3)))).toMatchObject({ ok: true });
    for (const depth of [JSON_DEPTH_MAX, 100_000]) {
      expect(decodeReply(bytes(nested(depth)))).toMatchObject({ ok: false, error: expect.stringContaining('nested') });
    }
  });
});
