import { CircuitBreaker, type CircuitBreakerOptions, type Permit } from './circuit-breaker.js';
import type { Clock } from './clock.js';
import { ConcordatError } from './errors.js';
import type { Candidate, Policy } from './policies/policy.js';

/** The header in which every replica names who leads. */
const LEADER_HEADER = 'x-concordat-leader';

/** One coordinator that can be called. */
export class Replica implements Candidate {
  leads = false;
  /** It asked to be left alone until then. */
  #restsUntil = 0;

  constructor(
    readonly url: string,
    readonly index: number,
    readonly breaker: CircuitBreaker,
    private readonly clock: Clock,
  ) {}

  rest(restMs: number): void {
    this.#restsUntil = Math.max(this.#restsUntil, this.clock.now() + restMs);
  }

  /** How long until it can be called, in ms; 0 when it can be now. */
  get waitMs(): number {
    return Math.max(this.breaker.waitMs, this.#restsUntil - this.clock.now(), 0);
  }
}

export interface Chosen {
  readonly replica: Replica;
  readonly permit: Permit;
}

/** The replicas of one coordinator: who can be called now, who leads. */
export class Replicas {
  readonly #all: readonly Replica[];

  /** @throws ConcordatError misuse when there is no url, or one that is none */
  constructor(
    urls: readonly string[],
    private readonly policy: Policy,
    breaker: CircuitBreakerOptions,
    clock: Clock,
  ) {
    if (urls.length === 0) throw new ConcordatError('misuse', 'A client needs at least one url.');
    this.#all = urls.map((url, index) => new Replica(url, index, new CircuitBreaker(breaker, clock), clock));
  }

  get count(): number {
    return this.#all.length;
  }

  /**
   * Chooses a replica that can be called now, one that is not in `tried` where there is one.
   * @param onlyUntried whether one that was tried is of no use
   * @returns undefined when there is none
   */
  choose(needsLeader: boolean, tried: ReadonlySet<Replica>, onlyUntried = false): Chosen | undefined {
    const callable = this.#all.filter(({ waitMs }) => waitMs === 0);
    const untried = callable.filter((replica) => !tried.has(replica));
    const candidates = untried.length > 0 || onlyUntried ? untried : callable;
    if (candidates.length === 0) return undefined;
    const replica = this.policy.pick(candidates, needsLeader);
    const permit = replica.breaker.permit();
    return permit && { replica, permit };
  }

  hasUntried(tried: ReadonlySet<Replica>): boolean {
    return this.#all.some((replica) => replica.waitMs === 0 && !tried.has(replica));
  }

  /** How long until some replica can be called, in ms. */
  get waitMs(): number {
    return Math.min(...this.#all.map(({ waitMs }) => waitMs));
  }

  /** Learns who leads. A leader under a url that we do not know is of no use to us. */
  learn(headers: Headers): void {
    const leader = headers.get(LEADER_HEADER);
    if (leader === null) return;
    for (const replica of this.#all) replica.leads = sameOrigin(replica.url, leader);
  }

  /** It did not answer: it may lead no more, and who leads will be heard from the others. */
  forgetLeader(replica: Replica): void {
    replica.leads = false;
  }
}

function sameOrigin(one: string, other: string): boolean {
  return URL.canParse(one) && URL.canParse(other) && new URL(one).origin === new URL(other).origin;
}
