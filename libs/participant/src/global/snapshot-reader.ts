import {
  type Database,
  encodeKey,
  type Filter,
  type KeyValues,
  keyOf,
  type ReadContext,
  type Row,
  readKeys,
  type StatusSource,
  scan,
  type VersionedTable,
  type WriteSet,
} from '@concordat/snapshot';
import type { EntityClass, FindOptions, Key, SnapshotReader } from './store.js';
import type { VersionedEntities } from './versioned-entities.js';

/** What reads need that are not of one snapshot. */
export interface ReadSources {
  readonly db: Database;
  readonly statuses: StatusSource;
  readonly participant: string;
  readonly entities: VersionedEntities;
  /** Rows that one `find` may have to look at. */
  readonly scanCandidatesMax: number;
}

/** Reads versioned entities at one snapshot. Whoever makes one has heard of an applied number of at least it (S2). */
export class EntityReader implements SnapshotReader {
  protected readonly context: ReadContext;

  constructor(
    protected readonly sources: ReadSources,
    readonly snapshot: number,
  ) {
    const { db, statuses, participant } = sources;
    this.context = { db, statuses, participant, snapshot };
  }

  async get<Entity extends object>(entity: EntityClass<Entity>, key: Key<Entity>): Promise<Entity | undefined> {
    const [found] = await this.getMany(entity, [key]);
    return found;
  }

  async getMany<Entity extends object>(entity: EntityClass<Entity>, keys: readonly Key<Entity>[]): Promise<Entity[]> {
    if (keys.length === 0) return [];
    const type = this.sources.entities.of(entity);
    const wanted = keys.map((key) => type.keyOf(key));
    const rows = await this.read(type.table, wanted);
    return wanted.flatMap((key) => {
      const row = rows.get(encodeKey(type.table, key));
      return row ? [type.entityOf(row)] : [];
    });
  }

  async find<Entity extends object>(entity: EntityClass<Entity>, options: FindOptions<Entity> = {}): Promise<Entity[]> {
    const type = this.sources.entities.of(entity);
    const filter = options.where ? type.filterOf(options.where) : {};
    const after = options.after && type.keyOf(options.after);
    const rows = await this.scan(type.table, after ? behind(filter, type.table, after) : filter);
    const first = after ? positionAfter(rows, type.table, after) : 0;
    const last = options.limit === undefined ? rows.length : first + options.limit;
    return rows.slice(first, last).map((row) => type.entityOf(row));
  }

  protected read(table: VersionedTable, keys: readonly KeyValues[]): Promise<ReadonlyMap<string, Row>> {
    return readKeys(this.context, table, keys);
  }

  protected scan(table: VersionedTable, filter: Filter, own?: WriteSet): Promise<readonly Row[]> {
    return scan(this.context, table, filter, this.sources.scanCandidatesMax, own);
  }
}

/** Narrows a filter to what can lie behind a key: the first column of the key serves, the rest is cut off afterwards. */
function behind(filter: Filter, table: VersionedTable, after: KeyValues): Filter {
  const first = table.key[0] as string;
  // A condition of the filter on that column is narrower already.
  return first in filter ? filter : { ...filter, [first]: { gte: after[0] } };
}

/** Where in rows that are ordered by key those behind a key begin. */
function positionAfter(rows: readonly Row[], table: VersionedTable, after: KeyValues): number {
  const position = rows.findIndex((row) => compareKeys(table, keyOf(table, row), after) > 0);
  return position < 0 ? rows.length : position;
}

/** The order of the database: text by its bytes, numbers by their value. */
function compareKeys(table: VersionedTable, a: KeyValues, b: KeyValues): number {
  for (const [index, name] of table.key.entries()) {
    const type = table.columns.find((column) => column.name === name)?.type ?? '';
    const [left, right] = [String(a[index]), String(b[index])];
    const order = /int/i.test(type)
      ? Number(BigInt(left) - BigInt(right))
      : Buffer.compare(Buffer.from(left), Buffer.from(right));
    if (order !== 0) return order;
  }
  return 0;
}
