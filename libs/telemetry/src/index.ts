export { readTelemetryEnvironment, TelemetryEnvironmentError, type TelemetrySettings } from './environment.js';
export { startTelemetry } from './start-telemetry.js';
export type { Telemetry, TelemetryLogger, TelemetryOptions } from './telemetry.js';
