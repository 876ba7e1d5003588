import { PARTICIPANT_LOGGER, ParticipantModule } from '@concordat/participant';
import { startTelemetry, type TelemetryLogger } from '@concordat/telemetry';
import { Module } from '@nestjs/common';
import { Account, AccountEntry } from './account.entity.js';
import { AccountOperations } from './account-operations.js';
import { AccountsController } from './accounts.controller.js';
import { readConfiguration } from './configuration.js';

const { participant, databaseUrl, brokers, coordinators, coordinatorApiKeyFile, kafkaClient, security, messageKeys } =
  readConfiguration(process.env);

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
      isolation: 'global',
      coordinators,
      coordinatorApiKeyFile,
      database: { url: databaseUrl, entities: [Account, AccountEntry] },
      kafka: { brokers, client: kafkaClient, security },
      messageKeys,
      endpoints: true,
    }),
  ],
  controllers: [AccountsController],
  providers: [TELEMETRY, AccountOperations],
})
export class AccountsModule {}
