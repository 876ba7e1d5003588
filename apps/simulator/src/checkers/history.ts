/** What clients asked and were told of lists, in the form that libs/isolation checks. */
import { checkHistory, type HistoryEvent, type MicroOperation, type ModelName } from '@concordat/isolation';
import type { BranchRecord } from '@concordat/transaction';
import type { Operation } from '../messages.js';
import { Violation } from './violation.js';

export interface OpenEntry {
  complete(outcome: 'committed' | 'aborted' | 'unknown', branches: readonly BranchRecord[]): void;
}

export class History {
  readonly #events: HistoryEvent[] = [];
  /** A process whose transaction stays unknown goes on under another name. */
  readonly #names = new Map<number, number>();

  get length(): number {
    return this.#events.length;
  }

  invoke(client: number, operations: readonly Operation[]): OpenEntry {
    const process = `${client}.${this.#names.get(client) ?? 0}`;
    this.#add(
      process,
      'invoke',
      operations.map((one) => micro(one, null)),
    );
    return {
      complete: (outcome, branches) => {
        if (outcome === 'unknown') this.#names.set(client, (this.#names.get(client) ?? 0) + 1);
        const type = outcome === 'committed' ? 'ok' : outcome === 'aborted' ? 'fail' : 'info';
        // Branches stand in the order in which their operations were enlisted.
        const resultOf = (at: number) => (outcome === 'committed' ? (branches[at]?.result as number[]) : null);
        this.#add(
          process,
          type,
          operations.map((one, at) => micro(one, resultOf(at))),
        );
      },
    };
  }

  /** @throws Violation */
  check(model: ModelName): void {
    this.#check(this.#events, model);
  }

  /** Each participant on its own: what local isolation promises. @throws Violation */
  checkEach(participantOf: (key: string) => string, participants: readonly string[]): void {
    for (const participant of participants) {
      const isThere = ([, key]: MicroOperation) => participantOf(String(key)) === participant;
      const events = this.#events.map((event) => ({ ...event, value: event.value.filter(isThere) }));
      this.#check(events, 'snapshot-isolation');
    }
  }

  #check(events: readonly HistoryEvent[], model: ModelName): void {
    const [first] = checkHistory(events, model).forbidden;
    if (first) throw new Violation(model, [first.kind, ...first.explanation].join('\n    '));
  }

  #add(process: string, type: HistoryEvent['type'], value: MicroOperation[]): void {
    this.#events.push({ index: this.#events.length, process, type, value });
  }
}

function micro({ operation, input }: Operation, result: readonly number[] | null): MicroOperation {
  const { key, element } = input as { key: string; element: number };
  return operation === 'append' ? ['append', key, element] : ['r', key, result];
}
