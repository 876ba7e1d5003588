/** Who uses the console, and what that allows. */
import type { Caller } from '@concordat/client';
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from 'react';
import { CallFailed, credential, read, whenUnauthenticated } from './api.js';

export type Role = Caller['roles'][number];

export interface Session {
  /** Undefined until it is known. */
  readonly caller: Caller | undefined;
  readonly state: 'asking' | 'known' | 'needs-credentials' | 'unreachable';
  /** Why the credentials were not taken, or who could not be asked. */
  readonly error: CallFailed | undefined;
  may(role: Role): boolean;
  signIn(value: string): Promise<void>;
  signOut(): void;
  retry(): void;
}

const SessionContext = createContext<Session | undefined>(undefined);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error('there is no session around this part of the page');
  return session;
}

type Known = Pick<Session, 'caller' | 'state' | 'error'>;
const ASKING: Known = { caller: undefined, state: 'asking', error: undefined };

export function SessionProvider({ children }: { readonly children: ReactNode }) {
  const [known, setKnown] = useState<Known>(ASKING);
  const ask = useCallback(async () => {
    try {
      setKnown({ caller: await read<Caller>('/v1/caller'), state: 'known', error: undefined });
    } catch (error) {
      const failed = error instanceof CallFailed ? error : new CallFailed(0, 'The coordinator does not answer.');
      const isRefused = failed.status === 401;
      const wasShown = credential.get() !== null;
      if (isRefused) credential.clear();
      setKnown({
        caller: undefined,
        state: isRefused ? 'needs-credentials' : 'unreachable',
        error: isRefused && !wasShown ? undefined : failed,
      });
    }
  }, []);
  useEffect(() => {
    whenUnauthenticated((error) =>
      setKnown((before) => {
        if (before.state !== 'known') return before; // it is being asked for already
        credential.clear();
        return { caller: undefined, state: 'needs-credentials', error };
      }),
    );
    void ask();
  }, [ask]);
  const session = useMemo<Session>(
    () => ({
      ...known,
      may: (role) => known.caller?.roles.includes(role) ?? false,
      signIn: async (value) => {
        credential.set(value);
        await ask();
      },
      signOut: () => {
        credential.clear();
        setKnown({ ...ASKING, state: 'needs-credentials' });
      },
      retry: () => void ask(),
    }),
    [known, ask],
  );
  return <SessionContext value={session}>{children}</SessionContext>;
}
