import { type BranchesReply, formatTransactionId, type ReportedBranch } from '@concordat/protocol';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Draw } from '../test/draw.js';
import { type Dice, ModelParticipant, OldCluster, RestoredCluster } from '../test/restore-model.js';
import { csnOf, Ledger } from './ledger.js';
import { Reconciliation, reconciled, withBranch } from './reconciliation.js';

const NOW = 2000;
const id = (sequence: number, incarnation = 1000): string => formatTransactionId({ incarnation, term: 1, sequence });

const answer = (
  participant: string,
  branches: [number, ReportedBranch['state']][],
  more: Partial<BranchesReply> = {},
) => ({
  participant,
  incarnation: NOW,
  scope: 'after' as const,
  transactionId: '1-1-1',
  branches: branches.map(([sequence, state]) => ({ transactionId: id(sequence), state, csn: null })),
  complete: true,
  horizon: null,
  ...more,
});

const between = (...names: string[]): Reconciliation => {
  const state = new Reconciliation(NOW);
  for (const name of names) state.addParticipant(name);
  return state;
};

describe('reconciliation', () => {
  it('N1: takes one participant that has committed for enough', () => {
    const state = between('east', 'west');
    state.take(answer('east', [[1, 'committed']]));
    expect(state.due(10)).toEqual([{ id: id(1), verdict: 'committed' }]);
    expect(state.finished).toBe(false);
  });

  it('N2: takes an abort for certain only when all have told everything, and the prepared ones have said so again', () => {
    const state = between('east', 'west');
    state.take(answer('east', [[1, 'prepared']]));
    expect(state.due(10)).toEqual([]);
    state.take(answer('west', []));
    expect(state.due(10)).toEqual([]);
    expect(state.questions(10)).toEqual([{ participant: 'east', scope: 'one', transactionId: id(1) }]);
    state.take(answer('east', [[1, 'prepared']], { scope: 'one', transactionId: id(1) }));
    expect(state.due(10)).toEqual([{ id: id(1), verdict: 'aborted' }]);
  });

  it('N2: hears in the second answer of a prepared branch what the old coordinator had still told it', () => {
    const state = between('east');
    state.take(answer('east', [[1, 'prepared']]));
    state.take(answer('east', [[1, 'committed']], { scope: 'one', transactionId: id(1) }));
    expect(state.verdict(id(1))).toBe('committed');
  });

  it('N3: takes what nobody holds for aborted, and for lost where it was finished and forgotten', () => {
    const state = between('east', 'west');
    state.addUndecided(id(3));
    state.addUndecided(id(7));
    state.take(answer('east', []));
    state.take(answer('west', [], { horizon: id(5) }));
    expect(state.due(10)).toEqual([
      { id: id(3), verdict: 'lost' },
      { id: id(7), verdict: 'aborted' },
    ]);
  });

  it('N4: leaves in doubt what a participant that has not told everything may know', () => {
    const state = between('east', 'west');
    state.addUndecided(id(1));
    state.take(answer('east', []));
    state.take(answer('west', [[9, 'aborted']], { complete: false }));
    expect(state.due(10)).toEqual([]);
    expect(state.awaited).toEqual(['west']);
    expect(state.questions(10)).toEqual([{ participant: 'west', scope: 'after', transactionId: id(9) }]);
  });

  it('takes no answer that was given to an earlier restore, whoever sends it again', () => {
    const state = between('east');
    state.take(answer('east', [], { incarnation: NOW - 1 }));
    expect(state.awaited).toEqual(['east']);
    state.take(answer('east', [[1, 'committed']]));
    expect(state.awaited).toEqual([]);
  });

  it('takes a page once, in its turn, and nothing of its own incarnation or of strangers', () => {
    const state = between('east');
    const first = answer('east', [[1, 'prepared']], { complete: false });
    state.take(answer('east', [[5, 'committed']], { transactionId: id(4) }));
    state.take(first);
    state.take({ ...first, branches: [{ transactionId: id(1), state: 'aborted', csn: null }] });
    state.take(answer('stranger', [[6, 'committed']]));
    state.take({
      ...answer('east', []),
      transactionId: id(1),
      branches: [{ transactionId: id(1, NOW), state: 'committed', csn: null }],
    });
    expect(state.reports(id(1))).toEqual(new Map([['east', 'prepared']]));
    expect([id(5), id(6), id(1, NOW)].map((one) => state.reports(one).size)).toEqual([0, 0, 0]);
  });

  it('needs no word on what left nothing but abort rows', () => {
    const state = between('east');
    state.take(answer('east', [[1, 'aborted']]));
    expect(state.due(10)).toEqual([]);
    expect(state.finished).toBe(true);
  });
});

