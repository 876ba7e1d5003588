import { describe, expect, it } from '@jest/globals';
import { heartbeatOf } from '../../test/engine.js';
import { ParticipantRegistry } from './participant-registry.js';

const NOW = 1_700_000_000_000;

function start() {
  const registry = new ParticipantRegistry(() => 3);
  const announce = (over: Parameters<typeof heartbeatOf>[1] = {}, now = NOW) => {
    const heard = registry.heard(heartbeatOf('east', over), now);
    if (heard.announcement) registry.register({ ...heard.announcement, registeredAt: now });
    return heard;
  };
  return { registry, announce };
}

const operation = (name: string, inputSchema: Record<string, unknown> = {}) => ({
  name,
  readOnly: false,
  inputSchema,
  resultSchema: {},
});

describe('what a participant says of itself', () => {
  it('is announced when it is new or has changed, and not otherwise', () => {
    const { announce } = start();
    expect(announce().announcement).toMatchObject({ name: 'east', isolation: 'local' });
    expect(announce().announcement).toBeUndefined();
    expect(announce({ operations: [operation('debit'), operation('credit')] }).announcement?.operations).toHaveLength(
      2,
    );
    expect(announce({ operations: [operation('debit'), operation('credit')] }).announcement).toBeUndefined();
  });

  it('is announced again until the ledger has it', () => {
    const { registry } = start();
    for (let i = 0; i < 3; i += 1) expect(registry.heard(heartbeatOf('east'), NOW).announcement).toBeDefined();
  });

  it('is refused when a schema in it does not compile, without harm to what was known', () => {
    const { registry, announce } = start();
    announce();
    const broken = { operations: [operation('debit', { type: 'nonsense' })] };
    for (let i = 0; i < 2; i += 1) expect(() => announce(broken)).toThrow();
    expect(registry.check({ participant: 'east', operation: 'debit', input: {} }).name).toBe('east');
    expect(registry.view('east', NOW).health).toBe('up');
  });
});

describe('what is asked of a participant', () => {
  it('is checked against its latest schemas, and every wrong field is named', () => {
    const { registry, announce } = start();
    const schema = { type: 'object', properties: { amount: { type: 'integer' } }, required: ['amount'] };
    announce({ operations: [operation('debit', schema)] });
    const check = (input: unknown) => registry.check({ participant: 'east', operation: 'debit', input });
    expect(check({ amount: 3 }).name).toBe('east');
    expect(() => check({ amount: 'three' })).toThrow(
      expect.objectContaining({
        code: 'input-invalid',
        details: expect.objectContaining({ issues: [{ path: 'input.amount', message: 'must be integer' }] }),
      }),
    );
    announce({ operations: [operation('debit', { type: 'string' })] });
    expect(check('three').name).toBe('east');
  });

  it('of one that is not known, or of an operation that it does not have, is refused', () => {
    const { registry, announce } = start();
    announce();
    const check = (participant: string, name: string) => () =>
      registry.check({ participant, operation: name, input: {} });
    expect(check('west', 'debit')).toThrow(expect.objectContaining({ code: 'participant-unknown' }));
    expect(check('east', 'nothing')).toThrow(expect.objectContaining({ code: 'operation-unknown' }));
    expect(check('east', '__proto__')).toThrow(expect.objectContaining({ code: 'operation-unknown' }));
  });
});

describe('the health of a participant', () => {
  it('is up while one instance was heard within five seconds', () => {
    const { registry, announce } = start();
    announce({ instance: 'a' });
    announce({ instance: 'b' }, NOW + 4000);
    expect(registry.view('east', NOW + 5000)).toMatchObject({ health: 'up', instances: 2, lag: 3 });
    expect(registry.view('east', NOW + 9000)).toMatchObject({ health: 'up', instances: 1 });
    expect(registry.view('east', NOW + 9001)).toMatchObject({
      health: 'down',
      instances: 0,
      lastHeartbeatAt: NOW + 4000,
    });
  });

  it('is down at once when its last instance says that it stops', () => {
    const { registry, announce } = start();
    announce({ instance: 'a' });
    announce({ instance: 'a', stopping: true });
    expect(registry.view('east', NOW)).toMatchObject({ health: 'down', instances: 0 });
  });

  it('shows the most that any instance holds prepared, and the oldest', () => {
    const { registry, announce } = start();
    announce({ instance: 'a', preparedCount: 4, oldestPreparedMs: 100 });
    announce({ instance: 'b', preparedCount: 2, oldestPreparedMs: 900 });
    expect(registry.view('east', NOW)).toMatchObject({ preparedCount: 4, oldestInDoubtMs: 900 });
  });

  it('of one that was registered and never heard is down, of one not registered not found', () => {
    const { registry } = start();
    registry.register({ name: 'east', isolation: 'local', operations: [], registeredAt: 1 });
    expect(registry.views(NOW)).toMatchObject([{ name: 'east', health: 'down', lastHeartbeatAt: null }]);
    expect(() => registry.view('west', NOW)).toThrow(expect.objectContaining({ code: 'participant-not-found' }));
  });

  it('tells a new instance from one that was heard before', () => {
    const { announce } = start();
    expect(announce({ instance: 'a' }).returned).toBe(true);
    expect(announce({ instance: 'a' }).returned).toBe(false);
    expect(announce({ instance: 'b' }).returned).toBe(true);
    expect(announce({ instance: 'c', stopping: true }).returned).toBe(false);
    expect(announce({ instance: 'd' }, NOW + 3_600_000).returned).toBe(true);
    expect(announce({ instance: 'a' }, NOW + 3_600_000).returned).toBe(true);
  });

  it('keeps a bounded number of instances, those heard last', () => {
    const { registry, announce } = start();
    for (let i = 0; i < 100; i += 1) announce({ instance: `i${i}` });
    expect(registry.view('east', NOW).instances).toBe(64);
  });
});
