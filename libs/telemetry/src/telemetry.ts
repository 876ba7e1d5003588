/** Where trouble with sending is told; pino's loggers are such. */
export interface TelemetryLogger {
  warn(details: object, message: string): void;
}

export interface TelemetryOptions {
  /** What the process is called where `OTEL_SERVICE_NAME` says nothing. */
  readonly serviceName: string;
  /** Tells this process from others of the same name. */
  readonly instanceId?: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly logger: TelemetryLogger;
}

/** The telemetry of this process. */
export interface Telemetry {
  /** Whether spans are recorded; without it nothing of the SDK is even loaded. */
  readonly enabled: boolean;
  /** Sends what waits, for a bounded time, and stops. Never rejects. */
  stop(): Promise<void>;
}
