/**
 * What several observers, each with a hearing of its own, make of one sender together.
 *
 * - O1 Only voters' words count, one each: the youngest.
 * - O2 A word older than its bound, one of somebody who cannot tell, and one that is missing suspect nobody.
 * - O3 Condemned is who a majority of all voters suspects, whether or not all of them can be heard. So one observer with a bad
 *   link condemns nobody but where it is the only one, and observers that are cut off from each other do not either.
 * - O4 Who has just been heard by the judge is not condemned, whatever others last said: a heartbeat is proof, silence is not.
 */

/** What an observer hears of a sender: its heartbeats; less than it should; or too little of anybody to tell. */
export type Hearing = 'alive' | 'suspected' | 'unknown';

export interface Word<Id> {
  readonly observer: Id;
  readonly hearing: Hearing;
  /** How long ago the observer was surely still of this mind, in ms. */
  readonly ageMs: number;
}

/**
 * @param words the judge's own and those that have reached it, in any order
 * @param about.judge whose verdict it is; it need not be a voter
 * @param about.voters all that have a vote
 * @param about.wordAgeMsMax bound of O2, in ms
 * @returns whether the sender counts as down
 */
export function condemns<Id>(
  words: Iterable<Word<Id>>,
  about: { readonly judge: Id; readonly voters: ReadonlySet<Id>; readonly wordAgeMsMax: number },
): boolean {
  const youngest = new Map<Id, Word<Id>>();
  for (const word of words) {
    const known = youngest.get(word.observer);
    if (!known || word.ageMs < known.ageMs) youngest.set(word.observer, word);
  }
  if (youngest.get(about.judge)?.hearing === 'alive') return false;
  let suspecting = 0;
  for (const { observer, hearing, ageMs } of youngest.values()) {
    if (hearing === 'suspected' && ageMs <= about.wordAgeMsMax && about.voters.has(observer)) suspecting += 1;
  }
  return suspecting > about.voters.size / 2;
}
