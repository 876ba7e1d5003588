/** Who calls, and what that allows. */
import { API_KEY_ROLES } from '@concordat/coordinator-state';

/**
 * `caller` runs transactions, `operator` looks after those of all callers, `admin` changes the cluster; `participant` asks
 * what became of transactions, `monitor` reads metrics.
 */
export const ROLES = API_KEY_ROLES;
export type Role = (typeof ROLES)[number];
/** What a route asks for; `known`: credentials, with whatever role. */
export type Access = 'public' | 'known' | Role;

/** A role carries those below it, so that nobody needs a list of them. */
const GRANTS: Readonly<Record<Role, readonly Role[]>> = {
  caller: ['caller'],
  participant: ['participant'],
  monitor: ['monitor'],
  operator: ['operator', 'caller', 'participant', 'monitor'],
  admin: ROLES,
};

/** One who calls, as the rest of the coordinator knows them. */
export interface Principal {
  /** Owns the transactions and the idempotency keys that it makes. */
  readonly caller: string;
  /** Those given, and those that they carry. */
  readonly roles: ReadonlySet<Role>;
  /** Where it may enlist work. */
  readonly participants: '*' | ReadonlySet<string>;
}

/** @param participants names of those it may enlist, or `*` for all */
export function createPrincipal(
  caller: string,
  roles: readonly Role[],
  participants: '*' | readonly string[],
): Principal {
  return {
    caller,
    roles: new Set(roles.flatMap((role) => GRANTS[role])),
    participants: participants === '*' ? '*' : new Set(participants),
  };
}

export const isRole = (text: unknown): text is Role => (ROLES as readonly unknown[]).includes(text);

export const mayEnlist = ({ participants }: Principal, participant: string): boolean =>
  participants === '*' || participants.has(participant);

/** Everybody, where there are no credentials: allowed on loopback only. */
export const ANONYMOUS = createPrincipal('anonymous', ['admin'], '*');
