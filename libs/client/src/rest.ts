/** The coordinator's REST API, call by call: paths, keys, and what the end of each call means. */
import type { Deadline } from './deadline.js';
import { type Call, CallEnded, type Dispatcher, LONG_POLL_ATTEMPT_MS, type Reply } from './dispatcher.js';
import { OutcomeUnknownError, TransactionAbortedError } from './errors.js';
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

/** What a read is to show. */
export interface ReadChoice {
  /** `stale`: whatever the replica that was asked knows; `linearizable` when left out. */
  readonly consistency?: Consistency | undefined;
  /** At least everything committed up to this number, from any replica: read your own writes. */
  readonly minCsn?: number | undefined;
}

const KEY_HEADER = 'idempotency-key';
const MIN_CSN_HEADER = 'x-concordat-min-csn';
const JSON_HEADERS = { 'content-type': 'application/json' };
const NOT_FOUND = 404;

export class Rest {
  constructor(private readonly dispatcher: Dispatcher) {}

  async begin(body: BeginRequest, key: string, deadline: Deadline): Promise<Transaction> {
    return this.answer(write('POST', '/v1/transactions', body, key), deadline);
  }

  /** Begin, enlist and commit. @throws TransactionAbortedError, OutcomeUnknownError */
  oneShot(body: BeginRequest, key: string, deadline: Deadline): Promise<Transaction> {
    return this.#decide(write('POST', '/v1/transactions', { ...body, commit: true }, key), key, undefined, deadline);
  }

  /** @throws TransactionAbortedError, OutcomeUnknownError */
  commit(id: string, wait: WaitFor | undefined, key: string, deadline: Deadline): Promise<Transaction> {
    return this.#decide(write('POST', `${transactionPath(id)}/commit`, { wait }, key), key, id, deadline);
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
  list(filter: Readonly<Record<string, string | number | undefined>>, choice: ReadChoice, deadline: Deadline) {
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

  /**
   * A call that may commit. Once an attempt was lost, only an outcome is an answer (D8): a refusal of a later attempt says nothing
   * about the earlier one, which may still be on its way.
   */
  async #decide(call: Call, key: string, id: string | undefined, deadline: Deadline): Promise<Transaction> {
    try {
      const reply = await this.dispatcher.send(call, deadline);
      const { error } = reply;
      if (!error || error instanceof TransactionAbortedError || !reply.afterLoss) return bodyOf(reply);
      throw new OutcomeUnknownError(key, id ?? error.transactionId, { cause: error });
    } catch (error) {
      if (!(error instanceof CallEnded)) throw error;
      if (!error.perhapsDone) throw error.error;
      throw new OutcomeUnknownError(key, id ?? error.transactionId, { cause: error.error });
    }
  }
}

function bodyOf<T>(reply: Reply): T {
  if (reply.error) throw reply.error;
  return reply.body as T;
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

export function query(values: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] as [string, string]],
  );
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
}
