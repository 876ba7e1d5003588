import { createApiKey } from '@concordat/coordinator-state';
import { ApiKeys } from '../src/security/api-keys.js';
import { CredentialAuthenticator } from '../src/security/authenticator.js';
import { ROLES, type Role } from '../src/security/principal.js';
import type { TokenVerifier } from '../src/security/tokens.js';

/** One API key for each role, and one that has none of the participants. */
export class KeyRing {
  readonly keys: Readonly<Record<Role | 'confined', string>>;
  readonly authenticator: CredentialAuthenticator;

  /** @param tokens what it takes beside its keys */
  constructor(tokens?: Pick<TokenVerifier, 'verify'>) {
    const entries = [...ROLES, 'confined' as const].map((id) => ({ id, ...createApiKey(id) }));
    this.keys = Object.fromEntries(entries.map(({ id, key }) => [id, key])) as KeyRing['keys'];
    const text = JSON.stringify({
      keys: entries.map(({ id, hash }) => ({
        id,
        hash,
        caller: `${id}-service`,
        roles: [id === 'confined' ? 'caller' : id],
        participants: id === 'confined' ? ['inventory'] : '*',
      })),
    });
    this.authenticator = new CredentialAuthenticator(
      { apiKeys: { value: ApiKeys.parse(text) }, ...(tokens && { tokens }) },
      () => Date.now(),
    );
  }

  /** Headers of a call under one of the keys. */
  as(name: Role | 'confined'): Record<string, string> {
    return { authorization: `Bearer ${this.keys[name]}` };
  }
}
