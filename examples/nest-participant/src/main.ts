import 'reflect-metadata';
import { ParticipantModule, ParticipantStrategy } from '@concordat/participant';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { CreateVoucher1735689600001, Voucher, VouchersController } from './voucher.js';
import { VoucherOperations } from './voucher-operations.js';

const { DATABASE_URL = '', KAFKA_BROKERS = '', PORT = '3000' } = process.env;

@Module({
  imports: [
    ParticipantModule.forRoot({
      name: 'vouchers',
      isolation: 'local',
      database: { url: DATABASE_URL, entities: [Voucher], migrations: [CreateVoucher1735689600001] },
      kafka: { brokers: KAFKA_BROKERS },
      endpoints: true,
    }),
  ],
  controllers: [VouchersController],
  providers: [VoucherOperations],
})
class VouchersModule {}

const app = await NestFactory.create(VouchersModule, new FastifyAdapter());
app.enableShutdownHooks();
app.connectMicroservice({ strategy: app.get(ParticipantStrategy) });
await app.listen(PORT);
await app.startAllMicroservices();
