import {
  type BranchesReply,
  compareTransactionIds,
  formatTransactionId,
  parseTransactionId,
  REPORTED_BRANCHES_MAX,
  type ReportCommand,
  type ReportedBranch,
  type TransactionIdParts,
  WIRE_VERSION,
} from '@concordat/protocol';
import type { BranchRecords } from './isolation.js';
import type { ParticipantState } from './participant-state.js';
import type { Replies } from './replies.js';
import type { Surroundings } from './surroundings.js';

const ZERO: TransactionIdParts = { incarnation: 0, term: 0, sequence: 0 };

/**
 * Tells a restored coordinator what became of the branches of earlier incarnations: their rows, and what is prepared.
 * A report of one branch is handled after every earlier command of it, since both have its key; so whatever decision
 * the old coordinator had sent is carried out by then.
 */
export class BranchReports {
  constructor(
    private readonly records: BranchRecords,
    private readonly state: ParticipantState,
    private readonly replies: Replies,
    private readonly surroundings: Surroundings,
  ) {}

  /** Where the database is away nothing is said, and the coordinator asks again. */
  async answer(command: ReportCommand): Promise<void> {
    const { transactionId, scope, incarnation } = command;
    try {
      // D1: whoever still works for an earlier incarnation begins nothing here any more.
      await this.state.admitIncarnation(incarnation);
      const found = scope === 'one' ? await this.#one(transactionId) : await this.#page(transactionId, incarnation);
      const horizon = await this.records.durableHorizon(); // read last: it covers every row that was collected by then
      const { participant } = this.surroundings;
      this.replies.branches({
        v: WIRE_VERSION,
        type: 'branches',
        participant,
        transactionId,
        incarnation,
        scope,
        horizon,
        ...found,
      });
    } catch (error) {
      this.surroundings.logger.warn({ err: error, transactionId, scope }, 'a report could not be made');
    }
  }

  async #one(transactionId: string): Promise<Pick<BranchesReply, 'branches' | 'complete'>> {
    const found = await this.records.find(transactionId);
    return { branches: found ? [found] : [], complete: true };
  }

  /** What is prepared is read first: what is committed in between is then seen by its row. */
  async #page(after: string, incarnation: number): Promise<Pick<BranchesReply, 'branches' | 'complete'>> {
    const lower = partsOf(after);
    const branches = new Map<string, ReportedBranch>();
    for (const { transactionId } of await this.records.listPrepared()) {
      const parts = partsOf(transactionId);
      if (parts.incarnation >= incarnation || compareTransactionIds(parts, lower) <= 0) continue;
      branches.set(transactionId, { transactionId, state: 'prepared', csn: null });
    }
    for (const decided of await this.records.listDecided(incarnation, after, REPORTED_BRANCHES_MAX + 1)) {
      branches.set(decided.transactionId, decided);
    }
    const ordered = [...branches.values()].sort((a, b) => {
      return compareTransactionIds(partsOf(a.transactionId), partsOf(b.transactionId));
    });
    return {
      branches: ordered.slice(0, REPORTED_BRANCHES_MAX),
      complete: ordered.length <= REPORTED_BRANCHES_MAX,
    };
  }
}

const partsOf = (id: string): TransactionIdParts => parseTransactionId(id) ?? ZERO;

/** Whether a report can come from a cluster: garbage must not shut out every real transaction for ever (D1). */
export const isPlausibleReport = (command: ReportCommand, state: ParticipantState): boolean =>
  state.isPlausible(formatTransactionId({ incarnation: command.incarnation, term: 1, sequence: 1 }));
