/** Finds out who calls, from the Authorization header alone. */
import { ConcordatError } from '@concordat/protocol';
import type { ApiKeys } from './api-keys.js';
import { ANONYMOUS, type Principal } from './principal.js';
import type { TokenVerifier } from './tokens.js';

/** What may be presented: at least one of the two. */
export interface Credentials {
  /** Asked each time, since the file may have changed. */
  readonly apiKeys?: { readonly value: Pick<ApiKeys, 'find'> };
  readonly tokens?: Pick<TokenVerifier, 'verify'>;
}

const BEARER = /^Bearer +([\x21-\x7e]+)$/i;
const API_KEY_PREFIX = 'concordat_';

export interface Authenticator {
  /**
   * At once for an API key, later for a token. @param authorization the header as it came
   * @throws ConcordatError unauthenticated, identity-unavailable
   */
  authenticate(authorization: string | undefined): Principal | Promise<Principal>;
}

/** Where there are no credentials: everybody may do everything. config.ts sees to it that this listens on loopback only. */
export const openToAll: Authenticator = { authenticate: () => ANONYMOUS };

export class CredentialAuthenticator implements Authenticator {
  /** @param now Unix time in ms */
  constructor(
    private readonly credentials: Credentials,
    private readonly now: () => number,
  ) {}

  authenticate(authorization: string | undefined): Principal | Promise<Principal> {
    if (authorization === undefined) throw refused('Send an Authorization header: Bearer and an API key or a token.');
    const credential = BEARER.exec(authorization)?.[1];
    if (credential === undefined) throw refused('The Authorization header is not of the form: Bearer <credential>.');
    const { apiKeys, tokens } = this.credentials;
    if (credential.startsWith(API_KEY_PREFIX)) {
      const found = apiKeys?.value.find(credential, this.now()) ?? 'unknown';
      if (typeof found !== 'string') return found;
      // Whoever has the secret may know that its time is over; for everybody else all refusals are one.
      throw refused(
        found === 'expired' || found === 'not-yet-valid' ? `The API key is ${found}.` : 'The API key is not valid.',
      );
    }
    if (!tokens) throw refused('The credential is no API key, and tokens are not taken here.');
    return tokens.verify(credential);
  }
}

const refused = (message: string): ConcordatError => new ConcordatError('unauthenticated', message);
