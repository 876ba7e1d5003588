import { UNIQUE_TABLE } from './schema.js';
import { encodeKey, type KeyValues, keyOf, type Row, type UniqueConstraint, type VersionedTable } from './table.js';

/** What a transaction leaves of one row. */
export interface Write {
  readonly table: VersionedTable;
  readonly key: KeyValues;
  readonly deleted: boolean;
  /** Null in a deletion. */
  readonly row: Row | null;
}

/** A value that a unique constraint allows once belongs to another row. */
export class UniqueViolation extends Error {
  override readonly name = 'UniqueViolation';
  constructor(
    readonly entity: string,
    readonly constraint: string,
  ) {
    super(`another row of ${entity} has this value already (${constraint})`);
  }
}

/** Rows of the unique table as a snapshot shows them, by encoded key: what `readKeys(UNIQUE_TABLE, …)` answered. */
export type UniqueOwners = ReadonlyMap<string, Row>;

/**
 * The writes of one session, in memory until its prepare. Each row has one write, its last.
 *
 * A unique value is a row of UNIQUE_TABLE that names its owner (S3). So two transactions that take the same value write
 * the same row, and the rules for rows (first committer wins, S4) are those of unique constraints too.
 */
export class WriteSet {
  /** By name of the table, then by encoded key. */
  readonly #tables = new Map<string, Map<string, Write>>();

  get isEmpty(): boolean {
    return this.#tables.size === 0;
  }

  /** The row as this session sees it, given what its snapshot shows. */
  overlay(table: VersionedTable, key: KeyValues, visible: Row | undefined): Row | undefined {
    const write = this.#tables.get(table.table)?.get(encodeKey(table, key));
    return write ? (write.row ?? undefined) : visible;
  }

  /** The keys of UNIQUE_TABLE that are to be read before `row` is inserted, or put in the place of `before`. */
  uniqueKeys(table: VersionedTable, row: Row, before?: Row): readonly KeyValues[] {
    return changedUniques(table, before, row).flatMap(({ taken }) => (taken ? [taken] : []));
  }

  /**
   * The caller has seen that the session sees no row of that key. Columns that are left out become null.
   * @returns the row as it was written
   * @throws UniqueViolation
   * @throws TypeError for an unknown column, or a null where the column allows none
   */
  insert(table: VersionedTable, row: Row, owners: UniqueOwners): Row {
    return this.#put(table, undefined, row, owners);
  }

  /**
   * @param before the whole row as the session sees it (overlaid)
   * @param changes columns with their new values; those of the key stay
   * @returns the row as it was written
   * @throws UniqueViolation, and TypeError as `insert` does
   */
  update(table: VersionedTable, before: Row, changes: Row, owners: UniqueOwners): Row {
    const row = { ...before, ...changes };
    if (encodeKey(table, keyOf(table, row)) !== encodeKey(table, keyOf(table, before))) {
      throw new TypeError(`the key of a row of ${table.entity} cannot be changed`);
    }
    return this.#put(table, before, row, owners);
  }

  /** @param before the whole row as the session sees it (overlaid) */
  remove(table: VersionedTable, before: Row): void {
    for (const { released } of changedUniques(table, before, undefined)) this.#release(released);
    this.#set({ table, key: keyOf(table, before), deleted: true, row: null });
  }

  /** The writes to one table. */
  writesTo(table: VersionedTable): readonly Write[] {
    return [...(this.#tables.get(table.table)?.values() ?? [])];
  }

  /** Everything, rows of unique values among them. */
  toWrites(): readonly Write[] {
    return [...this.#tables.values()].flatMap((writes) => [...writes.values()]);
  }

  #put(table: VersionedTable, before: Row | undefined, given: Row, owners: UniqueOwners): Row {
    const row = completeRow(table, given);
    const key = keyOf(table, row);
    const owner = encodeKey(table, key);
    const changes = changedUniques(table, before, row);
    for (const { constraint, taken } of changes) {
      if (!taken) continue;
      const present = this.overlay(UNIQUE_TABLE, taken, owners.get(encodeKey(UNIQUE_TABLE, taken)));
      if (present && present.owner !== owner) throw new UniqueViolation(table.entity, constraint.name);
    }
    for (const { released } of changes) this.#release(released);
    for (const { taken } of changes) {
      if (taken) this.#set({ table: UNIQUE_TABLE, key: taken, deleted: false, row: uniqueRow(taken, owner) });
    }
    this.#set({ table, key, deleted: false, row });
    return row;
  }

  #release(key: KeyValues | undefined): void {
    if (key) this.#set({ table: UNIQUE_TABLE, key, deleted: true, row: null });
  }

  #set(write: Write): void {
    const { table, key } = write;
    const writes = this.#tables.get(table.table) ?? new Map<string, Write>();
    this.#tables.set(table.table, writes);
    writes.set(encodeKey(table, key), write);
  }
}

function completeRow(table: VersionedTable, given: Row): Row {
  for (const name of Object.keys(given)) {
    if (!table.columns.some((column) => column.name === name)) {
      throw new TypeError(`${table.entity} has no column ${name}`);
    }
  }
  return Object.fromEntries(
    table.columns.map(({ name, nullable }) => {
      const value = given[name] ?? null;
      if (value === null && !nullable) throw new TypeError(`${name} of ${table.entity} cannot be null`);
      return [name, value];
    }),
  );
}

interface UniqueChange {
  readonly constraint: UniqueConstraint;
  readonly released: KeyValues | undefined;
  readonly taken: KeyValues | undefined;
}

/** The constraints whose value differs between two states of a row. */
function changedUniques(table: VersionedTable, before: Row | undefined, after: Row | undefined): UniqueChange[] {
  return table.uniques.flatMap((constraint) => {
    const released = before && uniqueKey(table, constraint, before);
    const taken = after && uniqueKey(table, constraint, after);
    if (released?.[2] === taken?.[2]) return [];
    return [{ constraint, released, taken }];
  });
}

/** Undefined where a null frees the row from the constraint. */
function uniqueKey(table: VersionedTable, { name, columns }: UniqueConstraint, row: Row): KeyValues | undefined {
  const values = columns.map((column) => row[column] ?? null);
  if (values.includes(null)) return undefined;
  return [table.entity, name, encodeKey({ ...table, key: columns }, values)];
}

const uniqueRow = ([entity, name, value]: KeyValues, owner: string): Row => ({ entity, name, value, owner });
