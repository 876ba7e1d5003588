/**
 * Whether this process makes progress, for the probe that has it started again when it does not.
 *
 * - L1 A restart must help: what only others can mend is no reason for one. A replica without a leader, without Postgres or
 *   without Kafka lives, since its driver ticks and every attempt at what is away ends with an error and begins anew.
 * - L2 What counts is work that has begun and comes to no end, neither well nor badly. What fails outright (a write of the log
 *   above all) ends the process by itself, at once.
 * - L3 That the event loop turns is told by the answer itself: a process that blocks answers no probe.
 */
import type { Check } from './api.js';

/** How long each part may stand still, in ms. */
const STALL_MS_MAX = {
  /** A driver that gets no tick is dead: its timer is gone, or the node behind it has failed and nobody has heard. */
  raft: 30_000,
  /** A write to the log takes milliseconds; a disk that hangs for so long is as good as gone. */
  log: 30_000,
  /** Entries are applied in memory, at once; beginning a snapshot waits for Postgres, with a bound far below. */
  applier: 60_000,
  /** An attempt to write a batch is some statements, each with a timeout of its own: only a lost promise takes longer. */
  persister: 600_000,
} as const;

/** How long the parts of the decision log have stood still, in ms; 0 for one that has nothing to do or is closing. */
export interface LogStalls {
  readonly tickMs: number;
  readonly writeMs: number;
  readonly applyMs: number;
}

type Stalls = Record<keyof typeof STALL_MS_MAX, number>;

export class Liveness {
  #stalls: (() => Stalls) | undefined;

  constructor(private readonly stallMsMax: Stalls = STALL_MS_MAX) {}

  /** Begins to watch what runs; before that there is nothing that could be stuck, and the startup probe decides. */
  watch(log: { stalls(): LogStalls }, persister: { readonly attemptMs: number }): void {
    this.#stalls = () => {
      const { tickMs, writeMs, applyMs } = log.stalls();
      return { raft: tickMs, log: writeMs, applier: applyMs, persister: persister.attemptMs };
    };
  }

  /** One line for each part; `ok` is false for one that has stood still for longer than its bound. */
  checks(): readonly Check[] {
    return Object.entries(this.#stalls?.() ?? {}).map(([name, ms]) => {
      if (ms <= this.stallMsMax[name as keyof Stalls]) return { name, ok: true };
      return { name, ok: false, detail: `${name} has stood still for ${Math.round(ms)} ms` };
    });
  }
}
