/** Tokens of an identity provider (JWT, OpenID Connect): who they say calls. */
import { ConcordatError } from '@concordat/protocol';
import { errors, type JWTPayload, jwtVerify } from 'jose';
import type { KeySet } from './key-set.js';
import { createPrincipal, isRole, type Principal } from './principal.js';

/** Asymmetric ones only: with `none` or HS256 whoever knows the public key could write tokens. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
const TOKEN_LENGTH_MAX = 8_192;
const LEEWAY_S = 30;
/** Verified tokens that are remembered, and for how long, in ms: a signature costs a hundred times a look-up. */
const REMEMBERED_MAX = 1_000;
const REMEMBERED_MS = 60_000;
const SUBJECT_PATTERN = /^[\x21-\x7e]{1,200}$/;

export interface TokenRules {
  readonly issuer: string;
  readonly audience: string;
  /** Path of the claim with the roles, such as `realm_access.roles`: a list, or names separated by spaces. */
  readonly rolesClaim: string;
  /** What the names of roles begin with there; other names are passed over. */
  readonly rolesPrefix: string;
  /** Path of the claim with the participants that may be enlisted: a list, or `*`. Without it: none. */
  readonly participantsClaim: string;
}

export class TokenVerifier {
  readonly #remembered = new Map<string, { readonly principal: Principal; readonly until: number }>();

  /** @param now Unix time in ms */
  constructor(
    private readonly rules: TokenRules,
    private readonly keys: Pick<KeySet, 'keyOf'>,
    private readonly now: () => number,
  ) {}

  /** @throws ConcordatError unauthenticated, identity-unavailable */
  async verify(token: string): Promise<Principal> {
    const now = this.now();
    const known = this.#remembered.get(token);
    if (known && now < known.until) return known.principal;
    if (token.length > TOKEN_LENGTH_MAX) throw refused('too long');
    try {
      const { payload } = await jwtVerify(token, this.keys.keyOf, {
        algorithms: ALGORITHMS,
        issuer: this.rules.issuer,
        audience: this.rules.audience,
        requiredClaims: ['exp', 'sub'],
        clockTolerance: LEEWAY_S,
        currentDate: new Date(now),
      });
      return this.#remember(token, this.#principalOf(payload), payload.exp as number, now);
    } catch (error) {
      if (error instanceof ConcordatError) throw error;
      throw refused(reasonOf(error), error);
    }
  }

  #principalOf(payload: JWTPayload): Principal {
    const { rolesClaim, rolesPrefix, participantsClaim } = this.rules;
    const subject = payload.sub;
    if (typeof subject !== 'string' || !SUBJECT_PATTERN.test(subject)) throw refused('unusable subject');
    const roles = namesIn(claimAt(payload, rolesClaim))
      .filter((name) => name.startsWith(rolesPrefix))
      .map((name) => name.slice(rolesPrefix.length))
      .filter(isRole);
    const participants = namesIn(claimAt(payload, participantsClaim));
    // The prefix keeps subjects apart from the callers of API keys, whose names have no colon.
    return createPrincipal(`jwt:${subject}`, roles, participants.includes('*') ? '*' : participants);
  }

  #remember(token: string, principal: Principal, expiresAtS: number, now: number): Principal {
    this.#remembered.delete(token);
    this.#remembered.set(token, { principal, until: Math.min(expiresAtS * 1000, now + REMEMBERED_MS) });
    if (this.#remembered.size > REMEMBERED_MAX) {
      const [oldest] = this.#remembered.keys();
      if (oldest !== undefined) this.#remembered.delete(oldest);
    }
    return principal;
  }
}

/** Own members only: a path such as `__proto__.x` finds nothing. */
function claimAt(payload: JWTPayload, path: string): unknown {
  if (Object.hasOwn(payload, path)) return payload[path]; // such as `https://example.org/roles`
  let at: unknown = payload;
  for (const name of path.split('.')) {
    if (at === null || typeof at !== 'object' || !Object.hasOwn(at, name)) return undefined;
    at = (at as Record<string, unknown>)[name];
  }
  return at;
}

function namesIn(claim: unknown): string[] {
  const list: unknown[] = typeof claim === 'string' ? claim.split(' ') : Array.isArray(claim) ? claim : [];
  return list.filter((name): name is string => typeof name === 'string' && name !== '');
}

/** What may be told: it says nothing of a token that was not made for us. */
const reasonOf = (error: unknown): string => (error instanceof errors.JWTExpired ? 'expired' : 'not valid');

const refused = (reason: string, cause?: unknown): ConcordatError =>
  new ConcordatError('unauthenticated', `The token is ${reason}.`, {}, { cause });
