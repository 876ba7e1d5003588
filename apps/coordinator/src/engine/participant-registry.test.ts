import { describe, expect, it } from '@jest/globals';
import { ALONE, heartbeatOf } from '../../test/engine.js';
import { ParticipantRegistry } from './participant-registry.js';

const NOW = 1_700_000_000_000;

function start() {
  const clock = { at: NOW, now: () => clock.at };
  const registry = new ParticipantRegistry({
    clock,
    messenger: { hears: true },
    observers: ALONE,
    lagOf: () => 3,
  });
  const announce = (over: Parameters<typeof heartbeatOf>[1] = {}) => {
    const heard = registry.heard(heartbeatOf('east', over));
    if (heard.announcement) registry.register({ ...heard.announcement, registeredAt: clock.at });
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
    for (let i = 0; i < 3; i += 1) expect(registry.heard(heartbeatOf('east')).announcement).toBeDefined();
  });

  it('is refused when a schema in it does not compile, without harm to what was known', () => {
    const { registry, announce } = start();
    announce();
    const broken = { operations: [operation('debit', { type: 'nonsense' })] };
    for (let i = 0; i < 2; i += 1) expect(() => announce(broken)).toThrow();
    expect(registry.check({ participant: 'east', operation: 'debit', input: {} }).name).toBe('east');
    expect(registry.view('east').health).toBe('up');
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

describe('a participant as it is shown', () => {
  it('has the most that any instance holds prepared, the oldest, and the lag', () => {
    const { registry, announce } = start();
    announce({ instance: 'a', preparedCount: 4, oldestPreparedMs: 100 });
    announce({ instance: 'b', preparedCount: 2, oldestPreparedMs: 900 });
    expect(registry.view('east')).toMatchObject({ preparedCount: 4, oldestInDoubtMs: 900, instances: 2, lag: 3 });
  });

  it('that is not registered is not found', () => {
    expect(() => start().registry.view('west')).toThrow(expect.objectContaining({ code: 'participant-not-found' }));
  });
});
