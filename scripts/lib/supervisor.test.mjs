import { describe, expect, it } from '@jest/globals';
import { supervise } from './supervisor.mjs';

/** Things that run until a test ends them. */
function stand() {
  const launched = [];
  const waiting = [];
  let failures = 0;
  return {
    launched,
    failNext: (times) => {
      failures = times;
    },
    /** The next launch. */
    next: () => new Promise((resolve) => waiting.push(resolve)),
    async launch() {
      if (failures > 0) {
        failures -= 1;
        throw new Error('no room');
      }
      const { promise: exited, resolve: end } = Promise.withResolvers();
      const running = {
        pid: launched.length + 1,
        exited,
        end,
        stop: async () => end('stopped'),
        kill: () => end('killed'),
      };
      launched.push(running);
      for (const resolve of waiting.splice(0)) resolve(running);
      return running;
    },
  };
}

const keep = (it_, deaths = []) =>
  supervise({
    name: 'app',
    launch: it_.launch,
    onChange: () => {},
    onDeath: (death) => deaths.push(death),
    backoff: () => 0,
  });

describe('what is supervised', () => {
  it('is started again whenever it ends', async () => {
    const things = stand();
    const deaths = [];
    const supervised = keep(things, deaths);
    await supervised.start();
    for (const pid of [2, 3]) {
      const next = things.next();
      things.launched.at(-1).end('exit code 1');
      await next;
      await Promise.resolve();
      expect(supervised.pid).toBe(pid);
    }
    expect(supervised.deaths).toBe(2);
    expect(deaths.map(({ ending }) => ending)).toEqual(['exit code 1', 'exit code 1']);
    await supervised.stop();
    expect(supervised.pid).toBeNull();
    expect(things.launched).toHaveLength(3);
  });

  it('is tried again when it cannot be started again', async () => {
    const things = stand();
    const deaths = [];
    const supervised = keep(things, deaths);
    await supervised.start();
    things.failNext(2);
    const next = things.next();
    things.launched[0].end('signal SIGKILL');
    await next;
    expect(deaths.map(({ ending }) => ending)).toEqual(['signal SIGKILL', 'no room', 'no room']);
    await supervised.stop();
  });

  it('fails the caller when it cannot be started the first time', async () => {
    const things = stand();
    things.failNext(1);
    await expect(keep(things).start()).rejects.toThrow('no room');
  });

  it('stays stopped, even if it was just starting', async () => {
    const things = stand();
    const supervised = keep(things);
    const starting = supervised.start();
    await supervised.stop();
    await starting;
    expect(supervised.pid).toBeNull();
    expect(things.launched).toHaveLength(1);
  });
});
