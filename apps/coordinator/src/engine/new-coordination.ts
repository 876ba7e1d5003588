import {
  beginCoordination,
  type Coordination,
  type ParticipantRecord,
  step,
  type TransactionHeader,
} from '@concordat/transaction';
import type { BeginRequest, BranchRequest, CallContext } from './api.js';
import { mustFitOneCommand } from './command-size.js';
import { isolationOf } from './isolation.js';

const TIMEOUT_DEFAULT_MS = 30_000;

/**
 * A transaction with the branches that it begins with.
 * @param snapshot what can be given out; null while a restored cluster reconciles
 * @param now Unix ms
 * @throws ConcordatError isolation-mismatch, not-ready, body-too-large
 */
export function newCoordination(
  id: string,
  request: BeginRequest,
  { caller, claim }: CallContext,
  participants: readonly ParticipantRecord[],
  snapshot: number | null,
  now: number,
): Coordination {
  const header: TransactionHeader = {
    id,
    ...isolationOf(request, participants, snapshot),
    label: request.label ?? null,
    caller,
    createdAt: now,
    deadlineAt: now + (request.timeoutMs ?? TIMEOUT_DEFAULT_MS),
  };
  const t = beginCoordination(header, claim ? [claim] : []);
  for (const branch of request.branches ?? []) step(t, { type: 'enlist', ...newCall(t, branch) }, { now, random: 0 });
  for (const { participant, operations } of t.works.values()) mustFitOneCommand(participant, operations);
  return t;
}

/** The call of one more branch; branches are numbered in the order of their coming. */
export function newCall(t: Coordination, { participant, operation, input }: BranchRequest) {
  return { participant, call: { branchId: String(t.branches.length + 1), operation, input } };
}
