/**
 * What operators look at and do (docs/in-doubt.md): the list of what is in doubt, `resolve`, the audit trail.
 *
 * - D3: nobody, operator included, commits a transaction without every prepared vote. When every vote is there, commit is
 *   settled at that very moment; so an undecided transaction can be resolved as aborted only.
 * - L2: what is decided stays. Resolving it with its own outcome ends the wait for participants that are gone, or acknowledges
 *   what a participant has contradicted; with the other one it is refused.
 * - D9: what a resolve does is said by its entry; the same entry is its record in the audit trail.
 */
import { ConcordatError, type Done } from '@concordat/protocol';
import {
  type BranchReport,
  type Change,
  type Coordination,
  confirmed,
  type Entry,
  isOlder,
  type OperatorAction,
  type OperatorEntry,
  reconciled,
  recordOf,
  resolvedReason,
  type TransactionRecord,
} from '@concordat/transaction';
import type { ParticipantView } from './api.js';
import { unavailable, unknownOutcome } from './errors.js';
import type { Actor, InDoubtItem, InDoubtQuery, InDoubtView, OperatorApi, ResolveRequest } from './in-doubt-api.js';
import { raiseHazard } from './in-doubt-hazards.js';
import { type Found, findInDoubt, type Heard, outstandingBranches } from './in-doubt-list.js';
import type { Leader } from './leader.js';
import { missingRecord } from './missing-record.js';
import type { ParticipantRegistry } from './participant-registry.js';
import { mustCover } from './persisted-reads.js';
import type { Replica, ReplicaPorts } from './replica.js';
import { within } from './within.js';

/** How long a call waits for its entry, or for the decision that it asks for, in ms. */
const ENTRY_WAIT_MS_MAX = 10_000;

type Act = Omit<OperatorEntry, 'type' | 'at'>;

export class InDoubt implements OperatorApi {
  /** Calls that wait for their entries, in the order of the log. */
  readonly #waiting: ((action: OperatorAction | undefined) => void)[] = [];

  constructor(
    private readonly replica: Replica,
    private readonly ports: ReplicaPorts,
    private readonly registry: Pick<ParticipantRegistry, 'views'>,
    private readonly confirm: () => Promise<void>,
  ) {}

  async inDoubt(query: InDoubtQuery): Promise<InDoubtView> {
    this.#leader();
    const now = this.ports.clock.now();
    const views = this.registry.views();
    const found = findInDoubt(this.replica, query, heardIn(views), now);
    const items = await Promise.all(found.slice(0, query.limit).map((item) => this.#completed(item)));
    const participants = views.filter(({ name, preparedCount, foreignPrepared = 0 }) => {
      return preparedCount + foreignPrepared > 0 && (query.participant ?? name) === name;
    });
    return { now, items, total: found.length, participants };
  }

  async resolve(id: string, request: ResolveRequest, { caller }: Actor): Promise<TransactionRecord> {
    const { logger } = this.ports;
    try {
      const record = await this.#resolve(id, request, caller);
      logger.info({ transactionId: id, actor: caller, ...request }, 'resolved by an operator');
      return record;
    } catch (error) {
      const { code } = error as { code?: string };
      logger.warn({ transactionId: id, actor: caller, ...request, code, err: error }, 'a resolve was not carried out');
      throw error;
    }
  }

  async actions(limit: number, before?: number): Promise<OperatorAction[]> {
    await this.confirm();
    await mustCover(this.replica.persister, this.ports.store);
    return this.ports.store.listActions(limit, before);
  }

  note(act: Omit<OperatorAction, 'id' | 'at'>): Promise<OperatorAction> {
    this.#leader();
    return this.#act(act);
  }

  /** The ledger has applied an entry. */
  onChange({ action }: Change): void {
    if (action) this.#waiting.shift()?.(action);
  }

  /** Leadership is lost: whoever waits is sent elsewhere. */
  onDeposed(): void {
    for (const resolve of this.#waiting.splice(0)) resolve(undefined);
  }

  /** A participant that was given up has answered after all, one way or the other. */
  onDone({ transactionId, participant, outcome, detail }: Done): void {
    const { ledger, leader } = this.replica;
    const hazard = ledger.hazards.get(transactionId, participant);
    if (hazard?.kind !== 'unconfirmed' || !leader?.ready) return;
    if (outcome === 'committed') return void this.#confirm(transactionId, participant);
    const { outcome: decided, csn } = hazard;
    const said = detail ?? `reports ${outcome}, the decision is ${decided}`;
    const propose = (entry: Entry) => this.replica.propose(entry);
    raiseHazard(
      { ...this.ports, ledger, propose },
      { transactionId, participant, outcome: decided, csn, detail: said },
    );
  }

  async #confirm(id: string, participant: string): Promise<void> {
    try {
      const record = await this.replica.find(id);
      if (record) this.replica.propose({ type: 'confirm', participant, record: confirmed(record, participant) });
    } catch (error) {
      // Postgres is away: the branch stays as it is, and its participant is not asked again.
      this.ports.logger.warn({ transactionId: id, participant, err: error }, 'a late DONE could not be written down');
    }
  }

  async #resolve(id: string, { outcome, reason }: ResolveRequest, actor: string): Promise<TransactionRecord> {
    const leader = this.#leader();
    this.#mustBeUnderstood();
    const act: Act = { actor, action: 'resolve', target: id, reason, outcome };
    const t = leader.get(id);
    if (t?.outcome === null) return this.#endUndecided(leader, t, act);
    if (t) await this.#decided(leader, id);
    const record = t && leader.get(id) === t ? recordOf(t) : await this.replica.find(id);
    if (!record || (record.outcome === null && record.status !== 'completed')) return this.#endUnknown(record, act);
    if (record.outcome !== outcome) throw refused(id, `It is ${record.outcome ?? 'lost'}, and what is decided stays.`);
    return this.#endDecided(record, act);
  }

  /** D3: settled as any abort is, in the leader's memory, before anything is proposed. */
  async #endUndecided(leader: Leader, t: Coordination, act: Act): Promise<TransactionRecord> {
    const { id } = t.header;
    if (act.outcome === 'committed') {
      throw refused(id, 'It is undecided: only the votes of all its participants commit it. It can be aborted.');
    }
    const noted = this.#act(act);
    leader.deliver(id, { type: 'abort', reason: resolvedReason(act.actor, act.reason), claims: [] });
    const [record] = await Promise.all([this.#decided(leader, id), noted]);
    return record;
  }

  async #decided(leader: Leader, id: string): Promise<TransactionRecord> {
    const record = await within(leader.wait(id, 'decided', true) ?? this.replica.find(id), ENTRY_WAIT_MS_MAX);
    if (!record) throw unknownOutcome(id);
    return record;
  }

  /** The outcome is the one that was asked for: what is left is to wait no longer, or to have looked. */
  async #endDecided(record: TransactionRecord, act: Act): Promise<TransactionRecord> {
    const { id, status } = record;
    const outstanding = status === 'completed' ? [] : outstandingBranches(record, heardIn(this.registry.views()));
    const open = this.replica.ledger.hazards.of(id).filter(({ kind }) => kind === 'contradiction');
    const acknowledged = open.map(({ participant }) => participant);
    const alive = outstanding.filter(({ health }) => health !== 'down').map(({ participant }) => participant);
    if (alive.length > 0 && acknowledged.length === 0) {
      throw refused(id, `${alive.join(', ')} may still carry it out. Only participants that are down are given up.`);
    }
    const givenUp = alive.length > 0 ? [] : outstanding.map(({ participant }) => participant);
    if (givenUp.length === 0 && acknowledged.length === 0) return record; // as it was asked for already
    await this.#act({ ...act, resolution: { givenUp, acknowledged } });
    return (await this.replica.find(id)) ?? record;
  }

