import { readTelemetryEnvironment } from './environment.js';
import type { Telemetry, TelemetryOptions } from './telemetry.js';

const OFF: Telemetry = { enabled: false, stop: async () => undefined };

/**
 * Starts OpenTelemetry for the whole process, as the environment says, so that `@opentelemetry/api` works everywhere in it.
 * To be called once, before the first span.
 * @throws TelemetryEnvironmentError
 */
export async function startTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const settings = readTelemetryEnvironment(options.environment);
  if (settings === undefined) return OFF;
  const { startSdk } = await import('./sdk.js');
  return startSdk(settings, options);
}
