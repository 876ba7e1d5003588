/**
 * Whether new work is taken now: what has to be there for it, how much of it may be under way, and who waits for how
 * long. The rules are in admission/gate.ts, the counts in load.ts; here are the clock, the timer and the errors.
 *
 * Admitted are begins and operations that run at once. Commits, rollbacks and reads are not: what finishes work is
 * never refused because there is too much of it.
 */
import { ConcordatError, type ErrorCode } from '@concordat/protocol';
import { BEGIN_HOLDS_MS, CALLER_SHARE_MAX } from './admission/bounds.js';
import { Gate, type Refusal, type Room } from './admission/gate.js';
import type { AdmissionApi, Turnaway } from './api.js';
import { unavailable } from './errors.js';
import type { IdempotencyKeys } from './idempotency.js';
import type { Leader } from './leader.js';
import type { Replica, ReplicaPorts } from './replica.js';

/** How often those who wait are looked after, besides every change of what is under way. */
const TICK_MS = 20;

/** What asks to be admitted. */
export interface Call {
  readonly caller: string;
  /** Those that it makes work for at once. */
  readonly participants: readonly string[];
  readonly kind: 'begin' | 'one-shot' | 'execute';
}

export const BEGIN_ONLY = { kind: 'begin', participants: [] } as const;

/** Each participant once, in an order that does not depend on that of the branches. */
export const oneShot = (participants: readonly { readonly name: string }[]): Omit<Call, 'caller'> => ({
  kind: 'one-shot',
  participants: [...new Set(participants.map(({ name }) => name))].sort(),
});

interface WaitingCall extends Call {
  readonly since: number;
  readonly goOn: () => void;
  readonly reject: (error: ConcordatError) => void;
}

const CODES: Readonly<Record<Refusal['by'], ErrorCode>> = {
  caller: 'too-many-requests',
  participant: 'overloaded',
  places: 'overloaded',
};

export class Admission implements AdmissionApi {
  #stopping = false;
  readonly #gate = new Gate<WaitingCall>();
  /** When the places of begins without a commit are given back, Unix ms, the first first. */
  #holds: number[] = [];
  #tick: NodeJS.Timeout | undefined;
  #isLettingIn = false;

  constructor(
    private readonly replica: Pick<Replica, 'leader' | 'persister'>,
    private readonly ports: Pick<ReplicaPorts, 'messenger' | 'clock' | 'metrics' | 'inFlightMax'>,
    private readonly keys: Pick<IdempotencyKeys, 'isKnown'>,
  ) {}

  get stopping(): boolean {
    return this.#stopping;
  }

  /** Places that are taken. */
  get working(): number {
    return this.replica.leader?.load.working(this.ports.clock.now()) ?? 0;
  }

  /** Calls that wait for a place. */
  get waiting(): number {
    return this.#gate.waiting;
  }

  /** D10: nothing new is admitted from now on. */
  stop(): void {
    this.#stopping = true;
    this.dismissAll(unavailable('stopping', 'This coordinator is stopping.'));
  }

