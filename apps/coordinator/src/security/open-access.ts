/** Binds the credentials of the configuration to files and to the identity provider. */
import { WatchedFiles } from '@concordat/transport';
import { ConfigError } from '../config/config-error.js';
import type { CredentialsConfig } from '../config/credentials-config.js';
import type { Logger } from '../observability/logger.js';
import { ApiKeys } from './api-keys.js';
import { type Authenticator, CredentialAuthenticator, openToAll } from './authenticator.js';
import { KeySet } from './key-set.js';
import { TokenVerifier } from './tokens.js';

/** What guards a process, to be closed with it. */
export interface OpenAccess {
  readonly authenticator: Authenticator;
  /** Keys that are in the file, and how often it was read again, and refused. */
  readonly apiKeys?: {
    readonly count: () => number;
    readonly reloads: { readonly taken: number; readonly refused: number };
  };
  /** How often keys of the identity provider were fetched, and in vain. */
  readonly fetches?: { readonly good: number; readonly bad: number };
  close(): void;
}

/** @throws ConfigError when the file of keys cannot be used; it repeats nothing of what the file holds */
export function openAccess(config: CredentialsConfig | undefined, logger: Logger): OpenAccess {
  if (!config) return { authenticator: openToAll, close: () => {} };
  const now = (): number => Date.now();
  const reloads = { taken: 0, refused: 0 };
  const apiKeys = config.apiKeysFile === undefined ? undefined : openKeys(config.apiKeysFile, reloads, logger);
  const keySet = config.identity && new KeySet(config.identity.jwksUrl, now, (error) => keysAway(error, logger));
  void keySet?.refresh(); // so that the first token does not wait for it
  const tokens = config.identity && keySet && new TokenVerifier(config.identity, keySet, now);
  const credentials = { ...(apiKeys && { apiKeys }), ...(tokens && { tokens }) };
  return {
    authenticator: new CredentialAuthenticator(credentials, now),
    ...(apiKeys && { apiKeys: { count: () => apiKeys.value.size, reloads } }),
    ...(keySet && { fetches: keySet.fetches }),
    close: () => apiKeys?.close(),
  };
}

/** @param reloads counts how often the file was read again */
function openKeys(path: string, reloads: { taken: number; refused: number }, logger: Logger): WatchedFiles<ApiKeys> {
  try {
    return new WatchedFiles({
      paths: [path],
      parse: ([content]) => ApiKeys.parse(String(content)),
      onChange: ({ size }) => {
        reloads.taken += 1;
        logger.info({ keys: size }, 'API keys read again');
      },
      onError: ({ message }) => {
        reloads.refused += 1;
        logger.error({ reason: message }, 'the new API keys cannot be used; the last ones stay in force');
      },
    });
  } catch (error) {
    throw new ConfigError(`API_KEYS_FILE cannot be used: ${(error as Error).message}`);
  }
}

function keysAway(error: unknown, logger: Logger): void {
  logger.warn({ reason: (error as Error).message }, 'the keys of the identity provider could not be fetched');
}
