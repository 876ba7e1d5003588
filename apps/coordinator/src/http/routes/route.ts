/** What the table of routes is made of. */
import type { ErrorCode } from '@concordat/protocol';
import type { z } from 'zod';
import type { Access } from '../../security/principal.js';

export interface RouteResponse {
  readonly status: number;
  readonly description: string;
  /** Left out where there is no body. */
  readonly mediaType?: string;
  readonly schema?: z.ZodType;
  /** Of a stream: the name of its events, each of which has what `schema` describes as its data. */
  readonly event?: string;
  /** Headers by name, with what they say. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** With `{name}` for parameters. */
  readonly path: string;
  readonly operationId: string;
  readonly tag:
    | 'transactions'
    | 'snapshots'
    | 'locks'
    | 'participants'
    | 'cluster'
    | 'audits'
    | 'operations'
    | 'documents';
  readonly summary: string;
  /** Who may call it; `public` needs no credentials. */
  readonly role: Access;
  readonly query?: z.ZodObject;
  readonly body?: { readonly schema: z.ZodType; readonly required: boolean };
  readonly idempotencyKey?: boolean;
  /** Whether it waits for what `X-Concordat-Min-Csn` asks for. */
  readonly minCsn?: boolean;
  readonly responses: readonly RouteResponse[];
  /** Codes that this route may answer with, beyond those any route may. */
  readonly errors: readonly ErrorCode[];
}

export const JSON_TYPE = 'application/json';
export const json = (status: number, description: string, schema: z.ZodType): RouteResponse => ({
  status,
  description,
  mediaType: JSON_TYPE,
  schema,
});
export const text = (description: string, mediaType: string): RouteResponse => ({
  status: 200,
  description,
  mediaType,
});
/** Server-sent events of one name. */
export const events = (description: string, event: string, schema: z.ZodType): RouteResponse => ({
  status: 200,
  description,
  mediaType: 'text/event-stream',
  schema,
  event,
});

/** A write may meet any of these. */
export const UNAVAILABLE: readonly ErrorCode[] = [
  'overloaded',
  'kafka-unavailable',
  'postgres-unavailable',
  'persistence-backlog-full',
  'not-ready',
  'stopping',
];
export const BODY: readonly ErrorCode[] = ['request-invalid', 'body-too-large', 'unsupported-media-type'];
export const KEY: readonly ErrorCode[] = ['idempotency-key-invalid', 'idempotency-key-reused'];
export const BRANCHES: readonly ErrorCode[] = [
  'participant-unknown',
  'operation-unknown',
  'input-invalid',
  'isolation-mismatch',
  'too-many-branches',
];
export const ONE_TRANSACTION: readonly ErrorCode[] = ['transaction-not-found', 'transaction-gone'];
export const READ_UNAVAILABLE: readonly ErrorCode[] = [
  'snapshot-unavailable',
  'postgres-unavailable',
  'not-ready',
  'overloaded',
  'stopping',
];
