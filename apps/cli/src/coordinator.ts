/** The way to a running coordinator, with what the command line was told of it. */
import { readFile } from 'node:fs/promises';
import { ConcordatClient, type Query, type RequestOptions } from '@concordat/client';
import { CommandFailure, usage } from './failure.js';

export interface Connection {
  readonly urls: readonly string[];
  readonly apiKeyFile: string | undefined;
  readonly timeoutMs: number;
}

export interface Coordinator {
  readonly urls: readonly string[];
  readonly client: ConcordatClient;
  get<T>(path: string, query?: Query): Promise<T>;
  /** @returns the body of the answer; throws as `ConcordatClient.request` */
  send<T>(request: RequestOptions): Promise<T>;
  /** One attempt at one replica. @returns undefined where it does not answer */
  probe(url: string, path: string): Promise<{ readonly status: number; readonly body: unknown } | undefined>;
}

export async function openCoordinator({ urls, apiKeyFile, timeoutMs }: Connection): Promise<Coordinator> {
  const authorization = apiKeyFile === undefined ? undefined : `Bearer ${await readApiKey(apiKeyFile)}`;
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
  // A redirect is no answer of a coordinator, and credentials are not for wherever it leads.
  const fetchHere: typeof fetch = (input, init) => fetch(input, { ...init, redirect: 'manual' });
  const client = new ConcordatClient({ urls, headers, timeoutMs, fetch: fetchHere });
  const send = async <T>(request: RequestOptions) => (await client.request<T>(request)).body;
  return {
    urls,
    client,
    get: (path, query) => send({ path, ...(query && { query }) }),
    send,
    async probe(url, path) {
      try {
        const response = await fetchHere(`${url}${path}`, { headers, signal: AbortSignal.timeout(timeoutMs) });
        return { status: response.status, body: await response.json().catch(() => undefined) };
      } catch {
        return undefined; // that is what is told
      }
    },
  };
}

async function readApiKey(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause: Error) => {
    throw new CommandFailure(
      'usage',
      `The file of the API key ${file} cannot be read.`,
      'Name the file that holds it.',
      {
        cause,
      },
    );
  });
  const key = text.trim();
  if (!/^[\x21-\x7e]+$/.test(key)) throw usage(`${file} holds no API key.`, 'It is to hold the key and nothing else.');
  return key;
}
