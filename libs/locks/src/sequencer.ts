/**
 * A sequencer is what a holder hands to the servers that it works with (Burrows, "The Chubby lock service", 2006, §2.4): one
 * string that names the lock, the mode and the token. A server compares its token with the largest it has seen for that
 * lock, or asks the coordinator whether the token still holds it.
 */
import type { LockMode } from './lock.js';

export interface Sequencer {
  readonly name: string;
  readonly mode: LockMode;
  readonly token: number;
}

const LETTER = { exclusive: 'x', shared: 's' } as const;
const PATTERN = /^([1-9][0-9]{0,15})\.([xs])\.(.+)$/s;

/** For example `1806070884384771.x.orders:42`. */
export const sequencerOf = ({ name, mode, token }: Sequencer): string => `${token}.${LETTER[mode]}.${name}`;

/** @returns undefined where the text is no sequencer */
export function parseSequencer(text: string): Sequencer | undefined {
  const [, digits, letter, name] = PATTERN.exec(text) ?? [];
  const token = Number(digits);
  if (name === undefined || !Number.isSafeInteger(token)) return undefined;
  return { name, mode: letter === 'x' ? 'exclusive' : 'shared', token };
}
