/** What participants can do. The state of a participant is a handful of keys: lists, and accounts with a balance. */
export interface KeyValues {
  get(key: string): Promise<unknown>;
  set(key: string, value: unknown): void;
}

/** An operation says no: the transaction aborts. */
export class Refused extends Error {
  constructor(readonly code: string) {
    super(code);
  }
}

/** @throws Refused */
export async function perform(operation: string, input: unknown, values: KeyValues): Promise<unknown> {
  switch (operation) {
    case 'read':
      return values.get((input as { key: string }).key);
    case 'append': {
      const { key, element } = input as { key: string; element: number };
      values.set(key, [...((await values.get(key)) as number[]), element]);
      return null;
    }
    case 'change': {
      const { key, amount } = input as { key: string; amount: number };
      const balance = ((await values.get(key)) as number) + amount;
      if (balance < 0) throw new Refused('insufficient-funds');
      values.set(key, balance);
      return balance;
    }
    case 'total': {
      let total = 0;
      for (const key of (input as { keys: readonly string[] }).keys) total += (await values.get(key)) as number;
      return total;
    }
    default:
      throw new Error(`no operation ${operation}`);
  }
}
