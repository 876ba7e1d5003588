import { describe, expect, it } from '@jest/globals';
import type { Entry } from '../core/messages.js';
import type { ProposalOutcome } from './outcomes.js';
import { ProposalLedger } from './proposals.js';

const entry = (index: number, term: number): Entry => ({ index, term, type: 0, data: Uint8Array.of(1) });

function ledger() {
  const book = new ProposalLedger<string>();
  const outcomes: string[] = [];
  const note = (name: string) => (outcome: ProposalOutcome<string>) => {
    const detail = outcome.outcome === 'committed' ? outcome.result : 'reason' in outcome ? outcome.reason : '';
    outcomes.push(`${name} ${outcome.outcome} ${detail}`);
  };
  return { book, outcomes, note };
}

describe('the ledger of proposals', () => {
  it('settles each with its own result, in the order of the log', () => {
    const { book, outcomes, note } = ledger();
    for (const index of [5, 6, 8]) book.place(index, 2, note(`p${index}`));
    for (const index of [4, 5, 6, 7]) book.applied(entry(index, 2), `r${index}`);
    expect(outcomes).toEqual(['p5 committed r5', 'p6 committed r6']);
    expect(book.length).toBe(1);
  });

  it('calls a proposal replaced when another term was committed in its place', () => {
    const { book, outcomes, note } = ledger();
    book.place(5, 2, note('p5'));
    book.applied(entry(5, 3), 'other');
    expect(outcomes).toEqual(['p5 dropped replaced']);
  });

  it('does not know what became of what a snapshot jumped over', () => {
    const { book, outcomes, note } = ledger();
    book.place(5, 2, note('p5'));
    book.placeChange(6, 2, note('c6'));
    book.place(9, 2, note('p9'));
    book.skippedTo(7);
    expect(outcomes).toEqual(['p5 uncertain snapshot-installed', 'c6 uncertain snapshot-installed']);
  });

  it('gives up what the own log lost when this node leads again at a lower index', () => {
    const { book, outcomes, note } = ledger();
    for (const index of [5, 6, 7]) book.place(index, 2, note(`p${index}`));
    book.placeChange(8, 2, note('c8'));
    book.place(6, 4, note('new'));
    expect(outcomes).toEqual([
      'p7 uncertain leadership-lost',
      'p6 uncertain leadership-lost',
      'c8 uncertain leadership-lost',
    ]);
    book.applied(entry(5, 2), 'five');
    book.applied(entry(6, 4), 'six');
    expect(outcomes.slice(3)).toEqual(['p5 committed five', 'new committed six']);
  });

  it('settles a change of the membership when the core knows of it, or as refused when it became an empty entry', () => {
    const { book, outcomes, note } = ledger();
    book.placeChange(5, 2, note('took'));
    book.placeChange(7, 2, note('refused'));
    book.applied(entry(6, 2), 'x');
    book.membersChanged(entry(5, 2));
    book.applied({ ...entry(7, 2), data: new Uint8Array(0) }, undefined);
    expect(outcomes).toEqual(['took committed undefined', 'refused dropped change-refused']);
  });

  it('settles thousands in linear time and memory, and everything at the end', () => {
    const { book, outcomes, note } = ledger();
    for (let index = 1; index <= 10_000; index++) book.place(index, 1, note(`p${index}`));
    for (let index = 1; index <= 9_999; index++) book.applied(entry(index, 1), '');
    book.giveUpAll('closed');
    expect(outcomes).toHaveLength(10_000);
    expect(outcomes.at(-1)).toBe('p10000 uncertain closed');
    expect(book.length).toBe(0);
  });
});
