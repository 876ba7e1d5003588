import { z } from 'zod';
import { ROLES } from '../security/principal.js';

const rate = z.number().nonnegative();
const count = z.number().nonnegative();
const durationsSchema = z
  .strictObject({ p50: z.number(), p99: z.number() })
  .nullable()
  .describe('Over the last 5 s, in ms, interpolated in the buckets of the histogram; null where nothing ended.');

const overviewSampleSchema = z
  .strictObject({
    at: z.iso.datetime(),
    begunPerS: rate,
    committedPerS: rate,
    abortedPerS: rate,
    refusedPerS: rate.describe('Begins turned away for want of room.'),
    decisionMs: durationsSchema,
    finaliseMs: durationsSchema,
    inFlight: count.describe('Transactions not finished.'),
    undecided: count.describe('Transactions not decided.'),
    inDoubt: count.nullable().describe('What GET /v1/in-doubt lists, for 5 s or longer; null where it is not known.'),
    hazards: count.describe('Branches that contradict their decision, since this process began.'),
    places: count.describe('Room for work under way.'),
    placesTaken: count,
    waiting: count.describe('Calls that wait for their turn.'),
    persistenceBacklog: count.describe('Changed records that wait for Postgres.'),
  })
  .meta({ id: 'OverviewSample' });

/** What one event of the stream carries. */
export const overviewSchema = z
  .strictObject({
    samples: z.array(overviewSampleSchema).describe('In order; the first event has those of the last minutes.'),
  })
  .meta({ id: 'Overview' });

export const callerSchema = z
  .strictObject({
    caller: z.string().describe('The name that calls are made in.'),
    roles: z.array(z.enum(ROLES)).describe('Those given, and those that they carry.'),
  })
  .meta({ id: 'Caller' });

export const timelineSchema = z
  .strictObject({
    transactionId: z.string(),
    known: z.boolean().describe('False where the replica that answers has seen nothing of it, or has forgotten it.'),
    fromBegin: z
      .boolean()
      .describe('False where an earlier leader began it: times count from when this one took it up.'),
    cut: z.boolean().describe('Whether there were more steps than are kept.'),
    marks: z.array(
      z.strictObject({
        step: z.enum([
          'begun',
          'sent-execute',
          'executed',
          'sent-prepare',
          'vote',
          'settled',
          'decided',
          'sent-commit',
          'sent-rollback',
          'done',
          'completed',
        ]),
        atMs: z.number().nonnegative().describe('Since the first one, in ms, with fractions.'),
        participant: z.string().optional(),
        detail: z.string().optional().describe('The vote, or how it ended there.'),
      }),
    ),
  })
  .meta({ id: 'Timeline' });
