/**
 * The spans of transactions (docs/tracing.md): one for each phase, and below it one for each participant, from the command
 * that leaves to the answer that comes. Commands carry that span on, so that whatever a participant does hangs below it.
 *
 * Where spans are not recorded, or not those of this trace, nothing is kept but the headers that came with the call, and they
 * are passed on as they are. Of calls without a trace nothing is kept at all.
 */
import {
  commandsTopic,
  parseTraceparent,
  REPLIES_TOPIC,
  type Reply,
  type TraceHeaders,
  traceHeadersOf,
} from '@concordat/protocol';
import type { Coordination, CoordinationEvent, Effect } from '@concordat/transaction';
import {
  type Attributes,
  type Context,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { TransactionTracing } from '../engine/tracing.js';
import { contextOf } from './trace-context.js';

/** The newest this many transactions are followed; the spans of an older one end when it has to make room. */
export const FOLLOWED_MAX = 10_000;

type Phase = 'prepare' | 'decide' | 'finalise';
type Sent = Extract<Effect, { type: 'send' }>;
type Settled = Extract<CoordinationEvent, { type: 'vote' | 'executed' | 'done' }>;

interface Branch {
  readonly command: Sent['command'];
  readonly span: Span;
  readonly headers: TraceHeaders;
}

interface Followed {
  /** Of the call that moved it on last. */
  headers: TraceHeaders;
  /** Undefined where this trace is not recorded here. */
  context: Context | undefined;
  readonly phases: Map<Phase, Span>;
  /** What each participant was told and has not answered. */
  readonly branches: Map<string, Branch>;
}

export class TransactionSpans implements TransactionTracing {
  readonly #followed = new Map<string, Followed>();

  /** @param tracer undefined where spans are not recorded */
  constructor(private readonly tracer?: Tracer) {}

  join(id: string, headers: TraceHeaders | undefined): void {
    if (headers === undefined) return;
    const context = this.tracer && contextIfKept(headers);
    const known = this.#followed.get(id);
    if (known) {
      known.headers = headers;
      known.context = context;
      return;
    }
    this.#followed.set(id, { headers, context, phases: new Map(), branches: new Map() });
    if (this.#followed.size > FOLLOWED_MAX) this.#makeRoom();
  }

  stepped(t: Coordination, event: CoordinationEvent, effects: readonly Effect[]): void {
    if (this.#followed.size === 0) return;
    const followed = this.#followed.get(t.header.id);
    if (!followed?.context) return;
    if (event.type === 'vote' || event.type === 'executed' || event.type === 'done') answered(followed, event);
    else if (event.type === 'applied') endPhase(followed, 'decide', decisionOf(t));
    for (const effect of effects) {
      if (effect.type === 'send') this.#sent(t, followed, effect);
      else if (effect.type === 'propose') this.#settled(t, followed);
    }
  }

  completed(id: string): void {
    const followed = this.#followed.get(id);
    if (followed) endAll(followed); // its headers stay: the outcome is still to be published
  }

  deposed(): void {
    for (const followed of this.#followed.values()) endAll(followed, 'the leader of its term was deposed');
  }

  headersOf(id: string, participant?: string): TraceHeaders | undefined {
    if (this.#followed.size === 0) return undefined;
    const followed = this.#followed.get(id);
    if (participant === undefined) return followed?.headers;
    return followed?.branches.get(participant)?.headers ?? followed?.headers;
  }

  /** The trace that a transaction belongs to, for logs. */
  traceIdOf(id: string): string | undefined {
    return parseTraceparent(this.headersOf(id)?.traceparent)?.traceId;
  }

  received(reply: Reply, headers: Readonly<Record<string, string>>): (() => void) | undefined {
    if (this.#followed.size === 0 || !('transactionId' in reply)) return undefined;
    const followed = this.#followed.get(reply.transactionId);
    const from = parseTraceparent(headers.traceparent);
    // A reply that names another trace than its transaction's would hang in a foreign one.
    if (!followed?.context || from?.traceId !== parseTraceparent(followed.headers.traceparent)?.traceId)
      return undefined;
    const span = this.tracer?.startSpan(
      `process ${reply.type}`,
      {
        kind: SpanKind.CONSUMER,
        attributes: {
          ...messaging('process', reply.type, REPLIES_TOPIC, reply.transactionId),
          'concordat.participant': reply.participant,
        },
      },
      contextOf(headers as unknown as TraceHeaders),
    );
    return () => span?.end();
  }

  #sent(t: Coordination, followed: Followed, { command, participant }: Sent): void {
    const open = followed.branches.get(participant);
    if (open?.command === command) return void open.span.addEvent('sent again');
    open?.span.end();
    const phase = PHASE_OF[command];
    const parent = phase === undefined ? followed.context : this.#phase(t, followed, phase);
    const { id } = t.header;
    const span = this.#start(`${command} ${participant}`, SpanKind.PRODUCER, parent, {
      ...messaging('send', command, commandsTopic(participant), id),
      'concordat.participant': participant,
    });
    followed.branches.set(participant, { command, span, headers: traceHeadersOf(span.spanContext()) });
  }

  /** The outcome is chosen, and proposed to the log. */
  #settled(t: Coordination, followed: Followed): void {
    for (const [participant, { span }] of followed.branches) {
      span.setAttribute('concordat.answered', false);
      span.end();
      followed.branches.delete(participant);
    }
    endPhase(followed, 'prepare', decisionOf(t));
    this.#phase(t, followed, 'decide');
  }

  #phase(t: Coordination, followed: Followed, phase: Phase): Context | undefined {
    let span = followed.phases.get(phase);
    if (!span) {
      const attributes = { 'concordat.transaction.id': t.header.id };
      span = this.#start(phase, SpanKind.INTERNAL, followed.context, attributes);
      followed.phases.set(phase, span);
    }
    return followed.context && trace.setSpan(followed.context, span);
  }

  #start(name: string, kind: SpanKind, parent: Context | undefined, attributes: Attributes): Span {
    return (this.tracer as Tracer).startSpan(name, { kind, attributes }, parent);
  }

  #makeRoom(): void {
    const [oldest] = this.#followed;
    if (!oldest) return;
    endAll(oldest[1], 'too many transactions are followed');
    this.#followed.delete(oldest[0]);
  }
}

