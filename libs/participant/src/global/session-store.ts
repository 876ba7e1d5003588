import {
  encodeKey,
  type Filter,
  type KeyValues,
  keyOf,
  type Row,
  UNIQUE_TABLE,
  type UniqueOwners,
  UniqueViolation,
  type VersionedTable,
} from '@concordat/snapshot';
import { Refusal } from '../refusal.js';
import type { SessionData } from './session.js';
import { EntityReader, type ReadSources } from './snapshot-reader.js';
import type { EntityClass, Key, SnapshotStore } from './store.js';
import { VersionedEntityError, type VersionedEntityType } from './versioned-entities.js';

/** Rows that one transaction may write at one participant. */
const SESSION_WRITES_MAX = 10_000;

/**
 * What one operation reads and writes with: the session's snapshot under the session's own writes. It serves that
 * operation only, so that one that was given up cannot write behind the back of the next.
 *
 * A failure of a read is kept: an operation that caught it went on with less than the snapshot.
 */
export class SessionStore extends EntityReader implements SnapshotStore {
  #closed = false;
  #failure: unknown;
  #written = 0;
  /** Writes run one after the other: each looks at what the one before left. */
  #writing: Promise<unknown> = Promise.resolve();

  constructor(
    sources: ReadSources,
    private readonly data: SessionData,
    private readonly readOnly: boolean,
  ) {
    super(sources, data.snapshot);
  }

  get failure(): unknown {
    return this.#failure;
  }

  /** The operation is over: nothing is read or written through this any more. */
  close(): void {
    this.#closed = true;
  }

  insert<Entity extends object>(entity: EntityClass<Entity>, values: Entity): Promise<void> {
    return this.#write(entity, async (type) => {
      const row = type.rowOf(values);
      const before = await this.#current(type.table, keyOf(type.table, row));
      if (before) throw new Refusal('already-exists', `There is such a ${type.name} already.`);
      this.data.writes.insert(type.table, row, await this.#owners(type.table, row));
    });
  }

  put<Entity extends object>(entity: EntityClass<Entity>, values: Entity): Promise<void> {
    return this.#write(entity, async (type) => {
      const { table } = type;
      const row = type.rowOf(values);
      // What the row replaces matters to unique values only; where there are none, nothing needs to be read.
      const blind = table.uniques.length === 0;
      const key = keyOf(table, row);
      const before = blind ? this.data.writes.overlay(table, key, undefined) : await this.#current(table, key);
      const owners = await this.#owners(table, row, before);
      if (before) this.data.writes.update(table, before, row, owners);
      else this.data.writes.insert(table, row, owners);
    });
  }

  update<Entity extends object>(
    entity: EntityClass<Entity>,
    key: Key<Entity>,
    changes: Partial<Entity>,
  ): Promise<Entity> {
    return this.#write(entity, async (type) => {
      const row = type.rowOf(changes);
      const before = await this.#current(type.table, type.keyOf(key));
      if (!before) throw new Refusal('not-found', `There is no such ${type.name}.`);
      const owners = await this.#owners(type.table, { ...before, ...row }, before);
      return type.entityOf(this.data.writes.update(type.table, before, row, owners));
    });
  }

  delete<Entity extends object>(entity: EntityClass<Entity>, key: Key<Entity>): Promise<boolean> {
    return this.#write(entity, async (type) => {
      const before = await this.#current(type.table, type.keyOf(key));
      if (before) this.data.writes.remove(type.table, before);
      return before !== undefined;
    });
  }

  protected override async read(table: VersionedTable, keys: readonly KeyValues[]): Promise<ReadonlyMap<string, Row>> {
    const { data } = this;
    for (const key of keys) data.noteRead(table, key);
    const unknown = keys.filter((key) => !data.knows(table, key));
    const visible = unknown.length > 0 ? await this.#watched(() => super.read(table, unknown)) : undefined;
    for (const key of unknown) data.keepRow(table, key, visible?.get(encodeKey(table, key)));
    const rows = new Map<string, Row>();
    for (const key of keys) {
      const encoded = encodeKey(table, key);
      const row = data.writes.overlay(table, key, visible?.get(encoded) ?? data.rowOf(table, key));
      if (row) rows.set(encoded, row);
    }
    return rows;
  }

  protected override scan(table: VersionedTable, filter: Filter): Promise<readonly Row[]> {
    this.data.noteRead(table, null);
    return this.#watched(() => super.scan(table, filter, this.data.writes));
  }

  async #current(table: VersionedTable, key: KeyValues): Promise<Row | undefined> {
    return (await this.read(table, [key])).get(encodeKey(table, key));
  }

  async #owners(table: VersionedTable, row: Row, before?: Row): Promise<UniqueOwners> {
    const keys = this.data.writes.uniqueKeys(table, row, before);
    if (keys.length === 0) return NO_OWNERS;
    for (const key of keys) this.data.noteRead(UNIQUE_TABLE, key);
    return this.#watched(() => super.read(UNIQUE_TABLE, keys));
  }

  #write<Entity extends object, Answer>(
    entity: EntityClass<Entity>,
    work: (type: VersionedEntityType<Entity>) => Promise<Answer>,
  ): Promise<Answer> {
    const result = this.#writing.then(async () => {
      const type = this.sources.entities.of(entity);
      this.#check(type);
      try {
        return await work(type);
      } catch (error) {
        if (error instanceof UniqueViolation) throw new Refusal('unique-violation', error.message, { cause: error });
        throw error;
      }
    });
    this.#writing = result.catch(() => undefined); // told to whoever asked for that write
    return result;
  }

  #check(type: { readonly name: string }): void {
    this.#checkOpen();
    if (this.readOnly) throw new VersionedEntityError(`A read-only operation cannot write ${type.name}.`);
    this.#written += 1;
    if (this.#written > SESSION_WRITES_MAX) {
      throw new VersionedEntityError(`An operation may write at most ${SESSION_WRITES_MAX} times.`);
    }
  }

  #checkOpen(): void {
    if (this.#closed) throw new VersionedEntityError('The operation is over: its store is of no use any more.');
  }

  async #watched<T>(read: () => Promise<T>): Promise<T> {
    this.#checkOpen();
    try {
      const answer = await read();
      this.#checkOpen();
      return answer;
    } catch (error) {
      this.#failure ??= error;
      throw error;
    }
  }
}

const NO_OWNERS: UniqueOwners = new Map();
