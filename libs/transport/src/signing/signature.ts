/**
 * The signature of one message, and what it binds: topic, key and value, byte for byte as sent, and the time of signing.
 * So a command for one participant is none for another, a reply is no command, and neither can be put under another key.
 * What the value says stays the business of who reads it.
 *
 * The header reads `v1;<owner>;<kid>;<signed at, Unix time in ms>;<HMAC-SHA256 in base64url>`; the HMAC is over the text
 * `concordat-signature-v1`, owner, kid, time, topic and the key's length in bytes, each ended by a line feed, then the
 * key, a line feed, and the value.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { MessageKey, MessageKeys } from './message-keys.js';

/** Kafka header that carries the signature. */
export const SIGNATURE_HEADER = 'concordat-signature';

const headerLengthMax = 256;
const headerPattern = /^v1;([a-z0-9_][a-z0-9-]{0,63});([A-Za-z0-9._-]{1,64});(\d{1,15});([A-Za-z0-9_-]{43})$/;

/** What a signature is made over. */
export interface SignedParts {
  readonly topic: string;
  readonly key: string;
  readonly value: string | Buffer;
}

/** Who signed a message, and when by that one's clock (Unix time in ms). */
export interface Signer {
  readonly owner: string;
  readonly signedAtMs: number;
}

export type SignatureErrorCode =
  /** There is none, and there must be. */
  | 'signature-missing'
  /** The header is none that a signer makes. */
  | 'signature-malformed'
  /** Nobody who may write here has such a key. */
  | 'signature-key-unknown'
  /** Signed with that key was something else. */
  | 'signature-wrong'
  /** The signer speaks in the name of another. */
  | 'signature-signer-wrong'
  /** Genuine once, and sent again too late. */
  | 'signature-stale';

/** A message is not to be believed. The text begins with the code and holds nothing secret. */
export class SignatureError extends Error {
  override readonly name = 'SignatureError';

  constructor(
    readonly code: SignatureErrorCode,
    text: string,
  ) {
    super(`${code}: ${text}`);
  }
}

/** @returns the value of the header */
export function signatureOf(parts: SignedParts, owner: string, key: MessageKey, signedAtMs: number): string {
  const digest = digestOf(parts, owner, key, String(signedAtMs));
  return `v1;${owner};${key.kid};${signedAtMs};${digest.toString('base64url')}`;
}

/**
 * @param mayWrite whether an owner may write to the topic at all
 * @throws SignatureError
 */
export function verifySignature(
  parts: SignedParts,
  header: string | undefined,
  keys: MessageKeys,
  mayWrite: (owner: string) => boolean,
): Signer {
  if (header === undefined) throw new SignatureError('signature-missing', 'the message is not signed');
  const match = header.length <= headerLengthMax ? headerPattern.exec(header) : null;
  if (!match) throw new SignatureError('signature-malformed', 'the header is none that a signer makes');
  const [, owner, kid, signedAt, claimed] = match as unknown as [string, string, string, string, string];
  const key = mayWrite(owner) ? keys.find(owner, kid) : undefined;
  if (!key) throw new SignatureError('signature-key-unknown', `nobody who may write here has the key ${owner};${kid}`);
  if (!timingSafeEqual(digestOf(parts, owner, key, signedAt), Buffer.from(claimed, 'base64url'))) {
    throw new SignatureError('signature-wrong', `this is not what was signed with the key ${owner};${kid}`);
  }
  return { owner, signedAtMs: Number(signedAt) };
}

function digestOf({ topic, key, value }: SignedParts, owner: string, { kid, secret }: MessageKey, signedAt: string) {
  const context = `concordat-signature-v1\n${owner}\n${kid}\n${signedAt}\n${topic}\n${Buffer.byteLength(key)}\n${key}\n`;
  const hmac = createHmac('sha256', secret).update(context);
  return (typeof value === 'string' ? hmac.update(value, 'utf8') : hmac.update(value)).digest();
}