const PHASE_OF: { readonly [C in Sent['command']]: Phase | undefined } = {
  execute: undefined,
  prepare: 'prepare',
  commit: 'finalise',
  rollback: 'finalise',
};

/** A trace that is not kept costs no spans here either. */
const contextIfKept = (headers: TraceHeaders): Context | undefined =>
  (parseTraceparent(headers.traceparent)?.traceFlags ?? 0) & 1 ? contextOf(headers) : undefined;

/** By OpenTelemetry's semantic conventions for messaging. */
const messaging = (type: 'send' | 'process', name: string, topic: string, transactionId: string): Attributes => ({
  'messaging.system': 'kafka',
  'messaging.operation.type': type,
  'messaging.operation.name': name,
  'messaging.destination.name': topic,
  'messaging.kafka.message.key': transactionId,
  'concordat.transaction.id': transactionId,
});

const ANSWER_TO: { readonly [E in Settled['type']]: readonly Sent['command'][] } = {
  vote: ['prepare'],
  executed: ['execute'],
  done: ['commit', 'rollback'],
};

/** What a participant was told has its answer. */
function answered({ branches }: Followed, event: Settled): void {
  const { participant } = event.type === 'vote' ? event.vote : event.type === 'executed' ? event.reply : event;
  const branch = branches.get(participant);
  if (!branch || !ANSWER_TO[event.type].includes(branch.command)) return;
  const { span } = branch;
  if (event.type === 'done') {
    span.setAttribute('concordat.outcome', event.outcome);
    if (event.outcome === 'hazard') fail(span, 'hazard', event.detail ?? undefined);
  } else {
    const { reason } = event.type === 'vote' ? event.vote : event.reply;
    if (event.type === 'vote') span.setAttribute('concordat.vote', event.vote.vote);
    if (reason) fail(span, reason.code, reason.message);
  }
  span.end();
  branches.delete(participant);
}

/** What is said of a phase that ends: the outcome, or why it was an abort. */
type Ending = (span: Span) => void;

const decisionOf =
  ({ outcome, csn, decidedIndex, reason }: Coordination): Ending =>
  (span) => {
    if (outcome) span.setAttribute('concordat.outcome', outcome);
    if (csn !== null) span.setAttribute('concordat.csn', csn);
    if (decidedIndex !== null) span.setAttribute('concordat.log.index', decidedIndex);
    if (outcome === 'aborted') fail(span, reason?.code ?? 'unknown', reason?.message);
  };

function endPhase({ phases }: Followed, phase: Phase, ending?: Ending): void {
  const span = phases.get(phase);
  if (!span) return;
  ending?.(span);
  span.end();
  phases.delete(phase);
}

function endAll(followed: Followed, why?: string): void {
  for (const span of [...[...followed.branches.values()].map((branch) => branch.span), ...followed.phases.values()]) {
    if (why !== undefined) fail(span, 'abandoned', why);
    span.end();
  }
  followed.branches.clear();
  followed.phases.clear();
  followed.context = undefined;
}

function fail(span: Span, code: string, message?: string): void {
  span.setAttribute('error.type', code);
  span.setStatus({ code: SpanStatusCode.ERROR, ...(message !== undefined && { message }) });
}
