/**
 * Who goes on at once, who waits, who is refused: the pure core of admission. It has no clock and no timers.
 *
 * Invariants:
 * - G1 While there is room for some waiting call, nobody waits: after every change `next` is called until it has nothing.
 *   So whoever comes and finds room overtakes nobody.
 * - G2 At most WAITING_MAX wait; what would wait longer than WAIT_EXPECTED_MS_MAX is refused at once, what has waited for
 *   WAIT_MS_MAX is refused then.
 * - G3 A caller whose queue is shorter than the longest finds a place to wait: the longest gives one up.
 * - G4 What waits for one participant keeps no call to others back.
 */
import { WAIT_EXPECTED_MS_MAX, WAIT_MS_MAX, WAITING_MAX } from './bounds.js';
import { DrainRate } from './drain-rate.js';
import { FairQueue, type Waiting } from './fair-queue.js';
import { Promises } from './promises.js';

/** What is known of the work under way. */
export interface Room {
  /** Whether there is a place for one more. */
  readonly free: boolean;
  /** Whether the participant may be asked for more. */
  hasRoomAt(participant: string): boolean;
}

/** Why a call is refused, and what its `Retry-After` is computed from. */
export interface Refusal {
  /** `caller`: its own excess (429). `participant`: that one owes too much. `places`: there is too much work altogether. */
  readonly by: 'caller' | 'participant' | 'places';
  readonly caller: string;
  readonly participant?: string;
  /** How long it would have to wait at the least, as is known by now. */
  readonly waitMs: number;
  /** What drains for this caller. */
  readonly ratePerMs: number;
}

/** Those who wait for one thing: a place, or one participant. */
interface Line {
  waiting: number;
  readonly rate: DrainRate;
}

const newLine = (): Line => ({ waiting: 0, rate: new DrainRate() });

export class Gate<T extends Waiting> {
  readonly #queue = new FairQueue<T>();
  readonly #places = newLine();
  /** By participant; as many as have ever been waited for. */
  readonly #lines = new Map<string, Line>();
  readonly #promises = new Promises();

  get waiting(): number {
    return this.#queue.size;
  }

  /** When the oldest has waited long enough, Unix ms. */
  get expiresAt(): number | undefined {
    const { oldest } = this.#queue;
    return oldest && oldest.since + WAIT_MS_MAX;
  }

  /** @returns undefined where the call can go on or wait */
  refusal(caller: string, participants: readonly string[], room: Room, now: number): Refusal | undefined {
    const full = participants.find((participant) => !room.hasRoomAt(participant));
    if (full === undefined && room.free) return undefined;
    let waitMs = room.free ? 0 : this.#expectedMs(caller, this.#places, now);
    let by: Refusal['by'] = 'places';
    for (const participant of participants) {
      const line = room.hasRoomAt(participant) ? undefined : this.#lines.get(participant);
      const thereMs = line ? this.#expectedMs(caller, line, now) : 0;
      if (thereMs > waitMs) {
        waitMs = thereMs;
        by = 'participant';
      }
    }
    const isCrowded = this.#queue.size >= WAITING_MAX && !this.#isShorterThanLongest(caller);
    if (waitMs <= WAIT_EXPECTED_MS_MAX && !isCrowded) return undefined;
    const participant = by === 'participant' ? full : undefined;
    const line = (participant && this.#lines.get(participant)) || this.#places;
    return {
      by: this.#isInExcess(caller) ? 'caller' : by,
      caller,
      ...(participant !== undefined && { participant }),
      waitMs,
      ratePerMs: line.rate.rate(now) / this.#callersWith(caller),
    };
  }

  /** For refusals whose cause is not a queue. */
  refusalBy(by: Refusal['by'], caller: string, now: number): Refusal {
    const ratePerMs = this.#places.rate.rate(now) / this.#callersWith(caller);
    return { by, caller, waitMs: 1 / ratePerMs, ratePerMs };
  }

  /** When whoever is refused should come back: ms from now. It counts on them, so ask once for each. */
  promise({ caller, waitMs, ratePerMs }: Refusal, now: number): number {
    return this.#promises.next(caller, waitMs, ratePerMs, now);
  }

  /** @returns the one that had to give up its place for this one (G3) */
  wait(item: T, now: number): T | undefined {
    const evicted = this.#queue.size >= WAITING_MAX ? this.#queue.oldestOfLongest() : undefined;
    if (evicted) this.leave(evicted, now);
    this.#queue.add(item);
    this.#each(item, (line) => {
      line.waiting += 1;
      line.rate.begin(now);
    });
    return evicted;
  }

  /** The next that goes on (G1). */
  next(room: Room, now: number): T | undefined {
    if (this.#queue.size === 0 || !room.free) return undefined;
    const item = this.#queue.take((participants) => participants.every((participant) => room.hasRoomAt(participant)));
    if (item) this.#left(item, now, true);
    return item;
  }

  /** @returns one that has waited too long; to be called until there is none */
  expired(now: number): T | undefined {
    const { oldest } = this.#queue;
    if (!oldest || now < oldest.since + WAIT_MS_MAX) return undefined;
    this.leave(oldest, now);
    return oldest;
  }

  /** @returns any, so that all can be told that nothing is admitted any more */
  dismiss(now: number): T | undefined {
    const { oldest } = this.#queue;
    if (oldest) this.leave(oldest, now);
    return oldest;
  }

  /** It waits no more, for whatever reason. */
  leave(item: T, now: number): void {
    if (!this.#queue.has(item)) return;
    this.#queue.remove(item);
    this.#left(item, now, false);
  }

  #left(item: T, now: number, wentOn: boolean): void {
    this.#each(item, (line) => {
      if (wentOn) line.rate.drained(now);
      line.waiting -= 1;
      if (line.waiting === 0) line.rate.end(now);
    });
  }

  #each({ participants }: Waiting, change: (line: Line) => void): void {
    change(this.#places);
    for (const participant of participants) {
      let line = this.#lines.get(participant);
      if (!line) {
        line = newLine();
        this.#lines.set(participant, line);
      }
      change(line);
    }
  }

  /** Behind all who wait, or behind as many turns of all callers as are its own. */
  #expectedMs(caller: string, { waiting, rate }: Line, now: number): number {
    if (waiting === 0) return 0;
    const turns = (this.#queue.sizeOf(caller) + 1) * this.#callersWith(caller);
    return Math.min(waiting + 1, turns) / rate.rate(now);
  }

  /** Callers that wait, this one included. */
  #callersWith(caller: string): number {
    return this.#queue.callers + (this.#queue.sizeOf(caller) === 0 ? 1 : 0);
  }

  /** Whether it has more than its share of the queue while others wait as well. */
  #isInExcess(caller: string): boolean {
    return this.#queue.callers > 1 && this.#queue.sizeOf(caller) > this.#queue.size / this.#queue.callers;
  }

  #isShorterThanLongest(caller: string): boolean {
    const longest = this.#queue.oldestOfLongest();
    return longest !== undefined && this.#queue.sizeOf(caller) < this.#queue.sizeOf(longest.caller);
  }
}
