import { SafetyViolation } from './checker.js';

/** What one node looks like once the faults are over. */
export interface CalmNode {
  readonly id: number;
  readonly isLeader: boolean;
  readonly appliedIndex: number;
  readonly role: string;
}

/**
 * Once faults stop, the cluster comes to rest: one of the members leads, writes are answered, and all members have applied
 * the same. Asked again and again until it is so; `assertReached` fails if it never was.
 */
export class Liveness {
  #isReached = false;
  #last = '';

  get isReached(): boolean {
    return this.#isReached;
  }

  observe(members: readonly CalmNode[], isWriteAnswered: boolean): void {
    if (this.#isReached) return;
    const applied = new Set(members.map(({ appliedIndex }) => appliedIndex));
    const leaders = members.filter(({ isLeader }) => isLeader).length;
    this.#last = `write answered: ${isWriteAnswered}, ${members.map(describe).join(', ')}`;
    this.#isReached = isWriteAnswered && leaders === 1 && applied.size === 1;
  }

  assertReached(withinMs: number): void {
    if (!this.#isReached) throw new SafetyViolation('liveness', `no rest within ${withinMs} ms: ${this.#last}`);
  }
}

function describe({ id, role, appliedIndex }: CalmNode): string {
  return `${id} ${role} applied ${appliedIndex}`;
}
