import 'reflect-metadata';
import { type Config, ConfigError, readConfig } from './config/config.js';
import { withSecretFiles } from './config/secret-files.js';
import { coordinatorModule } from './coordinator.module.js';
import { CoordinatorProcess } from './coordinator-process.js';
import { createHttpApp } from './http/create-app.js';
import { createLogger, type Logger } from './observability/logger.js';

const FAILURE = 1;

await main();

async function main(): Promise<void> {
  const config = readConfigOrExit();
  const logger = createLogger(config.logLevel, { nodeId: config.nodeId });
  const onFatal = (error: Error): void => {
    logger.fatal({ err: error }, 'cannot go on; a restart recovers');
    process.exit(FAILURE);
  };
  try {
    await run(config, logger, onFatal);
  } catch (error) {
    onFatal(error as Error);
  }
}

async function run(config: Config, logger: Logger, onFatal: (error: Error) => void): Promise<void> {
  const app = await createHttpApp(coordinatorModule(config, logger, onFatal), logger);
  const life = app.get(CoordinatorProcess);

  // D10, in this order: admit nothing new and decide, answer what is open, let go of everything.
  const stop = async (signal: string): Promise<void> => {
    logger.info({ signal }, 'stopping');
    await life.drain();
    await app.close();
    await life.close();
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

function readConfigOrExit(): Config {
  try {
    return readConfig(withSecretFiles(process.env));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    process.exit(FAILURE);
  }
}
