const VERSIONED_ENTITY_METADATA = Symbol('concordat:versioned-entity');

export interface VersionedEntityOptions {
  /** Name of the table of versions; by default that of `@Entity`, followed by `_version`. */
  readonly table?: string;
  /** Groups of properties by which is searched, beside the key. */
  readonly indexes?: readonly (readonly string[])[];
  /** Groups of properties whose values no two entities may share; a null is shared by any number. */
  readonly uniques?: readonly { readonly name: string; readonly columns: readonly string[] }[];
}

/**
 * Beside TypeORM's `@Entity`, `@PrimaryColumn` and `@Column`: keeps the entity in versions, so that every snapshot of it
 * can be read. The participant makes its table at start and adds columns to it; there is no other table of the entity.
 */
export function VersionedEntity(options: VersionedEntityOptions = {}): ClassDecorator {
  return (target) => Reflect.defineMetadata(VERSIONED_ENTITY_METADATA, options, target);
}

export const versionedOptionsOf = (target: object): VersionedEntityOptions | undefined =>
  Reflect.getOwnMetadata(VERSIONED_ENTITY_METADATA, target);
