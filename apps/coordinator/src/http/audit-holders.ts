/**
 * Asks the replica that keeps an audit. An audit lies on the disk of one replica, which its id names; every other replica
 * hands the call on to it, whoever leads.
 */
import { ConcordatError } from '@concordat/protocol';
import type { FastifyRequest } from 'fastify';
import { Agent, request as send } from 'undici';
import type { ClusterApi, MemberView } from '../engine/cluster-api.js';
import { FORWARDED_HEADER } from './forwarding.js';
import { traceOf } from './trace.js';

/** How long another replica may take to answer, in ms. */
const ANSWER_TIMEOUT_MS = 5_000;
const CONNECTIONS_MAX = 8;
const RETRY_AFTER_MS = 5_000;

export interface HolderAnswer {
  readonly status: number;
  readonly mediaType: string;
  readonly text: string;
}

export class AuditHolders {
  readonly #agent = new Agent({
    connections: CONNECTIONS_MAX,
    headersTimeout: ANSWER_TIMEOUT_MS,
    bodyTimeout: ANSWER_TIMEOUT_MS,
    connectTimeout: ANSWER_TIMEOUT_MS,
  });

  /** @param nodeId that of this replica */
  constructor(
    private readonly cluster: ClusterApi,
    private readonly nodeId: number,
  ) {}

  /** Whether another replica asks on behalf of its caller: it wants this replica's own word. */
  isHandedOn = (request: FastifyRequest): boolean => request.headers[FORWARDED_HEADER] !== undefined;

  /** @throws ConcordatError audit-not-found where no member has that node id, audit-unavailable where it cannot be asked */
  async ask(nodeId: number, request: FastifyRequest): Promise<HolderAnswer> {
    const { members } = await this.cluster.view('stale');
    const member = members.find((one) => one.nodeId === nodeId);
    if (!member) throw new ConcordatError('audit-not-found', `The audit was kept by replica ${nodeId}, which is gone.`);
    const problem = unreachable([nodeId]);
    if (this.isHandedOn(request)) throw problem;
    const answer = await this.#call(member, request);
    if (!answer) throw problem;
    return answer;
  }

  /** Asks every other member. @returns what each has said; undefined for those that could not be asked */
  async askOthers(request: FastifyRequest): Promise<Map<number, HolderAnswer | undefined>> {
    const { members } = await this.cluster.view('stale');
    const others = members.filter(({ nodeId }) => nodeId !== this.nodeId);
    const answers = await Promise.all(others.map((member) => this.#call(member, request)));
    return new Map(others.map(({ nodeId }, at) => [nodeId, answers[at]]));
  }

  close(): Promise<void> {
    return this.#agent.close();
  }

  async #call({ url }: MemberView, request: FastifyRequest): Promise<HolderAnswer | undefined> {
    const { authorization } = request.headers;
    const headers = {
      [FORWARDED_HEADER]: '1',
      ...(authorization !== undefined && { authorization }),
      ...traceOf(request),
    };
    try {
      const answer = await send(`${url}${request.url}`, { headers, dispatcher: this.#agent });
      const mediaType = String(answer.headers['content-type'] ?? '');
      return { status: answer.statusCode, mediaType, text: await answer.body.text() };
    } catch {
      return undefined; // told as unreachable
    }
  }
}

const unreachable = (nodeIds: number[]): ConcordatError =>
  new ConcordatError('audit-unavailable', `Replica ${nodeIds.join(', ')} keeps the audit and cannot be asked.`, {
    retryAfterMs: RETRY_AFTER_MS,
  });
