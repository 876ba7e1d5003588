import { PARTICIPANT_LOGGER, ParticipantModule } from '@concordat/participant';
import { startTelemetry, type TelemetryLogger } from '@concordat/telemetry';
import { Module } from '@nestjs/common';
import { readConfiguration } from './configuration.js';
import { Stock1735689600201 } from './migrations/1-stock.js';
import { StockController } from './stock.controller.js';
import { Stock } from './stock.entity.js';
import { StockOperations } from './stock-operations.js';

const { participant, databaseUrl, brokers, kafkaClient, security, messageKeys } = readConfiguration(process.env);

/** Spans of what happens here, where the environment names a collector; the last ones are sent when the service stops. */
const TELEMETRY = {
  provide: Symbol('telemetry'),
  inject: [PARTICIPANT_LOGGER],
  useFactory: async (logger: TelemetryLogger) => {
    const telemetry = await startTelemetry({ serviceName: participant, environment: process.env, logger });
    return { onApplicationShutdown: () => telemetry.stop() };
  },
};

@Module({
  imports: [
    ParticipantModule.forRoot({
      name: participant,
      isolation: 'local',
      database: { url: databaseUrl, entities: [Stock], migrations: [Stock1735689600201] },
      kafka: { brokers, client: kafkaClient, security },
      messageKeys,
      endpoints: true,
    }),
  ],
  controllers: [StockController],
  providers: [TELEMETRY, StockOperations],
})
export class InventoryModule {}