  /** Of an earlier incarnation: undecided in the backup, or told of by participants only. */
  async #endUnknown(known: TransactionRecord | undefined, act: Act): Promise<TransactionRecord> {
    const { target: id, outcome } = act;
    const { ledger } = this.replica;
    const reports = new Map<string, BranchReport>(this.replica.reconciler?.reports(id));
    for (const holder of this.replica.orphans.holders(id)) reports.set(holder, 'prepared');
    if (!isOlder(id, ledger.incarnation) || (!known && reports.size === 0)) {
      const missing = missingRecord(id, this.replica, this.ports.store.prunedThrough);
      if (missing.outcome === outcome) return missing;
      throw refused(id, `It is ${missing.outcome}, and what is decided stays.`);
    }
    if (outcome === 'committed') {
      throw refused(id, 'No participant says that it has committed it, and nobody else can know. It can be aborted.');
    }
    if ([...reports.values()].includes('committed')) {
      throw refused(id, 'A participant says that it has committed it: it will be committed everywhere.');
    }
    // Whoever has not spoken may hold it prepared: it is told to roll back as soon as it hears, and shows until then.
    for (const { participant } of known?.branches ?? []) {
      if (!reports.has(participant)) reports.set(participant, 'prepared');
    }
    const resolved = reconciled(id, 'aborted', { known, reports, csn: null }, this.ports.clock.now());
    await this.#act({ ...act, resolution: { givenUp: [], acknowledged: [], reconciled: resolved } });
    this.replica.orphans.settled(id);
    const record = await this.replica.find(id);
    if (record?.outcome === outcome) return record;
    throw refused(id, `It is ${record?.outcome ?? 'lost'} by now, and what is decided stays.`);
  }

  /** Resolves when the entry is applied. @throws ConcordatError not-ready */
  async #act(act: Act): Promise<OperatorAction> {
    this.#mustBeUnderstood();
    const applied = new Promise<OperatorAction | undefined>((resolve) => this.#waiting.push(resolve));
    if (!this.replica.propose({ type: 'operator', at: this.ports.clock.now(), ...act })) {
      this.#waiting.pop()?.(undefined);
    }
    const action = await within(applied, ENTRY_WAIT_MS_MAX);
    if (!action) throw unavailable('not-ready', 'What was asked for could not be made durable; look again.');
    return action;
  }

  #leader(): Leader {
    const { leader } = this.replica;
    if (!leader?.ready) throw unavailable('not-ready', 'This coordinator does not lead (yet).');
    return leader;
  }

  #mustBeUnderstood(): void {
    if (this.replica.understood('operator')) return;
    const behind = this.replica.behind('operator').join(', ');
    throw unavailable('not-ready', `Operators' acts need members of this version; to be upgraded first: ${behind}.`);
  }

  /** What a list does not carry for every hazard. */
  async #completed({ incomplete, ...item }: Found): Promise<InDoubtItem> {
    if (!incomplete) return item;
    const record = await this.replica.find(item.id).catch(() => undefined); // Postgres may be away: shown without
    return record ? { ...item, label: record.label } : item;
  }
}

const heardIn = (views: readonly ParticipantView[]): Heard => {
  const byName = new Map(views.map((view) => [view.name, view]));
  return {
    health: (participant) => byName.get(participant)?.health ?? 'unknown',
    trouble: (participant, id) =>
      byName.get(participant)?.troubles?.find(({ transactionId }) => transactionId === id)?.message ?? null,
  };
};

const refused = (transactionId: string, why: string): ConcordatError =>
  new ConcordatError('resolve-refused', why, { transactionId });
