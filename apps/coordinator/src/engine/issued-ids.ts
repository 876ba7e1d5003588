import { formatTransactionId, parseTransactionId } from '@concordat/protocol';

/** The transaction ids of one leader (D1). */
export class IssuedIds {
  /** 0 until the first entry of the term is applied. */
  incarnation = 0;
  #sequence = 0;

  constructor(private readonly term: number) {}

  next(): string {
    const id = this.upcoming;
    this.#sequence += 1;
    return id;
  }

  /** The one that is given out next. */
  get upcoming(): string {
    return formatTransactionId({ incarnation: this.incarnation, term: this.term, sequence: this.#sequence + 1 });
  }

  /** Whether this leader has given it out; false for ids of other terms too. */
  has(id: string): boolean {
    return this.#standing(id) === 'issued';
  }

  /** Whether this leader has given it out, or one of an earlier term of this incarnation may have. */
  mayHaveBeen(id: string): boolean {
    return this.#standing(id) !== 'foreign';
  }

  #standing(id: string): 'issued' | 'of-earlier-term' | 'foreign' {
    const parts = parseTransactionId(id);
    if (parts?.incarnation !== this.incarnation) return 'foreign';
    if (parts.term < this.term) return 'of-earlier-term';
    return parts.term === this.term && parts.sequence <= this.#sequence ? 'issued' : 'foreign';
  }
}
