/** The coordinator's REST API, call by call: paths, keys, and what the end of each call means. */
import type { Deadline } from './deadline.js';
import { type Call, CallEnded, type Dispatcher, LONG_POLL_ATTEMPT_MS, type Reply } from './dispatcher.js';
import { ConcordatError, OutcomeUnknownError } from './errors.js';
import type {
  BeginRequest,
  Branch,
  BranchRequest,
  Cluster,
  Participant,
  ParticipantList,
  Snapshot,
  Transaction,
  TransactionList,
} from './generated/api.js';

export type WaitFor = 'decided' | 'completed';
export type Consistency = 'linearizable' | 'stale';
export type Query = Readonly<Record<string, string | number | undefined>>;

/** What a read is to show. */
export interface ReadChoice {
  /** `stale`: whatever the replica that was asked knows; `linearizable` when left out. */
  readonly consistency?: Consistency | undefined;
  /** At least everything committed up to this number, from any replica: read your own writes. */
  readonly minCsn?: number | undefined;
}

/** A call of the REST API as it stands there. */
export interface RestRequest {
  /** `GET` when left out. */
  readonly method?: 'GET' | 'POST' | 'DELETE';
  /** Such as `/v1/audits`. */
  readonly path: string;
  /** Names and values; undefined ones are left out. */
  readonly query?: Query;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as `Idempotency-Key`, where the call takes one: it may be repeated then. */
  readonly idempotencyKey?: string;
  /**
   * Whether it may be carried out twice; what reads or has a key may. What may not is sent again only where it was surely not
   * carried out, and one attempt gets all the time there is.
   */
  readonly repeatable?: boolean;
}

const KEY_HEADER = 'idempotency-key';
const MIN_CSN_HEADER = 'x-concordat-min-csn';
const JSON_HEADERS = { 'content-type': 'application/json' };
const NOT_FOUND = 404;
/** Ends that settle what an attempt before them has done. */
const SETTLING = new Set<string>(['transaction-aborted', 'transaction-committed']);

export class Rest {
  constructor(private readonly dispatcher: Dispatcher) {}

  async begin(body: BeginRequest, key: string, deadline: Deadline): Promise<Transaction> {
    return this.answer(write('POST', '/v1/transactions', body, key), deadline);
  }

  /** Begin, enlist and commit. @throws TransactionAbortedError, OutcomeUnknownError */
  oneShot(body: BeginRequest, key: string, deadline: Deadline): Promise<Transaction> {
    return this.#decide(write('POST', '/v1/transactions', { ...body, commit: true }, key), { key }, deadline);
  }

  /** @throws TransactionAbortedError, OutcomeUnknownError */
  commit(id: string, wait: WaitFor | undefined, key: string, deadline: Deadline): Promise<Transaction> {
    return this.#decide(write('POST', `${transactionPath(id)}/commit`, { wait }, key), { key, id }, deadline);
  }

  async rollback(id: string, deadline: Deadline): Promise<Transaction> {
    return this.answer(write('POST', `${transactionPath(id)}/rollback`, {}), deadline);
  }

  /**
   * Enlists a branch, at most once: what may have been carried out is not sent again.
   * @throws CallEnded, with `perhapsDone` where nobody knows whether it was
   */
  async enlist(id: string, branch: BranchRequest, now: boolean, deadline: Deadline): Promise<Branch> {
    const path = `${transactionPath(id)}/branches${now ? '?execute=now' : ''}`;
    return bodyOf(await this.dispatcher.send({ ...write('POST', path, branch), repeatable: false }, deadline));
  }

  async get(id: string, choice: ReadChoice & { wait?: WaitFor | undefined }, deadline: Deadline): Promise<Transaction> {
    const { wait, consistency } = choice;
    const call = read(`${transactionPath(id)}${query({ wait, consistency })}`, choice);
    if (wait === undefined) return this.answer(call, deadline);
    return this.answer({ ...call, hedge: false }, deadline, LONG_POLL_ATTEMPT_MS);
  }

  /** Any replica answers, from its own Postgres, once that holds all that was decided. */
  list(filter: Query, choice: ReadChoice, deadline: Deadline) {
    const call = { ...read(`/v1/transactions${query(filter)}`, choice), needsLeader: false };
    return this.answer<TransactionList>(call, deadline);
  }

  /** @returns the stream, or undefined where something on the way gave another answer */
  async events(id: string, lastEventId: string, deadline: Deadline): Promise<ReadableStream<Uint8Array> | undefined> {
    const headers = { accept: 'text/event-stream', ...(lastEventId !== '' && { 'last-event-id': lastEventId }) };
    const call = { ...read(`${transactionPath(id)}/events`, {}), headers, hedge: false, streams: true };
    const body = await this.answer<unknown>(call, deadline);
    return body instanceof ReadableStream ? body : undefined;
  }

  participants(deadline: Deadline): Promise<ParticipantList> {
    return this.answer({ ...read('/v1/participants', {}), needsLeader: false }, deadline);
  }

