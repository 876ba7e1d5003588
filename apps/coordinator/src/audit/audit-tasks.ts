/** What passes between the coordinator and its audit workers: plain data, since it crosses threads. */
import type { KafkaSecurity } from '@concordat/transport';
import type { ReducePlan } from './audit-files.js';
import type { AuditPlan, Piece } from './plan.js';

export type AuditTask =
  | { readonly kind: 'map'; readonly piece: Piece }
  | { readonly kind: 'reduce'; readonly bucket: number; readonly reduce: ReducePlan };

/** What a worker is started with. */
export interface WorkerSetup {
  readonly directory: string;
  readonly plan: AuditPlan;
  readonly brokers: string[];
  readonly clientId: string;
  readonly security?: KafkaSecurity;
  /** Undefined: records are not compared. */
  readonly databaseUrl?: string;
  /** Undefined: messages are not signed. */
  readonly messageKeys?: { readonly file: string; readonly mode: 'strict' | 'migrate' };
}

export type WorkerReport =
  | { readonly type: 'read'; readonly piece: number; readonly records: number }
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly message: string };