describe('what reconciliation puts into the ledger', () => {
  const begin = () => {
    const ledger = new Ledger(
      {
        appliedIndex: 0,
        appliedTerm: 0,
        incarnation: NOW,
        publishedIndex: 0,
        reconciliation: 'pending',
        transactions: [],
        participants: [],
        members: [],
        keys: [],
      },
      10,
    );
    ledger.apply(1, 2, { type: 'term', incarnation: 5, begun: NOW, at: 1 });
    return ledger;
  };
  const verdictOf = (
    sequence: number,
    reports: [string, 'prepared' | 'confirmed' | 'committed' | 'aborted'][],
    outcome: 'committed' | 'aborted' | 'lost',
  ) => reconciled(id(sequence), outcome, { known: undefined, reports: new Map(reports), csn: null }, 9);
  const apply = (ledger: Ledger, index: number, one: ReturnType<typeof verdictOf>) =>
    ledger.apply(index, 2, { type: 'reconcile', at: 9, transactions: [one] }).transactions;

  it('commits again what a participant has committed, for those that are prepared', () => {
    const ledger = begin();
    const [record] = apply(
      ledger,
      2,
      verdictOf(
        1,
        [
          ['east', 'committed'],
          ['west', 'prepared'],
        ],
        'committed',
      ),
    );
    expect(record).toMatchObject({
      id: id(1),
      outcome: 'committed',
      csn: csnOf(NOW, 2),
      decidedIndex: 2,
      reason: { code: 'restored' },
    });
    expect(ledger.live.get(id(1))?.branches.map(({ status }) => status)).toEqual(['committed', 'prepared']);
  });

  it('keeps the number under which a participant has committed', () => {
    const one = { ...verdictOf(1, [['east', 'committed']], 'committed'), csn: 77 };
    expect(apply(begin(), 2, one)[0]?.csn).toBe(77);
  });

  it('adds a branch that is heard of later, once, and changes nothing else', () => {
    const ledger = begin();
    const [first] = apply(
      ledger,
      2,
      verdictOf(
        1,
        [
          ['east', 'committed'],
          ['west', 'prepared'],
        ],
        'committed',
      ),
    );
    const more = first && withBranch(first, 'north');
    expect(more && apply(ledger, 3, more)[0]).toMatchObject({ csn: csnOf(NOW, 2), decidedIndex: 2 });
    const record = ledger.live.get(id(1));
    expect(record?.branches.map(({ participant, status }) => [participant, status])).toEqual([
      ['east', 'committed'],
      ['west', 'prepared'],
      ['north', 'prepared'],
    ]);
    expect(record && ['east', 'west', 'north'].map((name) => withBranch(record, name))).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('L2: never changes an outcome, and settles nothing of its own incarnation', () => {
    const ledger = begin();
    apply(ledger, 2, verdictOf(1, [['east', 'prepared']], 'aborted'));
    expect(apply(ledger, 3, verdictOf(1, [['west', 'committed']], 'committed'))).toEqual([]);
    expect(ledger.live.get(id(1))?.outcome).toBe('aborted');
    const own = verdictOf(1, [['east', 'committed']], 'committed');
    expect(apply(ledger, 4, { ...own, header: { ...own.header, id: id(1, NOW) } })).toEqual([]);
  });

  it('ends what is lost without an outcome', () => {
    const ledger = begin();
    expect(apply(ledger, 2, verdictOf(1, [], 'lost'))).toMatchObject([
      { status: 'completed', outcome: null, reason: { code: 'outcome-lost' } },
    ]);
    expect(ledger.live.size).toBe(0);
  });

  it('does not presume aborted what an earlier incarnation left undecided, however high the term', () => {
    const ledger = begin();
    const { header } = verdictOf(1, [], 'lost');
    const open = {
      ...header,
      status: 'active',
      outcome: null,
      csn: null,
      decidedIndex: null,
      decidedAt: null,
      completedAt: null,
      reason: null,
      branches: [],
    } as const;
    ledger.live.set(id(1), open);
    ledger.apply(2, 9, { type: 'term', incarnation: NOW, begun: NOW, at: 1 });
    expect(ledger.live.get(id(1))?.outcome).toBeNull();
  });

  it('refuses to begin with another state than the leader has', () => {
    const fresh = {
      appliedIndex: 0,
      appliedTerm: 0,
      incarnation: 0,
      publishedIndex: 0,
      transactions: [],
      participants: [],
      members: [],
      keys: [],
    };
    const term = (begun: number) => ({ type: 'term', incarnation: 5, begun, at: 1 }) as const;
    expect(() => new Ledger(fresh, 1).apply(1, 2, term(NOW))).toThrow('lacks the restored state');
    expect(() => new Ledger({ ...fresh, incarnation: NOW }, 1).apply(1, 2, term(0))).toThrow(
      'lacks the restored state',
    );
    expect(() => new Ledger({ ...fresh, incarnation: NOW }, 1).apply(1, 2, term(NOW - 1))).toThrow(
      'lacks the restored state',
    );
    const ledger = new Ledger(fresh, 1);
    ledger.apply(1, 2, term(0));
    ledger.apply(2, 3, term(0)); // a second leader that had not applied the first one's entry
    ledger.apply(3, 4, term(5));
    expect(ledger.incarnation).toBe(5);
  });
});

describe('a restore beside participants that went on', () => {
  it('ends every transaction as its participants know it, none mixed, in whatever order reports come', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 0, max: 30 }), (seed, transfers) =>
        restoreOnce(seed, transfers + 5, 40),
      ),
      { numRuns: 300 },
    );
  });

  it('does so with a thousand transfers between the backup and the end', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => restoreOnce(seed, 1030, 30)),
      { numRuns: 10 },
    );
  });
});

