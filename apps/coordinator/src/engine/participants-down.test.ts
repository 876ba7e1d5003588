/** What callers meet when a participant is down, and when it is back: the engine as a whole, observing on its own. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  CALLER,
  type Engine,
  heartbeatOf,
  keyed,
  leadingEngine,
  ONE_SHOT,
  pass,
  settled,
  startEngine,
} from '../../test/engine.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const LONG_S = 10;
const at = (participant: string) => ({ participant, operation: 'debit', input: { amount: 1 } });
const down = { code: 'participant-unavailable', details: { participant: 'east', retryAfterMs: 1000 } };

/** Time goes on, in which these participants send their heartbeats. */
async function beat(engine: Engine, participants: readonly string[], seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    for (const participant of participants) {
      engine.coordinator.onHeartbeat(heartbeatOf(participant, { isolation: 'global' }));
    }
    await pass(1000);
    engine.log.applyAll();
  }
}

async function start(): Promise<Engine> {
  const engine = await leadingEngine();
  void engine.coordinator.keepContact();
  await beat(engine, ['east', 'west'], LONG_S);
  return engine;
}
/** Ends its timers. */
async function stop(engine: Engine): Promise<void> {
  const stopped = engine.coordinator.stop(0);
  await pass(5000);
  await stopped;
}

describe('a participant that fell silent', () => {
  it('makes begin, enlist and execute fail fast, and nothing that does not need it', async () => {
    const engine = await start();
    const { id } = await engine.coordinator.begin({ timeoutMs: 60_000 }, CALLER);
    await beat(engine, ['west'], LONG_S);
    await expect(engine.coordinator.begin(ONE_SHOT, CALLER)).rejects.toMatchObject(down);
    await expect(engine.coordinator.begin({ branches: [at('east')] }, CALLER)).rejects.toMatchObject(down);
    await expect(engine.coordinator.enlist(id, at('east'), CALLER)).rejects.toMatchObject(down);
    await expect(engine.coordinator.execute(id, at('east'), CALLER)).rejects.toMatchObject(down);
    expect(await engine.coordinator.enlist(id, at('west'), CALLER)).toMatchObject({ status: 'enlisted' });
    expect((await engine.coordinator.begin({ branches: [at('west')] }, CALLER)).status).toBe('active');
    await stop(engine);
  });

  it('is used at its first heartbeat, and sent at once what waited for it', async () => {
    const engine = await start();
    const { id } = await engine.coordinator.begin({ branches: [at('east')], timeoutMs: 60_000 }, CALLER);
    const outcome = settled(engine.coordinator.commit(id, {}, CALLER));
    await beat(engine, ['west'], LONG_S);
    engine.messenger.take();
    engine.coordinator.onHeartbeat(heartbeatOf('east', { isolation: 'global' }));
    expect(engine.messenger.take()).toEqual(['prepare east']);
    expect((await engine.coordinator.begin({ branches: [at('east')] }, CALLER)).status).toBe('active');
    expect(outcome).toEqual({});
    await stop(engine);
  });

  it('keeps nobody from learning by its key what became of a call from before', async () => {
    const engine = await start();
    const { id } = await engine.coordinator.begin({ branches: [at('east')], timeoutMs: 60_000 }, keyed('k'));
    engine.log.applyAll();
    await beat(engine, ['west'], LONG_S);
    const again = await engine.coordinator.begin({ branches: [at('east')], timeoutMs: 60_000 }, keyed('k'));
    expect(again.id).toBe(id);
    await expect(engine.coordinator.begin({ branches: [at('east')] }, keyed('other'))).rejects.toMatchObject(down);
    await stop(engine);
  });
});

describe('a coordinator', () => {
  it('that has just started condemns nobody before there was time to hear', async () => {
    const before = await start();
    const { applied } = before.log;
    await stop(before);
    const engine = await startEngine({ term: 2, entries: applied });
    engine.log.applyAll();
    void engine.coordinator.keepContact();
    await beat(engine, [], 2);
    expect(engine.coordinator.participant('east')).toMatchObject({ health: 'unknown', instances: 0 });
    expect((await engine.coordinator.begin({ branches: [at('east')] }, CALLER)).status).toBe('active');
    await beat(engine, ['west'], LONG_S);
    await expect(engine.coordinator.begin({ branches: [at('east')] }, CALLER)).rejects.toMatchObject(down);
    await stop(engine);
  });

  it('that cannot hear condemns nobody, nor at once when it hears again', async () => {
    const engine = await start();
    engine.messenger.hears = false;
    await beat(engine, [], 30);
    expect(engine.coordinator.participant('east')).toMatchObject({ health: 'unknown', suspicion: null });
    engine.messenger.hears = true;
    await beat(engine, [], 1);
    expect((await engine.coordinator.begin({ branches: [at('east')] }, CALLER)).status).toBe('active');
    await stop(engine);
  });

  it('that comes to lead has heard all along, and condemns nobody for the change', async () => {
    const engine = await start();
    engine.log.lose();
    await beat(engine, ['east', 'west'], 2);
    engine.log.lead(2);
    engine.log.applyAll();
    expect((await engine.coordinator.begin({ branches: [at('east'), at('west')] }, CALLER)).status).toBe('active');
    expect(engine.coordinator.participants()).toMatchObject([{ health: 'up' }, { health: 'up' }]);
    await stop(engine);
  });
});
