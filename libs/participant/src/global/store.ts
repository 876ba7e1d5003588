/** A versioned entity's class. */
export type EntityClass<Entity extends object> = new () => Entity;

/** Values of the properties that make the key. */
export type Key<Entity extends object> = Partial<Entity>;

/** What one column must be: a value, or bounds and choices, all of which must hold. */
export type Condition<Value> =
  | Value
  | {
      readonly eq?: Value;
      readonly gt?: Value;
      readonly gte?: Value;
      readonly lt?: Value;
      readonly lte?: Value;
      /** At most `IN_VALUES_MAX` of them. */
      readonly in?: readonly Value[];
    };

export type Where<Entity extends object> = { readonly [Property in keyof Entity]?: Condition<Entity[Property]> };

export interface FindOptions<Entity extends object> {
  /** Conditions on columns of one index, or of the key; left out: the whole table. */
  readonly where?: Where<Entity>;
  /** How many at most; the first ones in the order of the key. Left out: all. */
  readonly limit?: number;
  /** Only those behind this key, in the order of keys: the last one of the page before. */
  readonly after?: Key<Entity>;
}

/** Versioned entities at one snapshot. */
export interface SnapshotReader {
  /** The commit sequence number at which this reads. */
  readonly snapshot: number;
  /** The entity with that key, or undefined. */
  get<Entity extends object>(entity: EntityClass<Entity>, key: Key<Entity>): Promise<Entity | undefined>;
  /** Those of the keys that are there, in one round trip. The order of the answer is that of the keys. */
  getMany<Entity extends object>(entity: EntityClass<Entity>, keys: readonly Key<Entity>[]): Promise<Entity[]>;
  /** Those that match, in the order of the key. */
  find<Entity extends object>(entity: EntityClass<Entity>, options?: FindOptions<Entity>): Promise<Entity[]>;
}

/**
 * The snapshot of a transaction together with its own writes. Writes stay in memory until the prepare; another
 * transaction's write of the same key that commits in between makes the prepare refuse (first committer wins).
 */
export interface SnapshotStore extends SnapshotReader {
  /** Refuses with `already-exists` where the key is taken, `unique-violation` where a value is. */
  insert<Entity extends object>(entity: EntityClass<Entity>, values: Entity): Promise<void>;
  /**
   * Writes the whole entity, whether there was one with its key or not. Where it has no unique values nothing is read
   * for it.
   */
  put<Entity extends object>(entity: EntityClass<Entity>, values: Entity): Promise<void>;
  /** Sets the given properties of the entity with that key. Refuses with `not-found` where there is none. */
  update<Entity extends object>(
    entity: EntityClass<Entity>,
    key: Key<Entity>,
    changes: Partial<Entity>,
  ): Promise<Entity>;
  /** Answers whether there was one. */
  delete<Entity extends object>(entity: EntityClass<Entity>, key: Key<Entity>): Promise<boolean>;
}
