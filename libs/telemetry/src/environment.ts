/** What the environment says of telemetry, in the names that OpenTelemetry has given (its *Environment Variable Specification*). */

/** A variable has a value that cannot be used. The value is not repeated: it may be a secret. */
export class TelemetryEnvironmentError extends Error {
  override readonly name = 'TelemetryEnvironmentError';
}

const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;
type SamplerName = (typeof SAMPLERS)[number];

export interface TelemetrySettings {
  /** Where spans are sent, as OTLP over HTTP in JSON. */
  readonly tracesUrl: string;
  /** What the process calls itself; undefined leaves it to the process. */
  readonly serviceName: string | undefined;
  readonly sampler: SamplerName;
  /** Which share of the traces that begin here is kept, from 0 to 1; for the samplers that ask. */
  readonly ratio: number;
  /** Bound on spans that wait to be sent; further ones are dropped, and a warning says how many. */
  readonly queuedSpansMax: number;
  readonly batchSpansMax: number;
  /** How long spans gather, in ms. */
  readonly delayMs: number;
  /** How long one sending may take, in ms. */
  readonly exportTimeoutMs: number;
}

const QUEUED_SPANS_MAX_DEFAULT = 2_048;
const BATCH_SPANS_MAX_DEFAULT = 512;
const DELAY_MS_DEFAULT = 5_000;
const EXPORT_TIMEOUT_MS_DEFAULT = 10_000;
const COUNT_MAX = 1_000_000;
const TIME_MS_MAX = 600_000;
const TRACES_PATH = 'v1/traces';
/** Collectors take JSON at the same address as protobuf; gRPC has another. */
const PROTOCOLS = ['http/json', 'http/protobuf'];

/**
 * An empty variable counts as unset.
 * @returns undefined where no telemetry is wanted: no endpoint, `OTEL_SDK_DISABLED=true` or `OTEL_TRACES_EXPORTER=none`
 * @throws TelemetryEnvironmentError
 */
export function readTelemetryEnvironment(environment: NodeJS.ProcessEnv): TelemetrySettings | undefined {
  const read = (name: string): string | undefined => environment[name]?.trim() || undefined;
  const exporter = read('OTEL_TRACES_EXPORTER') ?? 'otlp';
  const tracesUrl = tracesUrlOf(read);
  if (tracesUrl === undefined || exporter === 'none' || read('OTEL_SDK_DISABLED')?.toLowerCase() === 'true') {
    return undefined;
  }
  if (exporter !== 'otlp') throw unusable('OTEL_TRACES_EXPORTER', 'otlp or none');
  const protocol = read('OTEL_EXPORTER_OTLP_TRACES_PROTOCOL') ?? read('OTEL_EXPORTER_OTLP_PROTOCOL') ?? 'http/json';
  if (!PROTOCOLS.includes(protocol)) throw unusable('OTEL_EXPORTER_OTLP_PROTOCOL', 'http/json');
  const sampler = read('OTEL_TRACES_SAMPLER') ?? 'parentbased_always_on';
  if (!isSampler(sampler)) throw unusable('OTEL_TRACES_SAMPLER', `one of ${SAMPLERS.join(', ')}`);
  const count = (name: string, otherwise: number, max: number) => wholeNumber(name, read(name), otherwise, max);
  return {
    tracesUrl,
    serviceName: read('OTEL_SERVICE_NAME'),
    sampler,
    ratio: ratioOf(read('OTEL_TRACES_SAMPLER_ARG')),
    queuedSpansMax: count('OTEL_BSP_MAX_QUEUE_SIZE', QUEUED_SPANS_MAX_DEFAULT, COUNT_MAX),
    batchSpansMax: count('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', BATCH_SPANS_MAX_DEFAULT, COUNT_MAX),
    delayMs: count('OTEL_BSP_SCHEDULE_DELAY', DELAY_MS_DEFAULT, TIME_MS_MAX),
    exportTimeoutMs: count('OTEL_BSP_EXPORT_TIMEOUT', EXPORT_TIMEOUT_MS_DEFAULT, TIME_MS_MAX),
  };
}

/** The address for traces is taken as it is; the one for everything gets the path of traces. */
function tracesUrlOf(read: (name: string) => string | undefined): string | undefined {
  const own = read('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT');
  if (own !== undefined) return httpUrl('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', own).href;
  const all = read('OTEL_EXPORTER_OTLP_ENDPOINT');
  if (all === undefined) return undefined;
  const base = httpUrl('OTEL_EXPORTER_OTLP_ENDPOINT', all);
  base.pathname = `${base.pathname.replace(/\/$/, '')}/${TRACES_PATH}`;
  return base.href;
}

function httpUrl(name: string, text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) throw unusable(name, 'a URL such as http://collector:4318');
  return url;
}

const isSampler = (text: string): text is SamplerName => (SAMPLERS as readonly string[]).includes(text);

function ratioOf(text: string | undefined): number {
  const ratio = Number(text ?? 1);
  if (ratio >= 0 && ratio <= 1) return ratio;
  throw unusable('OTEL_TRACES_SAMPLER_ARG', 'a share from 0 to 1');
}

function wholeNumber(name: string, text: string | undefined, otherwise: number, max: number): number {
  const value = Number(text ?? otherwise);
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw unusable(name, `a whole number from 1 to ${max}`);
}

const unusable = (name: string, expected: string): TelemetryEnvironmentError =>
  new TelemetryEnvironmentError(`${name} cannot be used: expected ${expected}`);
