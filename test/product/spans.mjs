// Receives the spans of all processes as a collector would (OTLP over HTTP, in JSON), and tells how they hang together.
import { json } from 'node:stream/consumers';
import { startLocalServer } from './local-server.mjs';

/**
 * @typedef {object} Span
 * @property {string} service
 * @property {string} name
 * @property {number} kind 1 internal, 2 server, 3 client, 4 producer, 5 consumer
 * @property {string} traceId
 * @property {string} spanId
 * @property {string} parentSpanId empty where it is the root
 * @property {number} startMs Unix time, with fractions
 * @property {number} endMs
 * @property {Record<string, string | number | boolean>} attributes
 * @property {{ code?: number, message?: string }} status code 2 is an error
 */

/** @returns {Promise<{ url: string, spans: Span[], environment: NodeJS.ProcessEnv, close: () => Promise<void> }>} */
export async function collectSpans() {
  /** @type {Span[]} */
  const spans = [];
  const { url, close } = await startLocalServer(async (request, response) => {
    spans.push(...spansIn(await json(request)));
    response.setHeader('content-type', 'application/json').end('{}');
  });
  const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_BSP_SCHEDULE_DELAY: '200' };
  return { url, spans, environment, close };
}

/** @returns {Span[]} */
const spansIn = ({ resourceSpans = [] }) =>
  resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = String(valuesOf(resource.attributes)['service.name']);
    return scopeSpans.flatMap(({ spans }) => spans.map((span) => read(service, span)));
  });

const read = (service, { name, kind, traceId, spanId, parentSpanId = '', status, attributes, ...times }) => ({
  ...{ service, name, kind, traceId, spanId, parentSpanId, status },
  attributes: valuesOf(attributes),
  startMs: milliseconds(times.startTimeUnixNano),
  endMs: milliseconds(times.endTimeUnixNano),
});

const valuesOf = (attributes) => Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

/** Nanoseconds since 1970 outgrow a number; microseconds do not. */
const milliseconds = (nanoseconds) => Number(BigInt(nanoseconds) / 1_000n) / 1_000;

/** All spans of the trace that a transaction belongs to, and of any other that names it. @param {Span[]} spans */
export function spansOfTransaction(spans, id) {
  const traces = new Set(
    spans.filter(({ attributes }) => attributes['concordat.transaction.id'] === id).map(({ traceId }) => traceId),
  );
  return spans.filter(({ traceId }) => traces.has(traceId));
}

/**
 * What hangs below what, each once: what was sent again has the same line.
 * @param {Span[]} spans of one trace
 * @returns {string[]} `service: span < service: parent`, sorted
 */
export function linesOf(spans) {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const nameOf = (span) => (span ? `${span.service}: ${span.name}` : 'nothing that was received');
  const lines = spans.map((span) => {
    const parent = span.parentSpanId === '' ? '-' : nameOf(byId.get(span.parentSpanId));
    return `${nameOf(span)} < ${parent}`;
  });
  return [...new Set(lines)].sort();
}

/** The lines of a transfer by `client.run` that was committed and finalised. */
export function linesOfTransfer({ caller, from, to }) {
  const coordinator = 'concordat-coordinator';
  const request = `${coordinator}: POST /v1/transactions`;
  const atParticipant = ({ participant, operation }) => [
    `${coordinator}: prepare ${participant} < ${coordinator}: prepare`,
    `${participant}: process prepare < ${coordinator}: prepare ${participant}`,
    `${participant}: operation ${operation} < ${participant}: process prepare`,
    `${participant}: prepare branch < ${participant}: process prepare`,
    `${coordinator}: process vote < ${participant}: process prepare`,
    `${coordinator}: commit ${participant} < ${coordinator}: finalise`,
    `${participant}: process commit < ${coordinator}: commit ${participant}`,
    `${participant}: commit branch < ${participant}: process commit`,
    `${coordinator}: process done < ${participant}: process commit`,
  ];
  return [
    `${caller}: transaction < -`,
    `${caller}: POST /v1/transactions < ${caller}: transaction`,
    `${request} < ${caller}: POST /v1/transactions`,
    `${coordinator}: prepare < ${request}`,
    `${coordinator}: decide < ${request}`,
    `${coordinator}: finalise < ${request}`,
    ...[from, to].flatMap(atParticipant),
  ].sort();
}
