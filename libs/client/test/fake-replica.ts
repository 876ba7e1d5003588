import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Heard {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  /** Parsed. */
  readonly body: unknown;
}

export type Behaviour = (heard: Heard, response: ServerResponse, request: IncomingMessage) => void | Promise<void>;

/** A server that does as the test says and keeps what it heard; calls of `/health/live` are answered and not kept. */
export class FakeReplica {
  readonly heard: Heard[] = [];
  behave: Behaviour;
  #server: Server;
  #port = 0;
  alive = true;

  constructor(behave: Behaviour) {
    this.behave = behave;
    this.#server = this.#make();
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  /** Refuses connections from now on, and breaks those there are. */
  async die(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async rise(): Promise<void> {
    this.#server = this.#make();
    await this.start();
  }

  #make(): Server {
    return createServer(async (request, response) => {
      if (request.url === '/health/live') return this.alive ? json(response, 200, { status: 'live' }) : undefined;
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const text = Buffer.concat(chunks).toString();
      const { method = '', url: path = '', headers } = request;
      const heard = { method, path, headers, body: text === '' ? undefined : JSON.parse(text) };
      this.heard.push(heard);
      await this.behave(heard, response, request);
      return undefined;
    });
  }
}

export function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

export function problem(response: ServerResponse, status: number, code: string, more: object = {}, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/problem+json', ...headers });
  response.end(
    JSON.stringify({ type: '', title: '', status, detail: code, instance: '', code, retryable: false, ...more }),
  );
}

export const transaction = (more: object = {}) => ({
  id: '1-1-1',
  status: 'committed',
  isolation: 'global',
  serializable: false,
  label: null,
  csn: 7,
  snapshot: 6,
  createdAt: '',
  deadlineAt: '',
  decidedAt: null,
  completedAt: null,
  outcomeReason: null,
  branches: [],
  ...more,
});

export const aborted = (response: ServerResponse, code: string, retryable: boolean): void =>
  problem(response, 409, 'transaction-aborted', {
    retryable,
    transactionId: '1-1-1',
    reason: { code, message: code, retryable },
  });