  /** Nobody is let in here any more: this replica stops, or leads no more. */
  dismissAll(error: ConcordatError): void {
    const now = this.ports.clock.now();
    for (let call = this.#gate.dismiss(now); call; call = this.#gate.dismiss(now)) call.reject(error);
    this.#holds = [];
  }

  /** Work that is sent to participants needs Kafka. @throws ConcordatError kafka-unavailable */
  admitWork(): void {
    if (!this.ports.messenger.available) throw unavailable('kafka-unavailable', 'Kafka cannot be reached.');
  }

  /**
   * Lets a call go on, at once or when it is its turn.
   * @param go begins the work, synchronously, so that it is counted before the next is let in
   * @returns what `go` returned
   * @throws ConcordatError stopping, kafka-unavailable, persistence-backlog-full, overloaded, too-many-requests
   */
  async admit<R>(leader: Leader, call: Call, go: () => R): Promise<R> {
    this.#checkSurroundings(call);
    const now = this.ports.clock.now();
    const refused = this.#refusal(leader, call, now);
    if (refused) throw this.#turnAway(refused, now);
    const room = this.#room(leader, now);
    if (room.free && call.participants.every((participant) => room.hasRoomAt(participant))) {
      return this.#letIn(call, now, now, go);
    }
    return new Promise<R>((resolve, reject) => {
      const goOn = () => {
        try {
          this.#checkSurroundings(call);
          resolve(this.#letIn(call, now, this.ports.clock.now(), go));
        } catch (error) {
          reject(error);
        }
      };
      const evicted = this.#gate.wait({ ...call, since: now, goOn, reject }, now);
      evicted?.reject(this.#turnAway(this.#gate.refusalBy('caller', evicted.caller, now), now));
      this.#keepTicking();
    });
  }

  /** What is under way has changed. */
  onProgress(): void {
    if (this.#gate.waiting === 0 || this.#isLettingIn) return;
    const leader = this.replica.leader;
    if (!leader) return;
    const now = this.ports.clock.now();
    this.#isLettingIn = true; // what goes on changes what is under way, too
    for (;;) {
      const call = this.#gate.next(this.#room(leader, now), now);
      if (!call) break;
      call.goOn();
    }
    this.#isLettingIn = false;
  }

  turnaway(caller: string, participants: readonly string[], key = ''): Turnaway | undefined {
    const leader = this.replica.leader;
    if (!leader?.ready || this.#stopping) return undefined;
    const now = this.ports.clock.now();
    const refused = this.#refusal(leader, { caller, participants, kind: 'one-shot' }, now);
    if (!refused || (key !== '' && this.keys.isKnown(caller, key))) return undefined;
    return {
      promise: () => {
        this.ports.metrics.turnedAway(refused.by, refused.caller);
        return this.#gate.promise(refused, now);
      },
      code: CODES[refused.by],
      message: messageOf(refused),
      ...(refused.participant !== undefined && { participant: refused.participant }),
    };
  }

  #checkSurroundings({ kind }: Call): void {
    if (this.#stopping && kind !== 'execute') throw unavailable('stopping', 'This coordinator is stopping.');
    this.admitWork();
    if (kind !== 'execute' && this.replica.persister.full) {
      throw unavailable('persistence-backlog-full', 'Too many records wait for Postgres.');
    }
  }

  #refusal(leader: Leader, { caller, participants, kind }: Call, now: number): Refusal | undefined {
    if (kind !== 'execute') {
      if (leader.inFlight >= this.ports.inFlightMax) return this.#gate.refusalBy('places', caller, now);
      const callerMax = Math.ceil(this.ports.inFlightMax * CALLER_SHARE_MAX);
      if (leader.load.of(caller) >= callerMax) return this.#gate.refusalBy('caller', caller, now);
    }
    return this.#gate.refusal(caller, participants, this.#room(leader, now), now);
  }

  #room({ load, inFlight }: Leader, now: number): Room {
    while (this.#holds.length > 0 && (this.#holds[0] as number) <= now) this.#holds.shift();
    return {
      free: load.working(now) + this.#holds.length < load.places && inFlight < this.ports.inFlightMax,
      hasRoomAt: (participant) => load.lagOf(participant) < load.lagMaxOf(participant),
    };
  }

  #letIn<R>({ kind }: Call, since: number, now: number, go: () => R): R {
    if (kind === 'begin') this.#holds.push(now + BEGIN_HOLDS_MS);
    this.ports.metrics.letIn(now - since);
    return go();
  }

  #turnAway(refused: Refusal, now: number): ConcordatError {
    this.ports.metrics.turnedAway(refused.by, refused.caller);
    return new ConcordatError(CODES[refused.by], messageOf(refused), {
      retryAfterMs: this.#gate.promise(refused, now),
      ...(refused.participant !== undefined && { participant: refused.participant }),
    });
  }

  /** While somebody waits: places come free with time alone, too, and nobody waits for ever. */
  #keepTicking(): void {
    this.#tick ??= setTimeout(() => {
      this.#tick = undefined;
      this.onProgress();
      const now = this.ports.clock.now();
      for (let call = this.#gate.expired(now); call; call = this.#gate.expired(now)) {
        const room = this.replica.leader;
        const full = room && call.participants.find((one) => room.load.lagOf(one) >= room.load.lagMaxOf(one));
        const by = this.#gate.refusalBy(full === undefined ? 'places' : 'participant', call.caller, now);
        call.reject(this.#turnAway({ ...by, ...(full !== undefined && { participant: full }) }, now));
      }
      if (this.#gate.waiting > 0) this.#keepTicking();
    }, TICK_MS);
  }
}

function messageOf({ by, participant }: Refusal): string {
  switch (by) {
    case 'caller':
      return 'This caller has more calls under way or waiting than is its share.';
    case 'participant':
      return `${participant} has too many commands to answer.`;
    case 'places':
      return 'As much work is under way as can be done.';
  }
}
