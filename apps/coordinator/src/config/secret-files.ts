import { readFileSync } from 'node:fs';
import { ConfigError } from './config-error.js';

/** Variables that may be given as a file instead, named `<variable>_FILE`: their values are secrets. */
const SECRETS = ['DATABASE_URL'];

/**
 * Reads secrets that are given as files, as Kubernetes and Docker mount them. White space around a value is no part of it.
 * @throws ConfigError when a file cannot be read, or a variable is given both ways
 */
export function withSecretFiles(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const secrets = SECRETS.flatMap((name) => {
    const path = environment[`${name}_FILE`];
    if (!path) return [];
    if (environment[name]) throw new ConfigError(`${name} and ${name}_FILE are both set: set one of them`);
    return [[name, readSecret(name, path)]];
  });
  return { ...environment, ...Object.fromEntries(secrets) };
}

function readSecret(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new ConfigError(`${name}_FILE cannot be read: ${(error as Error).message}`);
  }
}
