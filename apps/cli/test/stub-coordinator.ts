import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import type { Problem } from '@concordat/client';

export interface Asked {
  /** Method and path with its query. */
  readonly call: string;
  readonly body: unknown;
  readonly authorization: string | undefined;
}

export interface Answer {
  readonly status?: number;
  readonly body?: unknown;
  /** The connection breaks instead. */
  readonly breaks?: boolean;
  /** A stream of events named `transaction` instead. */
  readonly events?: readonly unknown[];
}

/** An HTTP server that answers as it is told; what it answers with has the types that are made of openapi.json. */
export class StubCoordinator {
  readonly asked: Asked[] = [];
  /** By method and path, without the query. One after the other; the last one stays. */
  readonly answers = new Map<string, Answer[]>();
  url = '';
  #server: Server | undefined;

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      void this.#answer(request).then(({ status = 200, body, breaks, events }) => {
        if (breaks) return request.socket.destroy();
        if (events) {
          response.writeHead(200, { 'content-type': 'text/event-stream' });
          return response.end(events.map((one) => `event: transaction\ndata: ${JSON.stringify(one)}\n\n`).join(''));
        }
        response.writeHead(status, { 'content-type': status < 400 ? 'application/json' : 'application/problem+json' });
        return response.end(JSON.stringify(body));
      });
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise((resolve) => this.#server?.close(resolve));
  }

  on(call: string, ...answers: Answer[]): void {
    this.answers.set(call, answers);
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const { method = '', url = '', headers } = request;
    const body = headers['content-type'] ? await json(request) : undefined;
    this.asked.push({ call: `${method} ${url}`, body, authorization: headers.authorization });
    const answers = this.answers.get(`${method} ${url.split('?')[0]}`);
    const answer = answers && answers.length > 1 ? answers.shift() : answers?.[0];
    return answer ?? problem({ code: 'route-not-found', status: 404, title: 'No such resource', detail: url });
  }
}

export const problem = (given: Pick<Problem, 'code' | 'status' | 'title' | 'detail'> & Partial<Problem>): Answer => ({
  status: given.status,
  body: { type: `/docs/errors#${given.code}`, instance: '/', retryable: false, ...given } satisfies Problem,
});
