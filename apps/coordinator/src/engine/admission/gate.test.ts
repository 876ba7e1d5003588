/** The gate before a resource that does so much in a second: who gets in, when, and whether `Retry-After` is true. */
import { describe, expect, it } from '@jest/globals';
import { generator } from '../../../../../test/product/generator.mjs';
import { RETRY_AFTER_MS_MAX, WAIT_MS_MAX, WAITING_MAX } from './bounds.js';
import type { Waiting } from './fair-queue.js';
import { Gate, type Room } from './gate.js';

interface Call extends Waiting {
  readonly name: string;
}

type Fate = 'in' | 'waits' | { readonly by: string; readonly retryAfterMs: number; readonly participant?: string };

/** Places that take `serviceMs` each, on virtual time. */
class Bench {
  now = 0;
  readonly gate = new Gate<Call>();
  readonly admitted: { readonly call: Call; readonly at: number }[] = [];
  readonly expired: Call[] = [];
  readonly evicted: Call[] = [];
  readonly full = new Set<string>();
  #ends: number[] = [];

  constructor(
    readonly places: number,
    readonly serviceMs: number,
  ) {}

  get room(): Room {
    return { free: this.#ends.length < this.places, hasRoomAt: (participant) => !this.full.has(participant) };
  }

  come(caller: string, participants: readonly string[] = [], name = ''): Fate {
    const refusal = this.gate.refusal(caller, participants, this.room, this.now);
    if (refusal) return { ...refusal, retryAfterMs: this.gate.promise(refusal, this.now) };
    const call = { caller, participants, since: this.now, name };
    if (this.room.free && participants.every((one) => this.room.hasRoomAt(one))) {
      this.#letIn(call);
      return 'in';
    }
    const evicted = this.gate.wait(call, this.now);
    if (evicted) this.evicted.push(evicted);
    return 'waits';
  }

  /** Virtual time goes on, in steps of 1 ms. */
  pass(ms: number): void {
    for (const until = this.now + ms; this.now < until; ) {
      this.now += 1;
      this.#ends = this.#ends.filter((end) => end > this.now);
      this.letInAll();
      for (let one = this.gate.expired(this.now); one; one = this.gate.expired(this.now)) this.expired.push(one);
    }
  }

  letInAll(): void {
    for (let call = this.gate.next(this.room, this.now); call; call = this.gate.next(this.room, this.now)) {
      this.#letIn(call);
    }
  }

  #letIn(call: Call): void {
    this.#ends.push(this.now + this.serviceMs);
    this.admitted.push({ call, at: this.now });
  }
}

const isRefused = (fate: Fate) => typeof fate === 'object';

describe('the gate', () => {
  it('lets in at once while there is room, and nobody waits while there is', () => {
    const bench = new Bench(3, 10);
    expect([1, 2, 3, 4].map(() => bench.come('a'))).toEqual(['in', 'in', 'in', 'waits']);
    bench.pass(10);
    expect([bench.admitted.length, bench.gate.waiting]).toEqual([4, 0]);
  });

  it('is as fast for a caller with one call as if the one with a thousand were not there', () => {
    const bench = new Bench(10, 10); // 1,000/s
    for (let ms = 0; ms < 3000; ms += 1) {
      for (let n = 0; n < 5; n += 1) bench.come('greedy'); // five times as many
      if (ms % 20 === 0) expect(isRefused(bench.come('modest'))).toBe(false);
      bench.pass(1);
    }
    const modest = bench.admitted.filter(({ call }) => call.caller === 'modest');
    expect(modest.length).toBeGreaterThanOrEqual(149);
    expect(Math.max(...modest.map(({ call, at }) => at - call.since))).toBeLessThanOrEqual(20);
    expect(bench.expired).toEqual([]);
    expect(bench.admitted.length).toBeGreaterThan(2950); // and nothing of what can be done is left undone
  });

  it('shares equally among those who all ask for too much', () => {
    const bench = new Bench(10, 10);
    for (let ms = 0; ms < 4000; ms += 1) {
      bench.come('a');
      if (ms % 2 === 0) for (let n = 0; n < 8; n += 1) bench.come('b');
      bench.come('c');
      bench.pass(1);
    }
    const late = bench.admitted.filter(({ at }) => at > 1000);
    for (const caller of ['a', 'b', 'c']) {
      const share = late.filter(({ call }) => call.caller === caller).length / late.length;
      expect(share).toBeGreaterThan(0.31);
      expect(share).toBeLessThan(0.36);
    }
  });

  it('G2: bounds who waits, in number and time, and what is let in did not wait longer', () => {
    const bench = new Bench(2, 1000);
    let waitingMax = 0;
    for (let ms = 0; ms < 5000; ms += 1) {
      for (let n = 0; n < 20; n += 1) bench.come(`caller ${ms % 100}`);
      waitingMax = Math.max(waitingMax, bench.gate.waiting);
      bench.pass(1);
    }
    expect(waitingMax).toBeLessThanOrEqual(WAITING_MAX);
    expect(Math.max(...bench.admitted.map(({ call, at }) => at - call.since))).toBeLessThanOrEqual(WAIT_MS_MAX);
  });

  it('G3: where no place to wait is left, the longest queue gives one up for a caller with none', () => {
    const bench = new Bench(1, 1e9);
    const callers = Array.from({ length: 500 }, (_, at) => `caller ${at}`);
    bench.come('first');
    for (let turn = 0; bench.gate.waiting < WAITING_MAX && turn < WAITING_MAX; turn += 1) {
      bench.gate.wait({ caller: callers[turn % 400] ?? '', participants: [], since: 0, name: '' }, 0);
    }
    const evicted = bench.gate.wait({ caller: 'newcomer', participants: [], since: 0, name: '' }, 0);
    expect(evicted).toMatchObject({ caller: expect.stringMatching(/^caller/) });
    expect(bench.gate.waiting).toBe(WAITING_MAX);
  });

  it('G4: what waits for one participant keeps nothing else back, and names it when it is refused', () => {
    const bench = new Bench(10, 10);
    bench.full.add('slow');
    const fates: Fate[] = [];
    for (let ms = 0; ms < 3000; ms += 1) {
      fates.push(bench.come('a', ['slow']));
      expect(bench.come('a', ['fast'])).toBe('in');
      bench.pass(2);
    }
    expect(bench.admitted.every(({ call }) => !call.participants.includes('slow'))).toBe(true);
    expect(fates.at(-1)).toMatchObject({ by: 'participant', participant: 'slow' });
    bench.full.delete('slow');
    bench.letInAll();
    expect(bench.gate.waiting).toBe(0);
  });

  it('blames the caller that asks for more than its share, and nobody where there is only one', () => {
    const bench = new Bench(1, 100);
    const blamed = (caller: string) => {
      for (;;) {
        const fate = bench.come(caller);
        if (typeof fate === 'object') return fate.by;
      }
    };
    expect(blamed('alone')).toBe('places');
    bench.come('other');
    expect(blamed('alone')).toBe('caller');
  });
});

