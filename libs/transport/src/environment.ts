/** What every process that speaks to Kafka reads from its environment about trust: one set of names for all of them. */
import { readFileSync } from 'node:fs';
import type { KafkaSasl, KafkaSecurity, KafkaTls } from './security.js';
import type { SigningMode } from './signing/message-signing.js';

const mechanisms: readonly string[] = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] satisfies KafkaSasl['mechanism'][];
const modes: readonly string[] = ['strict', 'migrate'] satisfies SigningMode[];

/** What was read. */
export interface TransportEnvironment {
  readonly security: KafkaSecurity | undefined;
  /** Where the keys are; undefined: messages are not signed. */
  readonly messageKeys: { readonly file: string; readonly mode: SigningMode } | undefined;
}

/** A variable cannot be used. Names it, and repeats no value. */
export class TransportEnvironmentError extends Error {
  override readonly name = 'TransportEnvironmentError';
}

/**
 * Reads KAFKA_SASL_*, KAFKA_TLS_* and MESSAGE_KEYS_*; an empty variable counts as unset.
 * @throws TransportEnvironmentError
 */
export function readTransportEnvironment(environment: NodeJS.ProcessEnv): TransportEnvironment {
  const tls = readTls(environment);
  const sasl = readSasl(environment);
  if (sasl?.mechanism === 'PLAIN' && !tls) {
    fail('KAFKA_SASL_MECHANISM PLAIN sends the password as it is: set KAFKA_TLS_CA_FILE too, or use SCRAM-SHA-512');
  }
  const security = tls || sasl ? { ...(tls && { tls }), ...(sasl && { sasl }) } : undefined;
  return { security, messageKeys: readMessageKeys(environment) };
}

function readTls(environment: NodeJS.ProcessEnv): KafkaTls | undefined {
  const { KAFKA_TLS_CA_FILE: ca, KAFKA_TLS_CERT_FILE: cert, KAFKA_TLS_KEY_FILE: key } = environment;
  if (!ca && !cert && !key) return undefined;
  if (!ca) fail('KAFKA_TLS_CA_FILE is not set: expected the certificates of the authorities of the brokers');
  if (Boolean(cert) !== Boolean(key)) fail('KAFKA_TLS_CERT_FILE and KAFKA_TLS_KEY_FILE go together: set both or none');
  return {
    authority: readNamed('KAFKA_TLS_CA_FILE', ca),
    ...(cert && key
      ? { certificate: readNamed('KAFKA_TLS_CERT_FILE', cert), key: readNamed('KAFKA_TLS_KEY_FILE', key) }
      : {}),
  };
}

function readSasl(environment: NodeJS.ProcessEnv): KafkaSasl | undefined {
  const {
    KAFKA_SASL_MECHANISM: mechanism,
    KAFKA_SASL_USERNAME: username,
    KAFKA_SASL_PASSWORD_FILE: file,
  } = environment;
  if (!mechanism && !username && !file) return undefined;
  if (!mechanism || !mechanisms.includes(mechanism)) {
    fail(`KAFKA_SASL_MECHANISM cannot be used: expected one of ${mechanisms.join(', ')}`);
  }
  if (!username || !file)
    fail('KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD_FILE go with KAFKA_SASL_MECHANISM: set all');
  const password = readNamed('KAFKA_SASL_PASSWORD_FILE', file).toString('utf8').trim();
  return { mechanism: mechanism as KafkaSasl['mechanism'], username, password };
}

function readMessageKeys(environment: NodeJS.ProcessEnv): TransportEnvironment['messageKeys'] {
  const { MESSAGE_KEYS_FILE: file, MESSAGE_KEYS_MODE: mode = 'strict' } = environment;
  if (!file) return undefined;
  const chosen = mode === '' ? 'strict' : mode;
  if (!modes.includes(chosen)) fail(`MESSAGE_KEYS_MODE cannot be used: expected one of ${modes.join(', ')}`);
  return { file, mode: chosen as SigningMode };
}

function readNamed(name: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    return fail(`${name} cannot be read: ${(error as Error).message}`);
  }
}

function fail(text: string): never {
  throw new TransportEnvironmentError(text);
}
