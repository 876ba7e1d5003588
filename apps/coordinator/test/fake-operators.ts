import { ConcordatError } from '@concordat/protocol';
import type { OperatorAction, TransactionRecord } from '@concordat/transaction';
import type { CallContext } from '../src/engine/api.js';
import type { InDoubtQuery, InDoubtView, OperatorApi, ResolveRequest } from '../src/engine/in-doubt-api.js';

const NOW = 1_763_700_500_123;

/** The operators' part of the fake coordinator: remembers what was done, and has one hazard to show. */
export class FakeOperators implements OperatorApi {
  readonly trail: OperatorAction[] = [];

  constructor(private readonly noteCall: (method: string, ...args: unknown[]) => void) {}

  async inDoubt(query: InDoubtQuery): Promise<InDoubtView> {
    this.noteCall('inDoubt', query);
    const branch = { participant: 'accounts-east', awaits: 'operator', status: 'hazard', health: 'up' } as const;
    const branches = [{ ...branch, error: 'told to commit a branch that is aborted' }];
    const item = {
      id: 'a-1-1',
      cause: 'hazard',
      outcome: 'committed',
      label: null,
      since: NOW - 5000,
      branches,
    } as const;
    const participant = { name: 'accounts-east', health: 'up', preparedCount: 2, oldestInDoubtMs: 1500 } as const;
    return { now: NOW, items: [item], total: 1, participants: [participant] };
  }

  async resolve(id: string, request: ResolveRequest, context: CallContext): Promise<TransactionRecord> {
    this.noteCall('resolve', id, request, context);
    if (request.outcome === 'committed') throw new ConcordatError('resolve-refused', 'No.', { transactionId: id });
    await this.note({ actor: context.caller, action: 'resolve', target: id, ...request });
    return {
      id,
      isolation: 'local',
      serializable: false,
      label: null,
      caller: 'shop',
      snapshot: null,
      createdAt: NOW,
      deadlineAt: NOW,
      status: 'aborted',
      outcome: 'aborted',
      csn: null,
      decidedIndex: 1,
      decidedAt: NOW,
      completedAt: null,
      reason: null,
      branches: [],
    };
  }

  async actions(limit: number, before = Number.POSITIVE_INFINITY): Promise<OperatorAction[]> {
    const earlier = this.trail.filter(({ id }) => id < before);
    return earlier.reverse().slice(0, limit);
  }

  async note(act: Omit<OperatorAction, 'id' | 'at'>): Promise<OperatorAction> {
    const action = { ...act, id: this.trail.length + 1, at: NOW };
    this.trail.push(action);
    return action;
  }
}
