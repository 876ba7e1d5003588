/** Calls of the console to the coordinator that serves it. */
import type { Problem } from '@concordat/client';

/** A call that was answered with a problem, or not at all. */
export class CallFailed extends Error {
  override readonly name = 'CallFailed';

  /** @param status of the answer, 0 where there was none */
  constructor(
    readonly status: number,
    message: string,
    readonly problem?: Problem,
  ) {
    super(message);
  }
}

const STORAGE_KEY = 'concordat-credential';
/** Longer than the longest wait of the coordinator. */
const CALL_TIMEOUT_MS = 60_000;

/** Kept for this tab and until it is closed; never written anywhere else. */
export const credential = {
  get: (): string | null => sessionStorage.getItem(STORAGE_KEY),
  set: (value: string): void => sessionStorage.setItem(STORAGE_KEY, value),
  clear: (): void => sessionStorage.removeItem(STORAGE_KEY),
};

let onUnauthenticated = (_error: CallFailed): void => {};
/** Told whenever an answer says that the credentials in use are missing or no longer good. */
export function whenUnauthenticated(listener: (error: CallFailed) => void): void {
  onUnauthenticated = listener;
}

/** Whether the last call was answered, by whatever. */
class Contact {
  #isLost = false;
  readonly #listeners = new Set<() => void>();

  readonly isLost = (): boolean => this.#isLost;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  note(isLost: boolean): void {
    if (isLost === this.#isLost) return;
    this.#isLost = isLost;
    for (const listener of this.#listeners) listener();
  }
}
export const contact = new Contact();

/** @throws CallFailed */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  const shown = credential.get();
  if (shown !== null) headers.set('authorization', `Bearer ${shown}`);
  let response: Response;
  try {
    response = await fetch(path, { ...init, headers });
  } catch (error) {
    if (init.signal?.aborted && !isTimeout(init.signal)) throw error;
    contact.note(true);
    throw new CallFailed(0, 'The coordinator cannot be reached.');
  }
  contact.note(false);
  if (response.ok) return response;
  const problem = await readProblem(response);
  const failed = new CallFailed(response.status, problem?.detail ?? `The answer was ${response.status}.`, problem);
  // An answer to what was shown before somebody signed in anew says nothing of who is signed in now.
  if (response.status === 401 && shown === credential.get()) onUnauthenticated(failed);
  throw failed;
}

const isTimeout = ({ reason }: AbortSignal): boolean =>
  reason instanceof DOMException && reason.name === 'TimeoutError';

async function readProblem(response: Response): Promise<Problem | undefined> {
  try {
    return (await response.json()) as Problem;
  } catch {
    return undefined; // a proxy on the way answers in its own words
  }
}

/** @throws CallFailed */
export async function read<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await request(path, { signal: signal ?? AbortSignal.timeout(CALL_TIMEOUT_MS) });
  return (await response.json()) as T;
}

/** Changes something. @throws CallFailed */
export async function send<T>(
  method: 'POST' | 'DELETE',
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<T> {
  const response = await request(path, {
    method,
    headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
  });
  return (await response.json()) as T;
}
