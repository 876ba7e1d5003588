import 'reflect-metadata';
import { type Config, ConfigError, readConfig } from './config/config.js';
import { withSecretFiles } from './config/secret-files.js';
import { coordinatorModule } from './coordinator.module.js';
import { CoordinatorProcess } from './coordinator-process.js';
import { createHttpApp } from './http/create-app.js';
import { exposeAccess } from './observability/access-metrics.js';
import { createLogger, type Logger } from './observability/logger.js';
import { MetricsRegistry } from './observability/metrics-registry.js';
import { type OpenAccess, openAccess } from './security/open-access.js';

const FAILURE = 1;

await main();

async function main(): Promise<void> {
  const config = orExit(() => readConfig(withSecretFiles(process.env)));
  const logger = createLogger(config.logLevel, { nodeId: config.nodeId });
  const access = orExit(() => openAccess(config.credentials, logger));
  const onFatal = (error: Error): void => {
    logger.fatal({ err: error }, 'cannot go on; a restart recovers');
    process.exit(FAILURE);
  };
  try {
    await run(config, logger, access, onFatal);
  } catch (error) {
    onFatal(error as Error);
  }
}

async function run(config: Config, logger: Logger, access: OpenAccess, onFatal: (error: Error) => void): Promise<void> {
  const { authenticator } = access;
  const app = await createHttpApp(coordinatorModule(config, logger, onFatal), logger, { authenticator });
  exposeAccess(app.get(MetricsRegistry), access);
  const life = app.get(CoordinatorProcess);

  // D10, in this order: admit nothing new and decide, answer what is open, let go of everything.
  const stop = async (signal: string): Promise<void> => {
    logger.info({ signal }, 'stopping');
    await life.drain();
    await app.close();
    await life.close();
    access.close();
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
function orExit<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    process.exit(FAILURE);
  }
}
