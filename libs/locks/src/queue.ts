import { isCompatible, type LockMode } from './lock.js';

/**
 * Who of those that wait is next: first come, first served, so nobody starves. Shared ones that came after an exclusive one
 * wait behind it, even while the lock is shared.
 * @param held modes of those that hold the lock, or soon will
 * @param waiting in the order in which they came
 * @param holdersMax how many may hold it at once
 * @returns those at the head that may hold it beside each other and beside those that do
 */
export function nextInLine<T extends { readonly mode: LockMode }>(
  held: readonly LockMode[],
  waiting: readonly T[],
  holdersMax: number,
): T[] {
  const modes = [...held];
  const next: T[] = [];
  for (const one of waiting) {
    if (modes.length >= holdersMax || !isCompatible(modes, one.mode)) break;
    modes.push(one.mode);
    next.push(one);
  }
  return next;
}
