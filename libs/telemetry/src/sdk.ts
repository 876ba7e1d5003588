/** The SDK of OpenTelemetry, put together. Loaded only where telemetry is wanted. */
import { setTimeout as sleep } from 'node:timers/promises';
import { context, type DiagLogger, DiagLogLevel, diag, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import {
  ATTR_SERVICE_INSTANCE_ID,
  ATTR_SERVICE_NAME,
  ATTR_SERVICE_NAMESPACE,
} from '@opentelemetry/semantic-conventions';
import type { TelemetrySettings } from './environment.js';
import type { Telemetry, TelemetryLogger, TelemetryOptions } from './telemetry.js';

/** A stop waits no longer than this for spans to be sent, in ms. */
const FLUSH_MS_MAX = 3_000;
/** A collector that is away is told of at most this often, in ms. */
const TROUBLE_EVERY_MS = 60_000;
/** Of a text, so that no span outgrows what a collector takes. */
const ATTRIBUTE_LENGTH_MAX = 1_000;

export function startSdk(
  settings: TelemetrySettings,
  { serviceName, instanceId, logger }: TelemetryOptions,
): Telemetry {
  diag.setLogger(seldom(logger), { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  const own = resourceFromAttributes({
    [ATTR_SERVICE_NAME]: settings.serviceName ?? serviceName,
    [ATTR_SERVICE_NAMESPACE]: 'concordat',
    ...(instanceId !== undefined && { [ATTR_SERVICE_INSTANCE_ID]: instanceId }),
  });
  const provider = new TracerProvider({
    resource: defaultResource()
      .merge(own)
      .merge(detectResources({ detectors: [envDetector] })),
    sampler: samplerOf(settings),
    spanLimits: { attributeValueLengthLimit: ATTRIBUTE_LENGTH_MAX },
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: new OTLPTraceExporter({ url: settings.tracesUrl, timeoutMillis: settings.exportTimeoutMs }),
        maxQueueSize: settings.queuedSpansMax,
        maxExportBatchSize: Math.min(settings.batchSpansMax, settings.queuedSpansMax),
        scheduledDelayMillis: settings.delayMs,
        exportTimeoutMillis: settings.exportTimeoutMs,
      }),
    ],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(provider);
  const stop = async () => {
    await Promise.race([provider.shutdown(), sleep(FLUSH_MS_MAX, undefined, { ref: false })]).catch((error: unknown) =>
      logger.warn({ err: error }, 'the last spans could not be sent'),
    );
  };
  return { enabled: true, stop };
}

function samplerOf({ sampler, ratio }: TelemetrySettings): Sampler {
  switch (sampler) {
    case 'always_on':
      return new AlwaysOnSampler();
    case 'always_off':
      return new AlwaysOffSampler();
    case 'traceidratio':
      return new TraceIdRatioBasedSampler(ratio);
    case 'parentbased_always_on':
      return new ParentBasedSampler({ root: new AlwaysOnSampler() });
    case 'parentbased_always_off':
      return new ParentBasedSampler({ root: new AlwaysOffSampler() });
    case 'parentbased_traceidratio':
      return new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) });
  }
}

/** What the SDK has to say, as lines of our log; not each of the same. */
function seldom(logger: TelemetryLogger): DiagLogger {
  let quietUntil = Number.NEGATIVE_INFINITY;
  const tell = (detail: string) => {
    const now = performance.now();
    if (now < quietUntil) return;
    quietUntil = now + TROUBLE_EVERY_MS;
    logger.warn({ detail: detail.slice(0, ATTRIBUTE_LENGTH_MAX) }, 'telemetry cannot be sent');
  };
  const nothing = () => undefined;
  return { error: tell, warn: tell, info: nothing, debug: nothing, verbose: nothing };
}
