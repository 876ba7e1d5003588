import { collect } from '@concordat/snapshot';
import type pg from 'pg';
import { withConnection } from './database.js';
import type { VersionedEntities } from './versioned-entities.js';

/** Database transactions per run: what is left waits for the next one. */
const BATCHES_MAX = 50;

/**
 * Collects versions that no snapshot can need any more (S7). It goes by the watermark that was heard at the run before,
 * so that a reader at a recent snapshot has at least an interval of time.
 */
export class VersionGarbage {
  #heard = 0;
  #heardBefore = 0;
  #collected = 0;

  constructor(
    private readonly participant: string,
    private readonly pool: pg.Pool,
    private readonly entities: VersionedEntities,
    private readonly batchMax: number,
  ) {}

  /** Learns a watermark that came with a command. It only grows: a leader that was replaced may still send a lower one. */
  observe(watermark: number | undefined): void {
    if (watermark !== undefined && watermark > this.#heard) this.#heard = watermark;
  }

  /** Answers how many versions went. */
  async collect(): Promise<number> {
    const watermark = this.#heardBefore;
    this.#heardBefore = this.#heard;
    if (watermark <= this.#collected) return 0;
    let total = 0;
    for (let batch = 0; batch < BATCHES_MAX; batch += 1) {
      const { tables } = this.entities;
      const count = await withConnection(this.pool, (db) =>
        collect(db, this.participant, tables, watermark, this.batchMax),
      );
      total += count;
      if (count === 0) {
        this.#collected = watermark;
        break;
      }
    }
    return total;
  }
}
