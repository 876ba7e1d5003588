import { z } from 'zod';
import { DOUBTED_MAX } from '../engine/observers.js';

/** What it hears of participants (`engine/observers.ts`). */
const observationSchema = z.object({
  listening: z.boolean(),
  doubted: z
    .array(
      z.object({
        participant: z.string().max(64),
        word: z.enum(['suspected', 'unknown']),
        suspicion: z.number().nonnegative(),
      }),
    )
    .max(DOUBTED_MAX)
    .readonly(),
});

/** What a replica says of itself to its peers. */
export const identitySchema = z.object({
  /** Ordinal of the place it runs at (NODE_ID). */
  nodeId: z.int().positive(),
  /** Random id of its log; an empty directory gives a new one. */
  raftId: z.int().positive(),
  /** Where other replicas reach it, host:port. */
  address: z.string().min(1).max(300),
  /** Where callers reach it. */
  url: z.string().min(1).max(300),
  /** The voters its cluster began with, null while its log is new. */
  initialVoters: z.array(z.int().positive()).max(100).nullable(),
  /** Who leads, by its log's id, as far as it knows. */
  leaderId: z.int().positive().nullable(),
  appliedIndex: z.int().nonnegative(),
  persistedIndex: z.int().nonnegative(),
  /** The highest format of entries that it understands; earlier versions do not say. */
  formatVersion: z.int().positive().default(1),
  /** Null until it has an engine; earlier versions do not say. */
  observation: observationSchema.nullish(),
});
export type Identity = z.infer<typeof identitySchema>;

/** The id in the log is made of the random member id: 52 bits, never zero. */
export const raftIdOf = (memberId: string): number => Number.parseInt(memberId.slice(0, 13), 16) + 1;
