import { quote } from './sql.js';
import type { Column, VersionedTable } from './table.js';

/** Bounds for one column; all that are given must hold. */
export interface Comparison {
  readonly eq?: unknown;
  readonly gt?: unknown;
  readonly gte?: unknown;
  readonly lt?: unknown;
  readonly lte?: unknown;
  readonly in?: readonly unknown[];
}

/** Conditions by column, all of which must hold. A plain value means equality; null means IS NULL. */
export type Filter = Readonly<Record<string, unknown | Comparison>>;

const OPERATORS: Readonly<Record<keyof Comparison, string>> = {
  eq: '=',
  gt: '>',
  gte: '>=',
  lt: '<',
  lte: '<=',
  in: '= ANY',
};

export interface Condition {
  /** A condition on the columns of `v`. */
  readonly sql: string;
  readonly values: readonly unknown[];
}

/**
 * A filter as SQL. Values go as parameters, cast to the type of their column, so that an index on it is used.
 * @param first number of the first parameter
 * @throws TypeError for an unknown column, an unknown operator, or undefined, which would silently match everything
 */
export function conditionOf(table: VersionedTable, filter: Filter, first: number): Condition {
  const values: unknown[] = [];
  const terms = Object.entries(filter).flatMap(([name, wanted]) => {
    const column = table.columns.find((one) => one.name === name);
    if (!column) throw new TypeError(`${table.entity} has no column ${name}`);
    const comparison: Comparison = isComparison(wanted) ? wanted : { eq: wanted };
    return Object.entries(comparison).map(([operator, value]) => {
      if (value === undefined) throw new TypeError(`the filter on ${name} of ${table.entity} is undefined`);
      if (operator === 'eq' && value === null) return `v.${quote(name)} IS NULL`;
      values.push(value);
      return term(column, operator, first + values.length - 1);
    });
  });
  return { sql: terms.length > 0 ? terms.join(' AND ') : 'true', values };
}

function term({ name, type }: Column, operator: string, parameter: number): string {
  if (!Object.hasOwn(OPERATORS, operator)) throw new TypeError(`${operator} is no operator of a filter`);
  const value = operator === 'in' ? `($${parameter}::${type}[])` : `$${parameter}::${type}`;
  return `v.${quote(name)} ${OPERATORS[operator as keyof Comparison]} ${value}`;
}

function isComparison(value: unknown): value is Comparison {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
