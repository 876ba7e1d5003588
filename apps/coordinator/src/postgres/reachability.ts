import type { Pool } from 'pg';

const PROBE_INTERVAL_MS = 500;

/** SQLSTATE classes and codes that speak of the server or the connection, not of the statement. */
const UNREACHABLE_STATES = /^(08...|57P0[1-5]|53300|25006)$/;

/** Whether an error means that Postgres cannot be reached at the moment, so that the same call may succeed later. */
export function isUnreachable(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isUnreachable);
  if (!(error instanceof Error)) return false;
  const code = (error as NodeJS.ErrnoException).code;
  if (code !== undefined && /^E[A-Z_]+$/.test(code)) return true;
  if (code !== undefined && UNREACHABLE_STATES.test(code)) return true;
  return /connection terminated|timeout exceeded|read timeout|connection timeout|not queryable|client was closed/i.test(
    error.message,
  );
}

/**
 * Knows whether Postgres can be reached: told by every call that fails or succeeds and by the pool's idle
 * connections, and, while it cannot, found out again by one probe at a time.
 */
export class Reachability {
  private reachable = false;
  private probe: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(private readonly pool: Pool) {}

  get available(): boolean {
    return this.reachable;
  }

  succeeded(): void {
    this.reachable = true;
    clearTimeout(this.probe);
    this.probe = undefined;
  }

  /** Takes note of an error; one that is about the statement only proves that Postgres answers. */
  failed(error: unknown): void {
    if (!isUnreachable(error)) return;
    this.reachable = false;
    this.scheduleProbe();
  }

  close(): void {
    this.closed = true;
    this.reachable = false;
    clearTimeout(this.probe);
  }

  private scheduleProbe(): void {
    if (this.closed || this.probe) return;
    this.probe = setTimeout(() => {
      this.probe = undefined;
      this.pool.query('SELECT 1').then(
        () => this.succeeded(),
        (error: unknown) => {
          this.failed(error);
          this.scheduleProbe();
        },
      );
    }, PROBE_INTERVAL_MS);
    this.probe.unref();
  }
}
