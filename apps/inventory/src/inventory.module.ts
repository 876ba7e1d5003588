import { ParticipantModule } from '@concordat/participant';
import { Module } from '@nestjs/common';
import { readConfiguration } from './configuration.js';
import { Stock1735689600201 } from './migrations/1-stock.js';
import { StockController } from './stock.controller.js';
import { Stock } from './stock.entity.js';
import { StockOperations } from './stock-operations.js';

const { participant, databaseUrl, brokers, kafkaClient, security, messageKeys } = readConfiguration(process.env);

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
  providers: [StockOperations],
})
export class InventoryModule {}
