/** What is in doubt, as the leader sees it: gathered from what it drives, what the ledger keeps, and what it hears. */
import { parseTransactionId } from '@concordat/protocol';
import {
  type Coordination,
  type HazardRecord,
  isOlder,
  needsFinalising,
  recordOf,
  type TransactionRecord,
} from '@concordat/transaction';
import type { ParticipantView } from './api.js';
import type { InDoubtBranch, InDoubtCause, InDoubtItem, InDoubtQuery } from './in-doubt-api.js';
import type { Replica } from './replica.js';

/** Transactions of earlier incarnations that one list looks at. */
const RECONCILING_MAX = 10_000;

/** An item that may have to be looked up before it can be shown whole. */
export type Found = InDoubtItem & { readonly incomplete?: boolean };

/** What is known of participants, by their heartbeats. */
export interface Heard {
  health(participant: string): ParticipantView['health'];
  /** Why it could not carry out the decision, where it has said so. */
  trouble(participant: string, transactionId: string): string | null;
}

/** Everything that matches, in the order in which it is shown. */
export function findInDoubt(replica: Replica, query: InDoubtQuery, heard: Heard, now: number): Found[] {
  const found = new Map<string, Found>();
  for (const item of candidates(replica, heard)) if (!found.has(item.id)) found.set(item.id, item);
  return [...found.values()].filter((item) => matches(item, query, now)).sort(compareItems);
}

/** The first one of each transaction counts. */
function* candidates(replica: Replica, heard: Heard): Generator<Found> {
  const { ledger, leader, reconciler, orphans } = replica;
  const byTransaction = new Map<string, HazardRecord[]>();
  for (const hazard of ledger.hazards) {
    byTransaction.set(hazard.transactionId, [...(byTransaction.get(hazard.transactionId) ?? []), hazard]);
  }
  for (const hazards of byTransaction.values()) yield hazardItem(hazards, heard);
  for (const t of leader?.coordinations() ?? []) {
    const item = coordinationItem(t, heard);
    if (item) yield item;
  }
  if (reconciler) yield* reconciling(replica, heard);
  for (const { transactionId, participant, since } of orphans.all()) {
    const holders = orphans.holders(transactionId);
    const branches = holders.map((name) => branchOf(name, 'operator', 'prepared', heard.health(name), null));
    if (holders[0] === participant) {
      yield { id: transactionId, cause: 'orphan', outcome: null, label: null, since, branches };
    }
  }
}

function hazardItem(hazards: readonly HazardRecord[], heard: Heard): Found {
  const [first] = hazards as [HazardRecord];
  return {
    id: first.transactionId,
    cause: hazards.some(({ kind }) => kind === 'contradiction') ? 'hazard' : 'unconfirmed',
    outcome: first.outcome,
    label: null,
    since: Math.min(...hazards.map(({ raisedAt }) => raisedAt)),
    branches: hazards.map(({ participant, kind, detail }) => {
      const awaits = kind === 'contradiction' ? 'operator' : 'done';
      return branchOf(participant, awaits, 'hazard', heard.health(participant), detail);
    }),
    incomplete: true,
  };
}

/** What an undecided transaction waits for is a vote, what a decided one waits for is DONE. */
function coordinationItem(t: Coordination, heard: Heard): Found | undefined {
  const record = recordOf(t);
  const { outcome } = record;
  if (outcome === null && t.state === 'active') return undefined; // nothing is prepared anywhere yet
  const branches = outcome === null ? voters(record, heard) : outstandingBranches(record, heard);
  if (branches.length === 0 && outcome !== null) return undefined;
  const cause = outcome === null ? 'voting' : branches.some(isDown) ? 'participant-down' : 'finalising';
  return { ...base(record), cause, since: record.decidedAt ?? record.createdAt, branches };
}

const isDown = ({ health }: InDoubtBranch): boolean => health === 'down';

const base = ({ id, outcome, label }: TransactionRecord) => ({ id, outcome, label });

const voters = (record: TransactionRecord, heard: Heard): InDoubtBranch[] =>
  once(
    record.branches
      .filter(({ status }) => status === 'preparing' || status === 'enlisted')
      .map(({ participant, status, reason }) =>
        branchOf(participant, 'vote', status, heard.health(participant), reason?.message ?? null),
      ),
  );

/** Branches whose participants owe DONE, one for each participant. */
export function outstandingBranches(record: TransactionRecord, heard: Heard): InDoubtBranch[] {
  const outcome = record.outcome as 'committed' | 'aborted';
  return once(
    record.branches
      .filter((branch) => needsFinalising(outcome, branch))
      .map(({ participant, status, reason }) =>
        branchOf(
          participant,
          'done',
          status,
          heard.health(participant),
          heard.trouble(participant, record.id) ?? reason?.message ?? null,
        ),
      ),
  );
}

const once = (branches: readonly InDoubtBranch[]): InDoubtBranch[] => [
  ...new Map(branches.map((branch) => [branch.participant, branch])).values(),
];

/** Undecided by the backup, or told of by a participant; who has told everything is waited for no longer. */
function* reconciling({ ledger, reconciler }: Replica, heard: Heard): Generator<Found> {
  const awaited = reconciler?.awaited ?? [];
  const reported = (id: string) => reconciler?.reports(id) ?? new Map<string, string>();
  for (const record of ledger.live.values()) {
    if (record.outcome !== null || !isOlder(record.id, ledger.incarnation)) continue;
    const names = [
      ...new Set([...record.branches.map(({ participant }) => participant), ...reported(record.id).keys()]),
    ];
    const branches = names.map((name) => {
      return branchOf(
        name,
        'report',
        reported(record.id).get(name) ?? 'unknown',
        heard.health(name),
        silence(awaited, name),
      );
    });
    yield { ...base(record), cause: 'reconciling', since: record.createdAt, branches };
  }
  for (const { id, reports } of reconciler?.doubts(RECONCILING_MAX) ?? []) {
    const branches = [...reports].map(([name, report]) => {
      return branchOf(name, 'report', report, heard.health(name), silence(awaited, name));
    });
    const since = parseTransactionId(id)?.incarnation ?? 0; // all that is known of its age is that of its cluster
    yield { id, cause: 'reconciling', outcome: null, label: null, since, branches };
  }
}

const silence = (awaited: readonly string[], participant: string): string | null =>
  awaited.includes(participant) ? 'has not told everything yet' : null;

const branchOf = (
  participant: string,
  awaits: InDoubtBranch['awaits'],
  status: string,
  health: InDoubtBranch['health'],
  error: string | null,
): InDoubtBranch => ({ participant, awaits, status, health, error });

const ALWAYS: ReadonlySet<InDoubtCause> = new Set(['hazard', 'unconfirmed']);

function matches(item: Found, { participant, cause, minAgeMs }: InDoubtQuery, now: number): boolean {
  if (cause !== undefined && item.cause !== cause) return false;
  if (participant !== undefined && !item.branches.some((branch) => branch.participant === participant)) return false;
  return ALWAYS.has(item.cause) || now - item.since >= minAgeMs;
}

const rankOf = ({ cause }: Found): number => (cause === 'hazard' ? 0 : cause === 'unconfirmed' ? 2 : 1);
const compareItems = (a: Found, b: Found): number => rankOf(a) - rankOf(b) || a.since - b.since;
