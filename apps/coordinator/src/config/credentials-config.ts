/** Which credentials callers are to show, and the rule that nobody is let in without any from elsewhere than this machine. */
import { z } from 'zod';
import type { TokenRules } from '../security/tokens.js';
import { ConfigError } from './config-error.js';

export interface CredentialsConfig {
  readonly apiKeysFile: string | undefined;
  /** The identity provider whose tokens are taken. */
  readonly identity: ({ readonly jwksUrl: string } & TokenRules) | undefined;
}

const JWKS_URL = 'an https URL (http only to this machine)';
const CLAIM = 'the name of a claim, or a path such as realm_access.roles';
const claim = z.string().regex(/^[\x21-\x7e]{1,200}$/, CLAIM);

/** Part of the environment's schema. */
export const credentialsShape = {
  API_KEYS_FILE: z.string().optional(),
  JWKS_URL: z
    .string()
    .refine((text) => {
      const url = URL.parse(text);
      return url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname));
    }, JWKS_URL)
    .optional(),
  JWT_ISSUER: z.string().optional(),
  JWT_AUDIENCE: z.string().optional(),
  JWT_ROLES_CLAIM: claim.default('roles'),
  JWT_ROLES_PREFIX: z.string().default(''),
  JWT_PARTICIPANTS_CLAIM: claim.default('participants'),
};
const _shape = z.object(credentialsShape);

/**
 * @returns undefined where there are none, which is allowed on loopback only
 * @throws ConfigError saying what to set
 */
export function readCredentials(host: string, env: z.infer<typeof _shape>): CredentialsConfig | undefined {
  const { API_KEYS_FILE: apiKeysFile, JWKS_URL: jwksUrl, JWT_ISSUER: issuer, JWT_AUDIENCE: audience } = env;
  if (jwksUrl !== undefined && (issuer === undefined || audience === undefined)) {
    throw new ConfigError(
      'JWKS_URL is set without JWT_ISSUER and JWT_AUDIENCE: expected both, or tokens for anybody would be taken',
    );
  }
  if (apiKeysFile === undefined && jwksUrl === undefined) {
    if (isLoopback(host)) return undefined;
    throw new ConfigError(
      'HOST is not this machine only, and there are no credentials: expected API_KEYS_FILE (`concordat keys create` makes ' +
        'keys for it) or JWKS_URL; or leave HOST at 127.0.0.1. See docs/security.md',
    );
  }
  const identity = jwksUrl !== undefined && issuer !== undefined && audience !== undefined;
  return {
    apiKeysFile,
    identity: identity
      ? {
          jwksUrl,
          issuer,
          audience,
          rolesClaim: env.JWT_ROLES_CLAIM,
          rolesPrefix: env.JWT_ROLES_PREFIX,
          participantsClaim: env.JWT_PARTICIPANTS_CLAIM,
        }
      : undefined,
  };
}

/** Whether only this machine reaches an address. Names other than localhost are not looked up: they may change. */
function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);
}
