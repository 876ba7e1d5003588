/** Sees everything that is applied, finalised and answered, and holds the one against the other while it happens. */
import { parseTransactionId } from '@concordat/protocol';
import { type BranchRecord, csnOf, type TransactionRecord } from '@concordat/transaction';
import type { Applied } from '../coordinator/ledger-machine.js';
import { hex } from '../digest.js';
import type { Plan } from '../workload.js';
import { History } from './history.js';
import { Violation } from './violation.js';

type Settled = 'committed' | 'aborted';

/** A transaction of a client, until the client knows its outcome. */
export interface OpenTransaction {
  complete(outcome: Settled | 'unknown', branches: readonly BranchRecord[]): void;
}

export class Observer {
  readonly history: History;
  /** What was applied of each transaction, by whichever replica came first. */
  readonly decided = new Map<string, TransactionRecord>();
  readonly counts = { committed: 0, aborted: 0, unknown: 0 };
  readonly #digests = new Map<number, number>();
  /** Participant and transaction → what it was finalised as. */
  readonly #finalised = new Map<string, Settled>();
  readonly #answered = new Map<string, Settled>();
  readonly #byKey = new Map<string, string>();
  readonly #told: { readonly id: string; readonly branchId: string; readonly result: unknown }[] = [];

  /** @param money the total of all accounts; undefined where audits need not be exact */
  constructor(
    private readonly participants: readonly string[],
    private readonly money: number | undefined,
  ) {
    this.history = new History();
  }

  applied = (replica: number, { change, digest }: Applied): void => {
    const { index } = change;
    const other = this.#digests.get(index);
    if (other !== undefined && other !== digest) {
      this.#fail('replicas are equal', `replica ${replica} at ${index}: ${hex(digest)}, another had ${hex(other)}`);
    }
    this.#digests.set(index, digest);
    if (other !== undefined) return;
    for (const record of change.transactions) {
      if (record.decidedIndex === index && record.outcome === 'committed') this.#checkTerm(record.id, change.term);
      this.#decide(record);
    }
  };

  /** A participant has carried out an outcome, durably. */
  finalised = (participant: string, id: string, outcome: Settled): void => {
    const place = `${participant} ${id}`;
    const before = this.#finalised.get(place);
    if (before !== undefined && before !== outcome)
      this.#mixed(`${id} was ${before} at ${participant}, now ${outcome}`);
    this.#finalised.set(place, outcome);
    const decided = this.decided.get(id)?.outcome ?? null;
    if (outcome === 'committed' && decided !== 'committed') {
      this.#mixed(`${participant} has committed ${id}, which nobody has applied as committed`);
    }
    if (outcome === 'aborted' && decided === 'committed' && this.#isNamed(id, participant)) {
      this.#mixed(`${participant} has rolled back ${id}, which is committed`);
    }
  };

  /** A caller was told the outcome of its transaction. */
  answered(id: string, key: string | null, outcome: Settled): void {
    const before = this.#answered.get(id);
    if (before !== undefined && before !== outcome)
      this.#fail('one answer', `${id} was told ${before}, now ${outcome}`);
    const bound = key === null ? id : this.#byKey.get(key);
    if (key !== null && bound !== undefined && bound !== id) {
      this.#fail('one answer', `the key ${key} was answered with ${bound}, now with ${id}`);
    }
    if (key !== null) this.#byKey.set(key, id);
    this.#answered.set(id, outcome);
    const decided = this.decided.get(id)?.outcome ?? null;
    if (outcome === 'committed' ? decided !== 'committed' : decided === 'committed') {
      this.#fail('answers are true', `${id} was told ${outcome}, and is ${decided ?? 'not decided'}`);
    }
  }

  /** The result of an operation was told before the outcome. */
  told(id: string, branchId: string, result: unknown): void {
    this.#told.push({ id, branchId, result });
  }

  hazard = (text: string): void => this.#fail('no hazard', text);

  invoke(process: number, plan: Plan): OpenTransaction {
    const entry = plan.kind === 'lists' ? this.history.invoke(process, plan.operations) : undefined;
    return {
      complete: (outcome, branches) => {
        this.counts[outcome] += 1;
        entry?.complete(outcome, branches);
        if (plan.kind === 'audit' && outcome === 'committed') this.#audit(branches);
      },
    };
  }

  /** T5: what was told before the outcome is what was committed. */
  checkTold(): void {
    for (const { id, branchId, result } of this.#told) {
      const record = this.decided.get(id);
      if (record?.outcome !== 'committed') continue;
      const branch = record.branches.find((one) => one.id === branchId);
      if (JSON.stringify(branch?.result) !== JSON.stringify(result)) {
        this.#fail('results are true', `${id} told ${JSON.stringify(result)}, committed ${JSON.stringify(branch)}`);
      }
    }
  }

  /** No acknowledged commit is lost, no transaction is mixed: every branch named by a commit is committed. */
  checkFinalised(): void {
    for (const [id, outcome] of this.#answered) {
      const decided = this.decided.get(id)?.outcome ?? 'aborted';
      if (decided !== outcome) this.#fail('answers are true', `${id} was told ${outcome}, and is ${decided}`);
    }
    for (const record of this.decided.values()) if (record.outcome === 'committed') this.#checkBranches(record);
  }

  /** D2. Were it not so, what another leader has presumed aborted could still be committed. */
  #checkTerm(id: string, term: number): void {
    const own = parseTransactionId(id)?.term;
    if (own !== term) this.#fail('own term or never', `${id} of term ${own} is committed by an entry of term ${term}`);
  }

  #decide(record: TransactionRecord): void {
    const { id, outcome, status } = record;
    if (outcome === null) return;
    const before = this.decided.get(id)?.outcome;
    if (before !== undefined && before !== outcome) this.#fail('one outcome', `${id} was ${before}, now ${outcome}`);
    if (outcome === 'committed' && this.#answered.get(id) === 'aborted') {
      this.#fail('answers are true', `${id} is committed, and was told aborted`);
    }
    this.decided.set(id, record);
    if (outcome === 'committed' && before === undefined) {
      for (const participant of this.participants) {
        if (this.#finalised.get(`${participant} ${id}`) === 'aborted' && this.#isNamed(id, participant)) {
          this.#mixed(`${id} is committed, and ${participant} has rolled it back`);
        }
      }
    }
    if (outcome === 'committed' && status === 'completed') this.#checkBranches(record); // D7
  }

  #checkBranches({ id, branches, csn, decidedIndex }: TransactionRecord): void {
    if (csn === null || decidedIndex === null || csn < csnOf(0, decidedIndex)) this.#mixed(`${id} has the csn ${csn}`);
    for (const { participant, status } of branches) {
      if (status === 'read-only') continue;
      if (this.#finalised.get(`${participant} ${id}`) !== 'committed') {
        this.#mixed(`${id} is committed and finished, and ${participant} (${status}) has not committed it`);
      }
    }
  }

  #isNamed(id: string, participant: string): boolean {
    const branches = this.decided.get(id)?.branches ?? [];
    return branches.some((one) => one.participant === participant && one.status !== 'read-only');
  }

  #audit(branches: readonly BranchRecord[]): void {
    if (this.money === undefined) return;
    const total = branches.reduce((sum, { result }) => sum + (result as number), 0);
    if (total !== this.money) this.#fail('money is constant', `a transaction saw ${total} of ${this.money}`);
  }

  #mixed(text: string): never {
    return this.#fail('nothing is mixed', text);
  }

  #fail(promise: string, text: string): never {
    throw new Violation(promise, text);
  }
}
