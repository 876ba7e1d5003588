import { describe, expect, it } from '@jest/globals';
import { heartbeatOf } from '../../test/engine.js';
import { Listening } from './listening.js';
import { ParticipantObserver, SUSPICION_THRESHOLD } from './participant-observer.js';

/** An observer whose clock and hearing the test controls; it looks up four times a second, as the product does. */
function start() {
  let now = 1_700_000_000_000;
  let hears = true;
  const clock = { now: () => now };
  const listening = new Listening(clock, () => hears);
  const observer = new ParticipantObserver(clock, listening);
  const beating = new Set<string>();
  const beat = (instance = 'a', over: Parameters<typeof heartbeatOf>[1] = {}) =>
    observer.heard(heartbeatOf('east', { instance, ...over }));
  return {
    observer,
    beating,
    beat,
    deafen: (isDeaf: boolean) => {
      hears = !isDeaf;
    },
    /** Time in which nothing of this process runs. */
    standStill: (ms: number) => {
      now += ms;
    },
    /** Time goes on; those that beat do so once a second, if they can be heard. */
    pass: (ms: number) => {
      for (let passed = 0; passed < ms; passed += 250) {
        now += 250;
        void listening.sinceMs;
        if (now % 1000 === 0 && hears) for (const instance of beating) beat(instance);
      }
    },
    word: () => observer.hearing('east').word,
  };
}
const LONG_MS = 15_000;

describe('a participant that falls silent', () => {
  it('is suspected after seconds, more and more, and no longer when it is heard again', () => {
    const { beating, pass, observer, word, beat } = start();
    beating.add('a');
    pass(LONG_MS);
    expect(word()).toBe('alive');
    beating.clear();
    pass(2000);
    expect(word()).toBe('alive');
    pass(8000);
    const { suspicion } = observer.hearing('east');
    expect(word()).toBe('suspected');
    expect(suspicion).toBeGreaterThan(SUSPICION_THRESHOLD);
    expect(observer.vitals('east')).toMatchObject({ instances: 0, lastHeartbeatAt: expect.any(Number) });
    expect(beat('a')).toBe(true); // returned, to be sent what waits for it
    expect(word()).toBe('alive');
    expect(beat('a')).toBe(false);
  });

  it('is alive while one of its instances is, and its figures are those of the living', () => {
    const { beating, pass, observer, word, beat } = start();
    beating.add('b');
    beat('a', { preparedCount: 7 });
    pass(LONG_MS);
    expect(word()).toBe('alive');
    expect(observer.vitals('east')).toMatchObject({ instances: 1, preparedCount: 0 });
  });

  it('stays suspected when its instances are forgotten, and one not heard since the start becomes so', () => {
    const { beat, pass, word, observer } = start();
    expect(word()).toBe('unknown');
    beat();
    pass(300_000);
    expect(word()).toBe('suspected');
    observer.heard(heartbeatOf('west'));
    expect(observer.observation(['east', 'west', 'never'])).toMatchObject({
      listening: true,
      doubted: [
        { participant: 'east', word: 'suspected' },
        { participant: 'never', word: 'suspected' },
      ],
    });
  });
});

describe('a participant that takes leave', () => {
  it('is gone at once when its last living instance does, until another speaks', () => {
    const { beat, beating, pass, observer, word } = start();
    beating.add('a').add('b');
    beat('died');
    pass(LONG_MS);
    beat('a', { stopping: true });
    beating.delete('a');
    expect([word(), observer.isStopped('east')]).toEqual(['alive', false]);
    beating.delete('b');
    expect(beat('b', { stopping: true })).toBe(false);
    expect([word(), observer.isStopped('east')]).toEqual(['suspected', true]);
    expect(beat('c')).toBe(true);
    expect([word(), observer.isStopped('east')]).toEqual(['alive', false]);
  });
});

describe('an observer that cannot hear', () => {
  it('suspects nobody, and gives everybody time when it hears again', () => {
    const { beating, pass, deafen, word, observer } = start();
    beating.add('a');
    pass(LONG_MS);
    deafen(true);
    pass(60_000);
    expect(observer.hearing('east')).toEqual({ word: 'unknown', suspicion: null });
    expect(observer.observation(['east'])).toEqual({ listening: false, doubted: [] });
    deafen(false);
    pass(750);
    expect(word()).not.toBe('suspected');
    pass(LONG_MS);
    expect(word()).toBe('alive');
  });

  it('suspects one that died meanwhile only after it has listened for itself', () => {
    const { beat, pass, deafen, word } = start();
    beat();
    deafen(true);
    pass(60_000);
    deafen(false);
    pass(2000);
    expect(word()).toBe('unknown');
    pass(8000);
    expect(word()).toBe('suspected');
  });

  it('holds it against nobody that it stood still itself, or that its clock was set forward', () => {
    const { beating, pass, standStill, word, beat } = start();
    beating.add('a');
    pass(LONG_MS);
    standStill(3_600_000);
    expect(word()).toBe('unknown');
    expect(beat('a')).toBe(false); // it was here all the time
    pass(LONG_MS);
    expect(word()).toBe('alive');
  });
});

describe('instances', () => {
  it('are told new from known', () => {
    const { beat } = start();
    expect(['a', 'a', 'b'].map((instance) => beat(instance))).toEqual([true, false, true]);
    expect(beat('c', { stopping: true })).toBe(false);
  });

  it('are kept up to a bound, those heard last', () => {
    const { beat, observer } = start();
    for (let i = 0; i < 100; i += 1) beat(`i${i}`);
    expect(observer.vitals('east').instances).toBe(64);
  });
});
