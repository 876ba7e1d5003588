import { Ledger } from '../src/ledger.js';
import type { StoreModel } from './store-model.js';
import type { World } from './world.js';

/** One checker per promise; each gives the sentences that are wrong. */
export function contradictions(world: World): string[] {
  return [
    ...differentOutcomes(world),
    ...brokenAnswers(world),
    ...brokenResults(world),
    ...doubledKeys(world),
    ...hazards(world),
    ...unfinished(world),
    ...differentLedgers(world),
  ];
}

/** One outcome per transaction, the same in every branch; no branch of a commit is left out. */
function differentOutcomes({ participants, truth }: World): string[] {
  const wrong: string[] = [];
  for (const { name, history } of participants.values()) {
    for (const [id, finalised] of history) {
      const outcome = truth.find(id)?.outcome ?? 'aborted';
      if (outcome !== finalised) wrong.push(`${id} is ${outcome} and ${finalised} at ${name}`);
    }
  }
  for (const record of decided(truth)) {
    for (const branch of record.branches) {
      if (branch.status !== 'committed' && branch.status !== 'read-only') {
        wrong.push(`${record.id} is committed and ${branch.status} at ${branch.participant}`);
      }
      const there = participants.get(branch.participant)?.history.get(record.id);
      if (branch.status === 'committed' && there !== 'committed')
        wrong.push(`${record.id} is lost at ${branch.participant}`);
    }
  }
  return wrong;
}

function* decided(truth: World['truth']) {
  truth.store.persist();
  for (const record of truth.store.all()) if (record.outcome === 'committed') yield record;
}

/** No acknowledged commit is lost, nothing answered aborted is committed. */
function brokenAnswers({ answers, truth }: World): string[] {
  return answers
    .filter(({ id, outcome }) => outcome !== (truth.find(id)?.outcome ?? 'aborted'))
    .map(({ id, outcome }) => `${id} was answered ${outcome} and is ${truth.find(id)?.outcome ?? 'aborted'}`);
}

/** T5: what is committed ran once, and gave what the record says and what a caller was told. */
function brokenResults({ participants, told, truth }: World): string[] {
  const wrong: string[] = [];
  for (const { id, branches } of decided(truth)) {
    for (const branch of branches) {
      const ran = participants
        .get(branch.participant)
        ?.work.get(id)
        ?.filter(({ branchId }) => branchId === branch.id);
      const results = ran?.map(({ result }) => result) ?? [];
      if (results.length !== 1 || results[0] !== branch.result) {
        wrong.push(`branch ${branch.id} of ${id} gave ${branch.result}, at ${branch.participant} ${results}`);
      }
    }
    for (const one of told) {
      const { result } = branches.find((branch) => one.id === id && branch.id === one.branchId) ?? one;
      if (result !== one.result)
        wrong.push(`branch ${one.branchId} of ${id} gave ${result}, its caller got ${one.result}`);
    }
  }
  return wrong;
}

/** One key, one committed transaction at most (D8). */
function doubledKeys({ begun, truth }: World): string[] {
  const committed = new Map<string, string>();
  const wrong: string[] = [];
  for (const [id, { claim }] of begun) {
    if (!claim || truth.find(id)?.outcome !== 'committed') continue;
    const other = committed.get(claim.key);
    if (other !== undefined) wrong.push(`${claim.key} committed ${other} and ${id}`);
    committed.set(claim.key, id);
  }
  return wrong;
}

function hazards({ participants, nodes }: World): string[] {
  const told = nodes.flatMap(({ leader }) => leader?.hazards ?? []);
  return [...told, ...[...participants.values()].flatMap((one) => one.hazards)].map((hazard) => `hazard: ${hazard}`);
}

/** Nothing lives for ever, no participant stays prepared. */
function unfinished({ participants, truth }: World): string[] {
  const wrong = [...truth.ledger.live.values()].map(({ id, status }) => `${id} is ${status} for ever`);
  for (const { name, rows } of participants.values()) {
    for (const [id, { state }] of rows) if (state === 'prepared') wrong.push(`${id} is prepared for ever at ${name}`);
  }
  return wrong;
}

/** Replicas with different clocks, and ledgers rebuilt from records, are equal (D9). */
function differentLedgers({ nodes, truth, rebuilt, log, begun }: World): string[] {
  const keys = [...begun.values()].flatMap(({ claim }) => (claim ? [claim.key] : []));
  const wanted = pictureOf(truth.ledger, keys);
  const wrong: string[] = [];
  truth.store.persist();
  for (const { ledger, store, index } of nodes) {
    store.persist();
    if (recordsOf(store) !== recordsOf(truth.store)) wrong.push(`replica ${index} holds other records`);
    if (pictureOf(ledger, []) !== pictureOf(truth.ledger, [])) wrong.push(`replica ${index} differs`);
  }
  for (const ledger of rebuilt) {
    const from = ledger.appliedIndex;
    for (const { index, term, entry } of log.committed.slice(from)) ledger.apply(index, term, entry);
    if (pictureOf(ledger, []) !== pictureOf(truth.ledger, [])) wrong.push(`the ledger rebuilt at ${from} differs`);
  }
  const again = new Ledger(EMPTY_STATE, truth.ledger.keysMax);
  for (const { index, term, entry } of log.committed) again.apply(index, term, entry);
  if (pictureOf(again, keys) !== wanted) wrong.push('a ledger fed the same entries differs');
  return wrong;
}

const EMPTY_STATE = {
  appliedIndex: 0,
  appliedTerm: 0,
  incarnation: 0,
  publishedIndex: 0,
  transactions: [],
  participants: [],
  members: [],
  keys: [],
};

const recordsOf = (store: StoreModel): string =>
  JSON.stringify([...store.all()].sort((a, b) => (a.id < b.id ? -1 : 1)));

function pictureOf(ledger: Ledger, keys: readonly string[]): string {
  const { appliedIndex, appliedTerm, incarnation, publishedIndex, live, participants, leases } = ledger;
  return JSON.stringify([
    [appliedIndex, appliedTerm, incarnation, publishedIndex],
    [...live.values()],
    [...leases.values()].sort((a, b) => a.csn - b.csn),
    [...participants.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    keys.map((key) => ledger.findKey('c', key) ?? null),
  ]);
}
