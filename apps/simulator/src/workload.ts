/** What clients ask for, and where it lies. */
import type { SeededRandom } from '@concordat/raft/simulator';
import type { Operation } from './messages.js';

const LISTS = 8;
const ACCOUNTS_EACH = 3;
const OPENING_BALANCE = 100;
const AMOUNT_MAX = 40;

type PlanKind = 'lists' | 'transfer' | 'audit';

export interface Plan {
  readonly kind: PlanKind;
  readonly operations: readonly Operation[];
}

export class Workload {
  readonly lists: readonly { readonly key: string; readonly participant: string }[];
  #element = 0;

  constructor(
    readonly participants: readonly string[],
    private readonly random: SeededRandom,
  ) {
    this.lists = Array.from({ length: LISTS }, (_, at) => ({
      key: `l${at}`,
      participant: participants[at % participants.length] as string,
    }));
  }

  get money(): number {
    return this.participants.length * ACCOUNTS_EACH * OPENING_BALANCE;
  }

  accountsOf(participant: string): string[] {
    return Array.from({ length: ACCOUNTS_EACH }, (_, at) => `a${at}.${participant}`);
  }

  initialOf(participant: string): Map<string, unknown> {
    return new Map<string, unknown>([
      ...this.lists.filter((list) => list.participant === participant).map(({ key }) => [key, []] as const),
      ...this.accountsOf(participant).map((key) => [key, OPENING_BALANCE] as const),
    ]);
  }

  draw(): Plan {
    const kind = this.random.pick<PlanKind>(['lists', 'lists', 'lists', 'transfer', 'transfer', 'audit']);
    if (kind === 'lists') return { kind, operations: this.#listOperations() };
    return kind === 'audit' ? this.audit() : { kind, operations: this.#transfer() };
  }

  audit(): Plan {
    const operations = this.participants.map((participant) => {
      return { participant, operation: 'total', input: { keys: this.accountsOf(participant) } };
    });
    return { kind: 'audit', operations };
  }

  readAll(): Plan {
    const operations = this.lists.map(({ key, participant }) => ({ participant, operation: 'read', input: { key } }));
    return { kind: 'lists', operations };
  }

  #listOperations(): Operation[] {
    return Array.from({ length: this.random.between(1, 4) }, () => {
      const { key, participant } = this.random.pick(this.lists);
      if (this.random.chance(0.5)) return { participant, operation: 'read', input: { key } };
      this.#element += 1;
      return { participant, operation: 'append', input: { key, element: this.#element } };
    });
  }

  #transfer(): Operation[] {
    const [from, to] = this.random.sample(this.participants, 2) as [string, string];
    const amount = this.random.between(1, AMOUNT_MAX);
    const change = (participant: string, by: number) => {
      const input = { key: this.random.pick(this.accountsOf(participant)), amount: by };
      return { participant, operation: 'change', input };
    };
    return [change(from, -amount), change(to, amount)];
  }
}
