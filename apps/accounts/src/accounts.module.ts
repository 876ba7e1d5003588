import { ParticipantModule } from '@concordat/participant';
import { Module } from '@nestjs/common';
import { Account, AccountEntry } from './account.entity.js';
import { AccountOperations } from './account-operations.js';
import { AccountsController } from './accounts.controller.js';
import { readConfiguration } from './configuration.js';
import { Accounts1735689600101 } from './migrations/1-accounts.js';

const { participant, databaseUrl, brokers, kafkaClient } = readConfiguration(process.env);

@Module({
  imports: [
    ParticipantModule.forRoot({
      name: participant,
      isolation: 'local',
      database: { url: databaseUrl, entities: [Account, AccountEntry], migrations: [Accounts1735689600101] },
      kafka: { brokers, client: kafkaClient },
      endpoints: true,
    }),
  ],
  controllers: [AccountsController],
  providers: [AccountOperations],
})
export class AccountsModule {}
