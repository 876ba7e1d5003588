/** What a page shows of the coordinator, kept fresh. */
import { useCallback, useEffect, useRef, useState } from 'react';
import { CallFailed, read } from './api.js';
import { listen, type StreamState } from './event-stream.js';

export interface Polled<T> {
  readonly data: T | undefined;
  /** Of the last attempt; the data of the one before stays. */
  readonly error: CallFailed | undefined;
  readonly reload: () => Promise<void>;
}

/** Reads a path again and again, while the page can be seen. @param path undefined: nothing is read */
export function usePolled<T>(path: string | undefined, everyMs: number): Polled<T> {
  const [state, setState] = useState<{ path?: string | undefined; data?: T; error?: CallFailed }>({});
  const current = useRef(path);
  current.current = path;
  const reload = useCallback(async () => {
    if (path === undefined) return;
    try {
      const data = await read<T>(path);
      if (current.current === path) setState({ path, data });
    } catch (error) {
      if (current.current !== path) return;
      const failed = error instanceof CallFailed ? error : new CallFailed(0, 'The coordinator does not answer.');
      setState((before) => ({ ...(before.path === path && before), path, error: failed }));
    }
  }, [path]);
  useEffect(() => {
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const turn = async (): Promise<void> => {
      if (!document.hidden) await reload();
      if (!isOver) timer = setTimeout(() => void turn(), everyMs);
    };
    void turn();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [reload, everyMs]);
  const isOfThisPath = state.path === path;
  return { data: isOfThisPath ? state.data : undefined, error: isOfThisPath ? state.error : undefined, reload };
}

/** Listens to a stream for as long as the page is there. */
export function useStream(
  path: string,
  onData: (data: string) => void,
): { readonly state: StreamState; readonly error: CallFailed | undefined } {
  const [state, setState] = useState<{ state: StreamState; error: CallFailed | undefined }>({
    state: 'connecting',
    error: undefined,
  });
  const latest = useRef(onData);
  latest.current = onData;
  useEffect(() => {
    const end = new AbortController();
    const listener = {
      onData: (data: string) => latest.current(data),
      onState: (next: StreamState, error?: CallFailed) => {
        if (!end.signal.aborted) setState({ state: next, error });
      },
    };
    void listen(path, listener, end.signal);
    return () => end.abort();
  }, [path]);
  return state;
}
