import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { StatusAnswer, StatusesRequest } from '@concordat/protocol';

/** Answers `POST /v1/statuses` as a replica does: what it knows is what the test tells it. */
export class FakeCoordinator {
  readonly outcomes = new Map<string, StatusAnswer>();
  readonly questions: StatusesRequest[] = [];
  appliedCsn = 100;
  /** The API key that is asked for; none lets in everybody. */
  apiKey: string | undefined;
  /** Answers 503 to everything. */
  isAway = false;
  /** Called before an answer is made; the answer waits for it. */
  beforeAnswer: (() => Promise<void> | void) | undefined;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer(async (request, response) => {
      if (this.apiKey !== undefined && request.headers.authorization !== `Bearer ${this.apiKey}`) {
        return void response.writeHead(401, { 'content-type': 'application/json' }).end('{"code":"unauthenticated"}');
      }
      let text = '';
      for await (const chunk of request) text += chunk;
      const question: StatusesRequest = JSON.parse(text);
      this.questions.push(question);
      const { appliedCsn } = this;
      await this.beforeAnswer?.();
      const behind = this.isAway || (question.minCsn ?? 0) > appliedCsn;
      const statuses = question.transactionIds.map((id) => this.outcomes.get(id) ?? { status: 'unknown' });
      response.writeHead(behind ? 503 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(behind ? { code: 'snapshot-unavailable' } : { appliedCsn, statuses }));
    });
  }

  static async start(): Promise<FakeCoordinator> {
    const coordinator = new FakeCoordinator();
    await new Promise<void>((resolve) => coordinator.#server.listen(0, '127.0.0.1', resolve));
    return coordinator;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
