import { ParticipantModule } from '@concordat/participant';
import { Module } from '@nestjs/common';
import { Account, AccountEntry } from './account.entity.js';
import { AccountOperations } from './account-operations.js';
import { AccountsController } from './accounts.controller.js';
import { readConfiguration } from './configuration.js';

const { participant, databaseUrl, brokers, coordinators, coordinatorApiKeyFile, kafkaClient, security, messageKeys } =
  readConfiguration(process.env);

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
  providers: [AccountOperations],
})
export class AccountsModule {}
