/** Signs what a process sends and verifies what it receives, topic by topic, with keys that may change meanwhile. */
import type { IncomingMessage, OutgoingMessage } from '../transport.js';
import { TransportError } from '../transport-error.js';
import type { MessageKeys } from './message-keys.js';
import { SIGNATURE_HEADER, signatureOf, verifySignature } from './signature.js';

/** On this topic everybody who has a key may write. */
export const ANY_OWNER = Symbol('any owner');

/** Whose keys a topic goes by: what is sent there is signed with them, what comes from there must be. Undefined: not signed. */
export type TopicOwners = (topic: string, keys: MessageKeys) => string | typeof ANY_OWNER | undefined;

/**
 * `strict`: what is not signed is refused, and nothing leaves unsigned. `migrate`: what is not signed is accepted, and
 * what one has no key for leaves unsigned; a wrong signature is refused all the same. For the time in which keys are
 * handed out, and no longer: it protects from nobody.
 */
export type SigningMode = 'strict' | 'migrate';

export interface MessageSigningOptions {
  /** The keys that are in force now. */
  keys(): MessageKeys;
  readonly ownerOf: TopicOwners;
  readonly mode: SigningMode;
  /** Unix time in ms. */
  readonly now: () => number;
  /** Lets go of where the keys come from. */
  readonly close?: () => void;
}

export class MessageSigning {
  /** Messages accepted without a signature. */
  unsigned = 0;
  /** Messages that were not to be believed. */
  refused = 0;

  constructor(private readonly options: MessageSigningOptions) {}

  close(): void {
    this.options.close?.();
  }

  /**
   * Adds the signature.
   * @throws TransportError transport-message-rejected when there is no key for the topic and one is needed
   */
  sign(message: OutgoingMessage): OutgoingMessage {
    const { ownerOf, mode, now } = this.options;
    const keys = this.options.keys();
    const owner = ownerOf(message.topic, keys);
    if (owner === undefined) return message;
    const key = owner === ANY_OWNER ? undefined : keys.signingKeyOf(owner);
    if (owner === ANY_OWNER || !key) {
      if (mode === 'migrate') return message;
      throw new TransportError('transport-message-rejected', `There is no key to sign for ${message.topic} with.`);
    }
    const signature = signatureOf(message, owner, key, now());
    return { ...message, headers: { ...message.headers, [SIGNATURE_HEADER]: signature } };
  }

  /**
   * Notes on the message who signed it.
   * @throws SignatureError when it is not to be believed
   */
  verify(message: IncomingMessage): void {
    const { ownerOf, mode } = this.options;
    const keys = this.options.keys();
    const owner = ownerOf(message.topic, keys);
    if (owner === undefined) return;
    const header = Object.hasOwn(message.headers, SIGNATURE_HEADER) ? message.headers[SIGNATURE_HEADER] : undefined;
    if (header === undefined && mode === 'migrate') {
      this.unsigned += 1;
      return;
    }
    const mayWrite = (one: string) => owner === ANY_OWNER || one === owner;
    try {
      message.signer = verifySignature(message, header, keys, mayWrite);
    } catch (error) {
      this.refused += 1;
      throw error;
    }
  }
}