describe('Retry-After', () => {
  /** Callers who each have one thing to do, come back when told to (whole seconds, as the header has it), and never before. */
  function polite(bench: Bench, arrivalsAt: readonly number[], seed: number) {
    const random = generator(seed);
    const due = new Map<number, number[]>(); // by ms: how many times those who come had been told to come back
    const plan = (at: number, told: number) => due.set(at, [...(due.get(at) ?? []), told]);
    for (const at of arrivalsAt) plan(at, 0);
    const returns = { first: 0, firstIn: 0, toldMaxMs: 0, refused: 0 };
    const end = Math.max(...arrivalsAt) + 60_000;
    while (bench.now < end && (due.size > 0 || bench.gate.waiting > 0)) {
      for (const told of due.get(bench.now) ?? []) {
        const fate = bench.come('polite');
        if (told === 1) returns.first += 1;
        if (told === 1 && !isRefused(fate)) returns.firstIn += 1;
        if (typeof fate !== 'object') continue;
        returns.refused += 1;
        returns.toldMaxMs = Math.max(returns.toldMaxMs, fate.retryAfterMs);
        const seconds = Math.max(1, Math.ceil(fate.retryAfterMs / 1000));
        plan(bench.now + seconds * 1000 + Math.floor(random() * 100), told + 1);
      }
      due.delete(bench.now);
      bench.pass(1);
    }
    return { ...returns, left: due.size, waiting: bench.gate.waiting };
  }

  /** It has been at its limit before, so that it knows what it can do. */
  function experienced(ratePerS: number): Bench {
    const bench = new Bench(ratePerS / 20, 50);
    for (let ms = 0; ms < 2000; ms += 1) {
      for (let n = 0; n < ratePerS / 500; n += 1) bench.come('past');
      bench.pass(1);
    }
    bench.pass(2000);
    bench.admitted.length = 0;
    bench.expired.length = 0;
    return bench;
  }

  it.each([100, 400, 2000])(
    'lets most of those in who come back when told to, after a rush, at %d a second',
    (rate) => {
      const bench = experienced(rate);
      const calls = 6 * rate;
      const rush = Array.from({ length: calls }, (_, at) => bench.now + Math.floor((at * 50) / calls)); // within 50 ms
      const { first, firstIn, left, waiting } = polite(bench, rush, 1);
      expect(first).toBeGreaterThan(calls / 2);
      expect(firstIn / first).toBeGreaterThan(0.8);
      expect([left, waiting, bench.admitted.length + bench.expired.length]).toEqual([0, 0, calls]);
      expect(bench.expired.length).toBeLessThan(calls / 100);
      // Half of what drains is promised, and whole seconds are told: not much later than that.
      const lastAt = Math.max(...bench.admitted.map(({ at }) => at));
      expect(lastAt - (rush[0] ?? 0)).toBeLessThan(2.5 * (calls / rate) * 1000);
    },
  );

  it('lets most of those in who come back, while others come for the first time', () => {
    const bench = experienced(400);
    const random = generator(2);
    const rush = Array.from({ length: 1200 }, () => bench.now + Math.floor(random() * 500));
    const steady = Array.from({ length: 160 * 20 }, () => bench.now + Math.floor(random() * 20_000)); // 160/s
    const { first, firstIn } = polite(bench, [...rush, ...steady], 3);
    expect(first).toBeGreaterThan(300);
    expect(firstIn / first).toBeGreaterThan(0.8);
  });

  it('never says more than its bound, also where nothing drains', () => {
    const bench = new Bench(1, 1e9);
    bench.come('a');
    for (let n = 0; n < 5000; n += 1) {
      const fate = bench.come('a');
      if (typeof fate === 'object') expect(fate.retryAfterMs).toBeLessThanOrEqual(RETRY_AFTER_MS_MAX);
      bench.pass(1);
    }
  });

  it('of one caller does not grow with what another asks for', () => {
    const bench = new Bench(10, 100); // 100/s
    for (let ms = 0; ms < 2000; ms += 1) {
      for (let n = 0; n < 5; n += 1) bench.come('rude');
      bench.pass(1);
    }
    let told = 0;
    for (let n = 0; n < 200 && told === 0; n += 1) {
      const fate = bench.come('late');
      if (typeof fate === 'object') told = fate.retryAfterMs;
    }
    expect(told).toBeGreaterThan(0);
    expect(told).toBeLessThan(3000);
  });
});
