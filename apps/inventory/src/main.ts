import 'reflect-metadata';
import { nestLogger, PARTICIPANT_LOGGER, ParticipantStrategy } from '@concordat/participant';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { readConfiguration } from './configuration.js';
import { InventoryModule } from './inventory.module.js';
import { ProblemFilter } from './problem.filter.js';

const app = await NestFactory.create<NestFastifyApplication>(InventoryModule, new FastifyAdapter(), {
  logger: ['error', 'fatal'],
  abortOnError: false,
});
const logger = app.get(PARTICIPANT_LOGGER);
app.useLogger(nestLogger(logger));
app.useGlobalFilters(new ProblemFilter());
app.enableShutdownHooks([], { useProcessExit: true });
app.connectMicroservice({ strategy: app.get(ParticipantStrategy) });

const { host, port } = readConfiguration(process.env);
try {
  await app.listen(port, host);
  logger.info({ url: await app.getUrl() }, 'listening');
  await app.startAllMicroservices(); // waits for Postgres and Kafka
} catch (error) {
  logger.fatal({ err: error }, 'the service could not start');
  await app.close();
  process.exitCode = 1;
}