/** @param transfers that the old cluster begins; the backup is taken within the first `backupWithin` of them */
function restoreOnce(seed: number, transfers: number, backupWithin: number): void {
  const draw = new Draw(seed);
  const dice: Dice = (sides) => draw.below(sides);
  const participants = ['east', 'west', 'north'].map((name) => new ModelParticipant(name, Math.ceil(transfers / 20)));
  const old = new OldCluster(participants, dice);
  const backupAt = 1 + dice(Math.min(backupWithin, transfers));
  let backup = old.backup();
  while (old.transfers.length < transfers) {
    old.begin();
    if (old.transfers.length === backupAt) backup = old.backup();
    for (let moves = dice(40); moves > 0; moves -= 1) runOld(old, participants, dice);
  }
  const restored = new RestoredCluster(backup, participants, dice);
  runRestored(restored, participants, dice);
  checkEnd(old, restored, participants);
}

function runOld(old: OldCluster, participants: readonly ModelParticipant[], dice: Dice): void {
  const recent = old.transfers.slice(-20);
  const transfer = recent[dice(recent.length)];
  if (transfer && dice(2) === 0) return old.advance(transfer);
  const participant = participants[dice(participants.length)] as ModelParticipant;
  const waiting = [...participant.topic.keys()];
  for (const id of waiting.slice(0, 3)) participant.handle(id);
  if (dice(4) === 0) participant.collect();
}

function runRestored(restored: RestoredCluster, participants: readonly ModelParticipant[], dice: Dice): void {
  const silent = participants[dice(participants.length)];
  for (let turn = 0; turn < 100_000; turn += 1) {
    const participant = participants[dice(participants.length)] as ModelParticipant;
    const [waiting] = participant.topic.keys();
    if (waiting && dice(3) === 0) participant.handle(waiting);
    if (dice(3) === 0) restored.ask(turn < 60 ? silent : undefined);
    for (let heard = dice(4); heard > 0; heard -= 1) restored.hear();
    if (dice(2) === 0) restored.settle();
    if (dice(2) === 0) for (const id of preparedAt(participant).slice(0, 3)) restored.hearVote(participant, id);
    if (turn < 200 && dice(80) === 0) restored.changeLeader();
    if (turn % 20 > 0 || !restored.reconciled) continue;
    if (participants.every((one) => one.topic.size === 0 && preparedAt(one).length === 0)) return;
  }
  throw new Error('the restored cluster did not come to rest');
}

const preparedAt = ({ branches }: ModelParticipant): string[] =>
  [...branches].filter(([, state]) => state === 'prepared').map(([id]) => id);

function checkEnd(old: OldCluster, restored: RestoredCluster, participants: readonly ModelParticipant[]): void {
  for (const { header, members } of old.transfers) {
    const ends = members.map(({ history }) => history.get(header.id));
    const committed = ends.filter((end) => end === 'committed').length;
    expect({ id: header.id, ends, ok: committed === 0 || committed === members.length }).toMatchObject({ ok: true });
    const known = restored.coordinator.find(header.id);
    if (known?.outcome)
      expect({ ends, outcome: known.outcome }).toMatchObject({ outcome: committed > 0 ? 'committed' : 'aborted' });
    else if (known) expect(known.reason?.code).toBe('outcome-lost');
    for (const branch of known?.branches ?? []) expect(branch.status).not.toBe('hazard');
  }
  for (const { branches } of participants) expect([...branches.values()]).not.toContain('prepared');
}
