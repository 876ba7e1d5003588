export { readTelemetryEnvironment, TelemetryEnvironmentError, type TelemetrySettings } from './environment.js';
export { startTelemetry, type Telemetry, type TelemetryLogger, type TelemetryOptions } from './telemetry.js';
