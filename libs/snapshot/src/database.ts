/** What a statement answered; the form in which node-postgres says it. */
export interface QueryAnswer {
  readonly rows: Record<string, unknown>[];
  readonly rowCount: number | null;
}

/**
 * A connection to a participant's Postgres, or (for reads alone) a pool of them.
 *
 * Statements given one after the other without waiting run in that order; a driver that pipelines saves round trips.
 * A text with values is always one statement and comes again and again in the same words, so that a driver may
 * prepare it by name; a text without values may be several statements.
 */
export interface Database {
  query(text: string, values?: readonly unknown[]): Promise<QueryAnswer>;
}
