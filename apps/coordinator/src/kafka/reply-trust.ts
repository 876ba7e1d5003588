import type { Reply } from '@concordat/protocol';
import { type IncomingMessage, SignatureError } from '@concordat/transport';

/** A heartbeat may overtake another by so much, in ms: instances of one participant have clocks of their own. */
const OVERTAKING_MS_MAX = 5_000;
/** After this long without a heartbeat, in ms, any genuine one is taken: a clock may have been set back. */
const SILENCE_MS = 60_000;

/**
 * What a reply must be beyond signed: its signer's own, and of today where age matters. The transport has verified
 * the signature; it does not know what a message says.
 *
 * - A reply speaks for the participant that signed it, and for no other.
 * - A heartbeat that was sent once must not be sent again later: an old one could take a participant for stopped, or
 *   bring back operations that it no longer has. All other replies are as true tomorrow as today (D3, D6, D7).
 */
export class ReplyTrust {
  /** By participant: when its newest heartbeat was signed, by its clock, and came, by ours. */
  readonly #newest = new Map<string, { signedAtMs: number; heardAtMs: number }>();

  /** @param now of a clock that is never set back, in ms */
  constructor(private readonly now: () => number) {}

  /** @throws SignatureError when the reply is not to be believed; a reply whose signature nobody asked for is */
  check({ signer }: IncomingMessage, reply: Reply): void {
    if (signer === undefined) return;
    if (signer.owner !== reply.participant) {
      throw new SignatureError('signature-signer-wrong', `${signer.owner} speaks in the name of ${reply.participant}`);
    }
    if (reply.type === 'heartbeat') this.#checkAge(signer.owner, signer.signedAtMs);
  }

  #checkAge(participant: string, signedAtMs: number): void {
    const now = this.now();
    const newest = this.#newest.get(participant);
    const current = newest !== undefined && now - newest.heardAtMs <= SILENCE_MS ? newest : undefined;
    if (current !== undefined && signedAtMs < current.signedAtMs - OVERTAKING_MS_MAX) {
      const text = `the heartbeat is ${current.signedAtMs - signedAtMs} ms older than the newest of ${participant}`;
      throw new SignatureError('signature-stale', text);
    }
    this.#newest.set(participant, {
      signedAtMs: Math.max(signedAtMs, current?.signedAtMs ?? 0),
      heardAtMs: now,
    });
  }
}