  participant(name: string, deadline: Deadline): Promise<Participant> {
    return this.answer({ ...read(`/v1/participants/${encodeURIComponent(name)}`, {}), needsLeader: false }, deadline);
  }

  cluster({ consistency }: ReadChoice, deadline: Deadline): Promise<Cluster> {
    return this.answer(read(`/v1/cluster${query({ consistency })}`, { consistency }), deadline);
  }

  /** A lease whose answer was lost ends by itself. */
  leaseSnapshot(ttlMs: number, deadline: Deadline): Promise<Snapshot> {
    return this.answer(write('POST', '/v1/snapshots', { ttlMs }), deadline);
  }

  async releaseSnapshot(id: string, deadline: Deadline): Promise<void> {
    const call = write('DELETE', `/v1/snapshots/${encodeURIComponent(id)}`);
    const reply = await this.#send(call, deadline);
    if (reply.status !== NOT_FOUND || !reply.afterLoss) bodyOf(reply); // the attempt that was lost may have released it
  }

  /**
   * A call as the caller words it.
   * @throws OutcomeUnknownError where it changes something and nobody knows whether it was carried out
   */
  async request(given: RestRequest, deadline: Deadline): Promise<Reply> {
    const { method = 'GET', query: values = {}, body, idempotencyKey: key, repeatable = key !== undefined } = given;
    if (!given.path.startsWith('/')) throw new ConcordatError('misuse', 'The path of a request begins with a slash.');
    const path = `${given.path}${query(values)}`;
    if (method === 'GET') {
      const call = { ...read(path, {}), needsLeader: values.consistency !== 'stale', hedge: false };
      return succeeded(await this.#send(call, deadline));
    }
    const call = { ...write(method, path, body, key), repeatable };
    const attemptMs = repeatable ? undefined : deadline.remainingMs;
    return succeeded(await this.#settle(call, { key, id: transactionIn(path) }, deadline, attemptMs));
  }

  /** @param attemptMs how long one attempt may take, in ms; a share of the time left when left out */
  async answer<T>(call: Call, deadline: Deadline, attemptMs?: number): Promise<T> {
    return bodyOf(await this.#send(call, deadline, attemptMs));
  }

  async #send(call: Call, deadline: Deadline, attemptMs?: number): Promise<Reply> {
    try {
      return await this.dispatcher.send(call, deadline, attemptMs);
    } catch (error) {
      throw error instanceof CallEnded ? error.error : error;
    }
  }

  async #decide(call: Call, subject: Subject, deadline: Deadline): Promise<Transaction> {
    return bodyOf(await this.#settle(call, subject, deadline));
  }

  /**
   * A call that changes something. Once an attempt was lost, only an outcome is an answer (D8): a refusal of a later attempt says
   * nothing about the earlier one, which may still be on its way.
   */
  async #settle(call: Call, { key, id }: Subject, deadline: Deadline, attemptMs?: number): Promise<Reply> {
    try {
      const reply = await this.dispatcher.send(call, deadline, attemptMs);
      const { error } = reply;
      if (!error || SETTLING.has(error.code) || !reply.afterLoss) return reply;
      throw new OutcomeUnknownError(key, id ?? error.transactionId, { cause: error });
    } catch (error) {
      if (!(error instanceof CallEnded)) throw error;
      if (!error.perhapsDone) throw error.error;
      throw new OutcomeUnknownError(key, id ?? error.transactionId, { cause: error.error });
    }
  }
}

function succeeded(reply: Reply): Reply {
  if (reply.error) throw reply.error;
  return reply;
}

const bodyOf = <T>(reply: Reply): T => succeeded(reply).body as T;

/** What a call is about, for whoever has to settle what became of it. */
interface Subject {
  readonly key?: string | undefined;
  readonly id?: string | undefined;
}

function transactionIn(path: string): string | undefined {
  const [, id] = /^\/v1\/transactions\/([^/?]+)/.exec(path) ?? [];
  return id === undefined ? undefined : decodeURIComponent(id);
}

const transactionPath = (id: string): string => `/v1/transactions/${encodeURIComponent(id)}`;

export const write = (method: 'POST' | 'DELETE', path: string, body?: unknown, key?: string): Call => ({
  method,
  path,
  headers: { ...(body !== undefined && JSON_HEADERS), ...(key !== undefined && { [KEY_HEADER]: key }) },
  ...(body !== undefined && { body: JSON.stringify(body) }),
  repeatable: true,
  needsLeader: true,
});

export const read = (path: string, { consistency, minCsn }: ReadChoice): Call => ({
  method: 'GET',
  path,
  headers: minCsn === undefined ? {} : { [MIN_CSN_HEADER]: String(minCsn) },
  repeatable: true,
  needsLeader: consistency !== 'stale',
  hedge: true,
});

export function query(values: Query): string {
  const given = Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] as [string, string]],
  );
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
}
