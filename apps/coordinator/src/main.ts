import 'reflect-metadata';
import { startTelemetry, type Telemetry, TelemetryEnvironmentError } from '@concordat/telemetry';
import { trace } from '@opentelemetry/api';
import { type Config, ConfigError, readConfig } from './config/config.js';
import { withSecretFiles } from './config/secret-files.js';
import { coordinatorModule } from './coordinator.module.js';
import { CoordinatorProcess } from './coordinator-process.js';
import { createHttpApp } from './http/create-app.js';
import { exposeAccess } from './observability/access-metrics.js';
import { createLogger, type Logger } from './observability/logger.js';
import { MetricsRegistry } from './observability/metrics-registry.js';
import { TransactionSpans } from './observability/transaction-spans.js';
import { type OpenAccess, openAccess } from './security/open-access.js';

const FAILURE = 1;
/** The name under which the coordinator's spans go out. */
const TRACER = '@concordat/coordinator';

await main();

async function main(): Promise<void> {
  const config = await orExit(() => readConfig(withSecretFiles(process.env)));
  let spans: TransactionSpans | undefined; // of transactions, which there are none of before the telemetry has started
  const traceIdOf = (transactionId: string) => spans?.traceIdOf(transactionId);
  const logger = createLogger(config.logLevel, { nodeId: config.nodeId }, undefined, traceIdOf);
  const access = await orExit(() => openAccess(config.credentials, logger));
  const telemetry = await orExit(() =>
    startTelemetry({
      serviceName: 'concordat-coordinator',
      instanceId: String(config.nodeId),
      environment: process.env,
      logger,
    }),
  );
  spans = new TransactionSpans(telemetry.enabled ? trace.getTracer(TRACER) : undefined);
  const onFatal = (error: Error): void => {
    logger.fatal({ err: error }, 'cannot go on; a restart recovers');
    process.exit(FAILURE);
  };
  try {
    await run({ config, logger, access, telemetry, spans, onFatal });
  } catch (error) {
    onFatal(error as Error);
  }
}

interface Parts {
  readonly config: Config;
  readonly logger: Logger;
  readonly access: OpenAccess;
  readonly telemetry: Telemetry;
  readonly spans: TransactionSpans;
  readonly onFatal: (error: Error) => void;
}

async function run({ config, logger, access, telemetry, spans, onFatal }: Parts): Promise<void> {
  const { authenticator } = access;
  const tracer = telemetry.enabled ? trace.getTracer(TRACER) : undefined;
  const app = await createHttpApp(coordinatorModule(config, logger, spans, onFatal), logger, { authenticator, tracer });
  exposeAccess(app.get(MetricsRegistry), access);
  const life = app.get(CoordinatorProcess);

  // D10, in this order: admit nothing new and decide, answer what is open, let go of everything.
  const stop = async (signal: string): Promise<void> => {
    logger.info({ signal }, 'stopping');
    await life.drain();
    await app.close();
    await life.close();
    access.close();
    await telemetry.stop();
    logger.info('stopped');
    process.exit(0);
  };
  let stopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(FAILURE);
      stopping = true;
      stop(signal).catch(onFatal);
    });
  }

  // HTTP first: probes and callers get clear answers while the state is recovered.
  await app.listen(config.port, config.host);
  logger.info({ url: await app.getUrl() }, 'listening');
  await life.start(await app.getUrl());
  logger.info('recovered');
}

/** What is wrong with the environment is told in its own words, without a stack. */
async function orExit<T>(read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof ConfigError) && !(error instanceof TelemetryEnvironmentError)) throw error;
    console.error(error.message);
    process.exit(FAILURE);
  }
}
