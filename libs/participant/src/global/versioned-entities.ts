import { type Column, type Filter, type KeyValues, keyOf, type Row, type VersionedTable } from '@concordat/snapshot';
import type { DataSource, EntityMetadata, TableColumn } from 'typeorm';
import type { ColumnMetadata } from 'typeorm/metadata/ColumnMetadata.js';
import type { Condition, EntityClass, Key, Where } from './store.js';
import { versionedOptionsOf } from './versioned-entity.decorator.js';

/** An entity, or a use of one, that the rules of versioned tables do not allow; the message says what to change. */
export class VersionedEntityError extends Error {
  override readonly name = 'VersionedEntityError';
}

/** Values that one `in` may list. */
const IN_VALUES_MAX = 1000;

type PostgresDriver = DataSource['driver'];

/** One versioned entity: its table, and the way between its objects and its rows. */
export class VersionedEntityType<Entity extends object = object> {
  readonly table: VersionedTable;
  readonly #columns: ReadonlyMap<string, ColumnMetadata>;

  constructor(
    private readonly metadata: EntityMetadata,
    private readonly driver: PostgresDriver,
  ) {
    this.#columns = new Map(metadata.columns.map((column) => [column.propertyName, column]));
    this.table = tableOf(metadata, driver, (property) => this.#column(property).databaseName);
  }

  get name(): string {
    return this.metadata.name;
  }

  /** The values of a whole entity, or of the properties that are there. Refuses properties that are no columns. */
  rowOf(values: Partial<Entity>): Row {
    return Object.fromEntries(
      Object.entries(values).map(([property, value]) => {
        const column = this.#column(property);
        return [column.databaseName, this.#stored(column, value)];
      }),
    );
  }

  entityOf(row: Row): Entity {
    const entity = this.metadata.create() as Entity;
    for (const column of this.metadata.columns) {
      column.setEntityValue(entity, this.driver.prepareHydratedValue(row[column.databaseName], column));
    }
    return entity;
  }

  keyOf(key: Key<Entity>): KeyValues {
    const row = this.rowOf(key);
    const values = keyOf(this.table, row);
    if (values.some((value) => value === undefined || value === null)) {
      throw new VersionedEntityError(`A key of ${this.name} has ${this.table.key.join(', ')}.`);
    }
    return values;
  }

  /** The filter in terms of columns. Refuses one that no index serves, since it would read the whole table. */
  filterOf(where: Where<Entity>): Filter {
    const conditions = Object.entries(where).filter(([, condition]) => condition !== undefined);
    const filter = Object.fromEntries(
      conditions.map(([property, condition]) => {
        const column = this.#column(property);
        return [column.databaseName, this.#condition(column, condition as Condition<unknown>)];
      }),
    );
    const { key, indexes, uniques } = this.table;
    const leading = new Set([key[0], ...indexes.map(([first]) => first), ...uniques.map(({ columns }) => columns[0])]);
    const names = Object.keys(filter);
    if (names.length > 0 && !names.some((name) => leading.has(name))) {
      throw new VersionedEntityError(
        `No index of ${this.name} begins with ${names.join(' or ')}: name one in @VersionedEntity({ indexes: [...] }).`,
      );
    }
    return filter;
  }

  #condition(column: ColumnMetadata, condition: Condition<unknown>): unknown {
    if (!isComparison(condition)) return this.#stored(column, condition);
    return Object.fromEntries(
      Object.entries(condition).map(([operator, value]) => {
        if (operator !== 'in') return [operator, this.#stored(column, value)];
        if (!Array.isArray(value) || value.length > IN_VALUES_MAX) {
          throw new VersionedEntityError(`"in" takes a list of at most ${IN_VALUES_MAX} values.`);
        }
        return [operator, value.map((one) => this.#stored(column, one))];
      }),
    );
  }

  /** In the form in which Postgres gives it back, so that what is written and what is read compare alike. */
  #stored(column: ColumnMetadata, value: unknown): unknown {
    const type = this.driver.normalizeType(column);
    if (JSON_TYPES.has(type)) return value;
    const persisted: unknown = this.driver.preparePersistentValue(value, column);
    return TEXTUAL_NUMBERS.has(type) && (typeof persisted === 'number' || typeof persisted === 'bigint')
      ? String(persisted)
      : persisted;
  }

  #column(property: string): ColumnMetadata {
    const column = this.#columns.get(property);
    if (column) return column;
    throw new VersionedEntityError(`${this.name} has no column "${property}".`);
  }
}

/** The versioned entities of a participant, known once its DataSource has read their metadata. */
export class VersionedEntities {
  readonly #types = new Map<unknown, VersionedEntityType>();
  #tables: readonly VersionedTable[] = [];

  /** Reads the entities of a DataSource that has connected. Throws `VersionedEntityError`. */
  read(dataSource: DataSource): void {
    for (const metadata of dataSource.entityMetadatas) {
      if (versionedOptionsOf(metadata.target as object) === undefined) continue;
      this.#types.set(metadata.target, new VersionedEntityType(metadata, dataSource.driver));
    }
    this.#tables = [...this.#types.values()].map(({ table }) => table);
    if (this.#tables.length === 0) {
      throw new VersionedEntityError(
        'A participant with global isolation needs entities with @VersionedEntity(); list them in database.entities.',
      );
    }
  }

  get tables(): readonly VersionedTable[] {
    return this.#tables;
  }

  of<Entity extends object>(entity: EntityClass<Entity>): VersionedEntityType<Entity> {
    const type = this.#types.get(entity);
    if (type) return type as unknown as VersionedEntityType<Entity>;
    throw new VersionedEntityError(`${entity.name} is not versioned: put @VersionedEntity() on it, and list it.`);
  }
}

const TEXTUAL_NUMBERS = new Set(['bigint', 'numeric']);
const JSON_TYPES = new Set(['json', 'jsonb']);
const RESERVED = new Set(['transaction_id', 'csn', 'deleted']);
const OPERATORS = new Set(['eq', 'gt', 'gte', 'lt', 'lte', 'in']);

function isComparison(condition: unknown): condition is Record<string, unknown> {
  if (typeof condition !== 'object' || condition === null || Array.isArray(condition)) return false;
  const keys = Object.keys(condition);
  return (
    Object.getPrototypeOf(condition) === Object.prototype && keys.length > 0 && keys.every((k) => OPERATORS.has(k))
  );
}

function tableOf(
  metadata: EntityMetadata,
  driver: PostgresDriver,
  databaseName: (property: string) => string,
): VersionedTable {
  const { table, indexes = [], uniques = [] } = versionedOptionsOf(metadata.target as object) ?? {};
  const fail = (problem: string) => new VersionedEntityError(`${metadata.name} cannot be versioned: ${problem}.`);
  if (metadata.relations.length > 0) throw fail('it has relations; keep keys of other entities in columns instead');
  const generated = metadata.generatedColumns[0];
  if (generated) throw fail(`"${generated.propertyName}" is generated by the database; the operation has to choose it`);
  for (const column of metadata.columns) {
    if (RESERVED.has(column.databaseName)) throw fail(`the column name "${column.databaseName}" is taken`);
  }
  const rest = metadata.columns.filter(({ isPrimary }) => !isPrimary);
  return {
    entity: metadata.name,
    table: table ?? `${metadata.tableName}_version`,
    key: metadata.primaryColumns.map((column) => column.databaseName),
    columns: [...metadata.primaryColumns, ...rest].map((column) => columnOf(column, driver)),
    indexes: indexes.map((properties) => properties.map(databaseName)),
    uniques: uniques.map(({ name, columns }) => ({ name, columns: columns.map(databaseName) })),
  };
}

function columnOf(column: ColumnMetadata, driver: PostgresDriver): Column {
  const described = {
    type: driver.normalizeType(column),
    length: driver.getColumnLength(column),
    precision: column.precision,
    scale: column.scale,
    isArray: column.isArray,
  };
  const defaultSql = driver.normalizeDefault(column);
  return {
    name: column.databaseName,
    type: driver.createFullType(described as TableColumn),
    nullable: column.isNullable,
    ...(defaultSql === undefined ? {} : { default: defaultSql }),
  };
}
