import type { HistoryEvent, MicroOperation } from '../src/history.js';

export interface Asked {
  readonly process?: string;
  /** No answer at all when left out. */
  readonly type?: 'ok' | 'fail' | 'info';
  readonly value: readonly MicroOperation[];
}

/** The history of transactions of which each begins when the one before has ended. */
export function oneAfterTheOther(...asked: readonly Asked[]): HistoryEvent[] {
  return allAtOnce(...asked.map((one) => [one]));
}

/** The history of groups of transactions: those of one group are all invoked before the first is answered. */
export function allAtOnce(...groups: readonly (readonly Asked[])[]): HistoryEvent[] {
  const history: HistoryEvent[] = [];
  const add = (process: string, type: HistoryEvent['type'], value: readonly MicroOperation[]) =>
    history.push({ index: history.length, process, type, value });
  groups.forEach((group, first) => {
    const nameOf = ({ process }: Asked, at: number) => process ?? `${first}.${at}`;
    group.forEach((one, at) => {
      add(nameOf(one, at), 'invoke', one.value);
    });
    group.forEach((one, at) => {
      if (one.type) add(nameOf(one, at), one.type, one.value);
    });
  });
  return history;
}
