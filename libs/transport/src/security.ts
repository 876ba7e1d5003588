/** How the broker knows us, and how we know the broker. */
import type { ConnectionOptions } from 'node:tls';

/** Encrypts, and checks the broker's certificate; with a certificate of our own the broker can check us. All PEM. */
export interface KafkaTls {
  /** Of the authorities that may have signed the brokers' certificates. */
  readonly authority: Buffer;
  readonly certificate?: Buffer;
  readonly key?: Buffer;
}

/** A name and a password. */
export interface KafkaSasl {
  readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
  readonly username: string;
  readonly password: string;
}

export interface KafkaSecurity {
  readonly tls?: KafkaTls;
  readonly sasl?: KafkaSasl;
}

/** The same in the terms of Node. */
export function tlsOptions({ authority, certificate, key }: KafkaTls): ConnectionOptions {
  return { ca: authority, ...(certificate && { cert: certificate }), ...(key && { key }) };
}

const certificateErrors = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REVOKED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

interface Trouble {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly code?: unknown;
  readonly cause?: unknown;
  readonly originalError?: unknown;
  readonly errors?: unknown;
}

/** An error and every error that it was caused by, in whatever way the client libraries nest them. */
function* chain(error: unknown): Generator<Trouble> {
  if (typeof error !== 'object' || error === null || !('message' in error)) return;
  const one = error as Trouble;
  yield one;
  const nested = Array.isArray(one.errors) ? one.errors : [];
  for (const next of [one.cause, one.originalError, ...nested]) yield* chain(next);
}

/**
 * @returns in a sentence why one side does not believe the other, or undefined if that is not what went wrong. Trying
 * again would not help until somebody changes a password or a certificate.
 */
export function refusalOf(error: unknown): string | undefined {
  for (const { name, code, message } of chain(error)) {
    if (typeof code === 'string' && certificateErrors.has(code)) {
      return `The broker's certificate cannot be trusted (${code}): see KAFKA_TLS_CA_FILE.`;
    }
    if (/SASL.?AUTHENTICATION/i.test(String(name)) || code === 'PLT_KFK_AUTHENTICATION') {
      return 'The broker refused our name or password: see KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD_FILE.';
    }
    if (typeof code === 'string' && /^ERR_SSL_.*ALERT/.test(code)) {
      return `The broker refused our certificate (${code}): see KAFKA_TLS_CERT_FILE.`;
    }
    if (/not enabled in the server|UNSUPPORTED_SASL_MECHANISM/.test(String(message))) {
      return 'The broker does not offer this mechanism: see KAFKA_SASL_MECHANISM.';
    }
  }
  return undefined;
}
