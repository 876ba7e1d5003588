/** What must hold once the faults are over and everything is quiet. */
import type { Isolation } from '@concordat/protocol';
import type { Replica } from '../coordinator/replica.js';
import type { Participant } from '../participant/participant.js';
import type { Workload } from '../workload.js';
import type { Observer } from './observer.js';
import { Violation } from './violation.js';

export interface EndOfRun {
  readonly replicas: readonly Replica[];
  readonly participants: readonly Participant[];
  readonly workload: Workload;
  readonly observer: Observer;
  readonly isolation: Isolation;
  readonly serializable: boolean;
}

/** @throws Violation */
export function checkEnd(end: EndOfRun): void {
  checkReplicas(end);
  checkInDoubt(end);
  checkMoney(end);
  end.observer.checkFinalised();
  end.observer.checkTold();
  checkHistories(end);
}

function checkReplicas({ replicas }: EndOfRun): void {
  const [first, ...others] = replicas.map(({ machine }) => machine.picture());
  others.forEach((picture, at) => {
    if (picture !== first) throw new Violation('replicas are equal', `replica ${at + 2} differs from replica 1`);
  });
}

function checkInDoubt({ participants }: EndOfRun): void {
  for (const { name, store } of participants) {
    const left = [...store.prepared, ...store.intents];
    if (left.length > 0) throw new Violation('nothing stays in doubt', `${name} still holds ${left.join(', ')}`);
  }
}

function checkMoney({ participants, workload }: EndOfRun): void {
  const balances = participants.flatMap(({ name, store }) => {
    return workload.accountsOf(name).map((key) => store.newest(key) as number);
  });
  const total = balances.reduce((sum, balance) => sum + balance, 0);
  if (total !== workload.money) throw new Violation('money is constant', `${total} of ${workload.money} are left`);
}

/** A transaction that begins after a commit was answered sees it: so the order in real time counts too. */
function checkHistories({ observer, workload, isolation, serializable }: EndOfRun): void {
  if (isolation === 'global') {
    return observer.history.check(serializable ? 'strict-serializable' : 'strong-snapshot-isolation');
  }
  const participantOf = (key: string) => workload.lists.find((list) => list.key === key)?.participant ?? '';
  observer.history.checkEach(participantOf, workload.participants);
}
