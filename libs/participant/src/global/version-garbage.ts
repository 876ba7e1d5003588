import { collect } from '@concordat/snapshot';
import type pg from 'pg';
import { withConnection } from './database.js';
import type { VersionedEntities } from './versioned-entities.js';

/**
 * Collects versions that no snapshot can need any more (S7). It goes by the watermark that was heard at the run before,
 * so that a reader at a recent snapshot has at least an interval of time.
 */
export class VersionGarbage {
  #heard = 0;
  #heardBefore = 0;

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
    if (watermark === 0) return 0;
    const { tables } = this.entities;
    // Even where the watermark stands still: what was prepared the last time may have been finalised since.
    return withConnection(this.pool, (db) => collect(db, this.participant, tables, watermark, this.batchMax));
  }
}
