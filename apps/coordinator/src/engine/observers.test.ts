import { describe, expect, it } from '@jest/globals';
import { heartbeatOf } from '../../test/engine.js';
import type { Observation } from './observers.js';
import { ParticipantRegistry } from './participant-registry.js';

/** Three replicas with an engine's registry each, that hear participants and one another as the test says. */
function threeReplicas() {
  const clock = { at: 1_700_000_000_000, now: () => clock.at };
  const ids = [1, 2, 3];
  const deaf = new Set<number>();
  const cutOff = new Set<number>();
  const missing = new Set<number>(); // hears Kafka, but not this participant
  const beating = new Set(['east']);
  const said = new Map<number, { at: number; observation: Observation }>();
  const registries = ids.map((own) => {
    const received = () =>
      [...said]
        .filter(([id]) => id !== own)
        .map(([observer, { at, observation }]) => {
          return { observer, nodeId: observer, observation, ageMs: clock.at - at };
        });
    const registry = new ParticipantRegistry({
      clock,
      messenger: {
        get hears() {
          return !deaf.has(own);
        },
      },
      observers: { own, nodeId: own, voters: new Set(ids), received },
      lagOf: () => 0,
    });
    registry.register({
      name: 'east',
      isolation: 'local',
      operations: heartbeatOf('east').operations,
      registeredAt: 0,
    });
    return registry;
  });
  const pass = (ms: number) => {
    for (let passed = 0; passed < ms; passed += 250) {
      clock.at += 250;
      for (const [index, registry] of registries.entries()) {
        const own = index + 1;
        const isHeard = clock.at % 1000 === 0 && !deaf.has(own) && !missing.has(own);
        if (isHeard) for (const name of beating) registry.heard(heartbeatOf(name));
        const observation = registry.observation();
        if (clock.at % 500 === 0 && !cutOff.has(own)) said.set(own, { at: clock.at, observation });
      }
    }
  };
  const begin = (own = 1) => registries[own - 1]?.check({ participant: 'east', operation: 'debit', input: {} }).name;
  const view = (own = 1) => registries[own - 1]?.view('east');
  pass(15_000);
  return { deaf, cutOff, missing, beating, pass, begin, view, registries };
}
const down = expect.objectContaining({
  code: 'participant-unavailable',
  retryable: true,
  details: { participant: 'east', retryAfterMs: 1000 },
});

describe('three replicas', () => {
  it('refuse work for a participant that all of them miss, and take it at its first heartbeat', () => {
    const { beating, pass, begin, view, registries } = threeReplicas();
    expect(begin()).toBe('east');
    beating.clear();
    pass(2000);
    expect(begin()).toBe('east');
    pass(8000);
    for (const own of [1, 2, 3]) expect(() => begin(own)).toThrow(down);
    expect(view()).toMatchObject({
      health: 'down',
      observers: [1, 2, 3].map((nodeId) => ({ nodeId, word: 'suspected', suspicion: expect.any(Number) })),
    });
    registries[0]?.heard(heartbeatOf('east')); // the words of the others are still the old ones
    expect(begin()).toBe('east');
    expect(view()).toMatchObject({ health: 'up', suspicion: expect.closeTo(0, 1) });
  });

  it.each([1, 2, 3])('condemn nobody by the bad link of replica %d, whoever is asked', (one) => {
    for (const kind of ['deaf', 'missing'] as const) {
      const replicas = threeReplicas();
      replicas[kind].add(one);
      for (let seconds = 0; seconds < 60; seconds += 1) {
        replicas.pass(1000);
        for (const own of [1, 2, 3]) expect(replicas.begin(own)).toBe('east');
      }
      const word = kind === 'deaf' ? 'unknown' : 'suspected';
      expect(replicas.view(one)).toMatchObject({ health: 'up', observers: [{ nodeId: one, word }, {}, {}] });
      const told = replicas.view((one % 3) + 1)?.observers.find(({ nodeId }) => nodeId === one);
      expect(told).toMatchObject({ word });
    }
  });

  it('condemn by two of three when the third is cut off, also where the one that is asked hears nothing', () => {
    const { cutOff, deaf, beating, pass, begin, view } = threeReplicas();
    beating.clear();
    cutOff.add(3);
    pass(10_000);
    expect(() => begin(1)).toThrow(down);
    expect(view(1)?.observers.map(({ nodeId }) => nodeId)).toEqual([1, 2]);
    const others = threeReplicas();
    others.deaf.add(1);
    others.beating.clear();
    others.pass(10_000);
    expect(() => others.begin(1)).toThrow(down);
    expect(deaf.size).toBe(0);
  });

  it('condemn nobody on the word of one that hears from no other', () => {
    const { cutOff, beating, pass, begin, view } = threeReplicas();
    beating.clear();
    for (const own of [2, 3]) cutOff.add(own);
    pass(30_000);
    expect(begin(1)).toBe('east');
    expect(view(1)).toMatchObject({ health: 'unknown', observers: [{ nodeId: 1, word: 'suspected' }] });
  });

  it('condemn nobody while Kafka is away, nor for what they did not hear then', () => {
    const { deaf, beating, pass, begin } = threeReplicas();
    for (const own of [1, 2, 3]) deaf.add(own);
    pass(60_000);
    expect(begin()).toBe('east');
    deaf.clear();
    beating.clear();
    pass(2000); // the participant takes its time to find Kafka again
    expect(begin()).toBe('east');
    beating.add('east');
    pass(30_000);
    expect(begin()).toBe('east');
  });

  it('take a goodbye at its word, without a majority', () => {
    const { begin, view, registries, beating, pass } = threeReplicas();
    beating.clear();
    registries[0]?.heard(heartbeatOf('east', { stopping: true }));
    expect(() => begin(1)).toThrow(down);
    expect(view(1)?.health).toBe('down');
    expect(begin(2)).toBe('east'); // it has not been told yet
    beating.add('east');
    pass(1000);
    expect(begin(1)).toBe('east');
  });
});
