/**
 * What this replica hears of participants itself: their instances' heartbeats, and how surprising their silence is. Volatile, and
 * nobody else's word counts here.
 *
 * - A participant is as suspicious as the least suspicious of its instances.
 * - One whose last instance has said that it stops is gone, by its own word, until another one speaks.
 */
import { PhiAccrualDetector, type PhiAccrualOptions, SUSPICION_MAX } from '@concordat/failure-detection';
import { HEARTBEAT_INTERVAL_MS, type Heartbeat, type Trouble } from '@concordat/protocol';
import type { Listening } from './listening.js';
import { DOUBTED_MAX, type Doubt, type Observation, type OwnHearing } from './observers.js';
import type { Clock } from './ports.js';

/** Where silence becomes suspicion. This and the next two are chosen from measurement: docs/failure-detection.md. */
export const SUSPICION_THRESHOLD = 8;
export const DETECTOR: PhiAccrualOptions = {
  expectedIntervalMs: HEARTBEAT_INTERVAL_MS,
  intervalsMax: 100,
  intervalMsMax: 10 * HEARTBEAT_INTERVAL_MS,
  standardDeviationMsMin: 200,
  acceptablePauseMs: 2_500,
};
/** Instances kept per participant; the least recently heard makes room. */
const INSTANCES_MAX = 64;
/** An instance that died without a word is forgotten after this long, in ms. */
const INSTANCE_FORGOTTEN_MS = 60 * HEARTBEAT_INTERVAL_MS;

interface Instance {
  readonly detector: PhiAccrualDetector;
  heartbeat: Heartbeat;
  heardAt: number;
}

interface Heard {
  readonly instances: Map<string, Instance>;
  lastAt: number;
  /** The last instance has said that it stops. */
  stopped: boolean;
}

/** What a participant says of itself, of those instances that are not suspected. */
export interface Vitals {
  readonly instances: number;
  readonly lastHeartbeatAt: number | null;
  readonly preparedCount: number;
  readonly oldestInDoubtMs: number | null;
  /** Prepared in its database under its prefix, and of no transaction. */
  readonly foreignPrepared: number;
  /** Decisions that it cannot carry out, by its own word. */
  readonly troubles: readonly Trouble[];
}

const NOTHING_HEARD: Vitals = {
  instances: 0,
  lastHeartbeatAt: null,
  preparedCount: 0,
  oldestInDoubtMs: null,
  foreignPrepared: 0,
  troubles: [],
};

export class ParticipantObserver {
  readonly #heard = new Map<string, Heard>();
  /** Stands for instances that are not there. */
  readonly #absent = new PhiAccrualDetector(DETECTOR);

  constructor(
    private readonly clock: Clock,
    private readonly listening: Listening,
  ) {}

  /** @returns whether an instance speaks for the first time, or after a silence that was suspected */
  heard(heartbeat: Heartbeat): boolean {
    const now = this.clock.now();
    const since = this.listening.sinceMs ?? now; // what is heard is heard, but the time before may have gaps
    const heard = this.#heardOf(heartbeat.participant);
    const known = heard.instances.get(heartbeat.instance);
    const returned = !known || suspicionOf(known, now, since) >= SUSPICION_THRESHOLD;
    heard.lastAt = now;
    heard.instances.delete(heartbeat.instance);
    if (!heartbeat.stopping) {
      const instance = known ?? { detector: new PhiAccrualDetector(DETECTOR), heartbeat, heardAt: now };
      instance.detector.heard(now, since);
      instance.heartbeat = heartbeat;
      instance.heardAt = now;
      heard.instances.set(heartbeat.instance, instance);
    }
    forget(heard, now);
    heard.stopped = heartbeat.stopping && this.#livingOf(heard, now, since).length === 0;
    return returned && !heartbeat.stopping;
  }

  /** Whether its last instance has taken leave. */
  isStopped(participant: string): boolean {
    return this.#heard.get(participant)?.stopped ?? false;
  }

  hearing(participant: string): OwnHearing {
    const since = this.listening.sinceMs;
    if (since === undefined) return { word: 'unknown', suspicion: null };
    const suspicion = this.#suspicion(participant, this.clock.now(), since);
    if (suspicion >= SUSPICION_THRESHOLD) return { word: 'suspected', suspicion };
    const lastAt = this.#heard.get(participant)?.lastAt ?? Number.NEGATIVE_INFINITY;
    return { word: lastAt >= since ? 'alive' : 'unknown', suspicion };
  }

  /** @param participants all that are registered */
  observation(participants: Iterable<string>): Observation {
    const doubted: Doubt[] = [];
    for (const participant of participants) {
      const { word, suspicion } = this.hearing(participant);
      if (suspicion === null) return { listening: false, doubted: [] };
      if (word !== 'alive') doubted.push({ participant, word, suspicion });
      if (doubted.length === DOUBTED_MAX) break;
    }
    return { listening: true, doubted };
  }

  vitals(participant: string): Vitals {
    const heard = this.#heard.get(participant);
    if (!heard) return NOTHING_HEARD;
    const now = this.clock.now();
    const living = this.#livingOf(heard, now, this.listening.sinceMs ?? now).map(({ heartbeat }) => heartbeat);
    const ages = living.flatMap(({ oldestPreparedMs }) => (oldestPreparedMs === null ? [] : [oldestPreparedMs]));
    return {
      instances: living.length,
      lastHeartbeatAt: heard.lastAt,
      preparedCount: Math.max(0, ...living.map(({ preparedCount }) => preparedCount)),
      oldestInDoubtMs: ages.length > 0 ? Math.max(...ages) : null,
      foreignPrepared: Math.max(0, ...living.map(({ foreignPrepared = 0 }) => foreignPrepared)),
      troubles: living.flatMap(({ troubles = [] }) => troubles),
    };
  }

  #heardOf(participant: string): Heard {
    const known = this.#heard.get(participant);
    if (known) return known;
    const heard: Heard = { instances: new Map(), lastAt: 0, stopped: false };
    this.#heard.set(participant, heard);
    return heard;
  }

  #suspicion(participant: string, now: number, since: number): number {
    const heard = this.#heard.get(participant);
    if (heard?.stopped) return SUSPICION_MAX;
    const instances = [...(heard?.instances.values() ?? [])];
    if (instances.length === 0) return this.#absent.suspicion(now, Math.max(heard?.lastAt ?? since, since));
    return Math.min(...instances.map((instance) => suspicionOf(instance, now, since)));
  }

  #livingOf({ instances }: Heard, now: number, since: number): Instance[] {
    return [...instances.values()].filter((one) => suspicionOf(one, now, since) < SUSPICION_THRESHOLD);
  }
}

const suspicionOf = ({ detector }: Instance, now: number, since: number): number => detector.suspicion(now, since);

function forget({ instances }: Heard, now: number): void {
  if (instances.size > INSTANCES_MAX) instances.delete(instances.keys().next().value as string);
  for (const [instance, { heardAt }] of instances) {
    if (now - heardAt > INSTANCE_FORGOTTEN_MS) instances.delete(instance);
  }
}
